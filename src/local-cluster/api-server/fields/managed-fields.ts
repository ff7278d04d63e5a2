import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import type { Schema } from '../schema/schema.ts';
import {
	decodeFieldSet,
	difference,
	emptyFieldSet,
	encodeFieldSet,
	type FieldSet,
	intersection,
	isEmptySet,
	onlySubtrees,
	pathsOf,
	sameSet,
	union,
	withoutSubtrees,
} from './field-set.ts';
import { compare, fieldSetOf, removeFields, withNamedFields } from './field-walk.ts';
import { mergeTyped } from './merge.ts';

/** Who changes an object, and through which door. */
export interface FieldManager {
	readonly name: string;
	readonly operation: 'Apply' | 'Update';
	readonly apiVersion: string;
	/** Empty for the object itself. */
	readonly subresource: string;
}

/** One member of `metadata.managedFields`. */
export interface ManagedEntry {
	readonly manager: FieldManager;
	readonly fields: FieldSet;
	/** RFC 3339; when the set of fields changed last. */
	readonly time: string | undefined;
}

/** Fields of one manager that another one wants to change. */
export interface FieldConflict {
	readonly entry: ManagedEntry;
	/** As `.spec.replicas`. */
	readonly paths: readonly string[];
}

/** What an apply would have taken away from other managers. */
export class FieldConflictError extends Error {
	override readonly name = 'FieldConflictError';
	readonly conflicts: readonly FieldConflict[];

	constructor(conflicts: readonly FieldConflict[]) {
		super('fields are owned by other managers');
		this.conflicts = conflicts;
	}
}

/** An object and who owns what of it. */
export interface ManagedObject {
	/** Without `metadata.managedFields`. */
	readonly object: JsonObject;
	readonly entries: readonly ManagedEntry[];
}

/** A write of one manager. */
export interface ManagedChange {
	readonly schema: Schema;
	readonly manager: FieldManager;
	/** RFC 3339, for entries whose fields change. */
	readonly now: string;
	/** Members of the object that this write cannot own: `status`, or everything but it. */
	readonly ignored: (set: FieldSet) => FieldSet;
}

/** What the server itself writes belongs to nobody. */
const systemFields = [
	['f:apiVersion'],
	['f:kind'],
	...[
		'name',
		'namespace',
		'creationTimestamp',
		'selfLink',
		'uid',
		'generation',
		'resourceVersion',
		'managedFields',
		'deletionTimestamp',
		'deletionGracePeriodSeconds',
		'generateName',
	].map((name) => ['f:metadata', `f:${name}`]),
];

function ownable(set: FieldSet, change: ManagedChange): FieldSet {
	const rest = withoutSubtrees(change.ignored(set), systemFields);
	const metadata = rest.children.get('f:metadata');
	if (metadata === undefined) return rest;
	const children = new Map(rest.children).set('f:metadata', { ...metadata, member: false });
	return { member: rest.member, children };
}

/** A write to `status` owns nothing but the status; a write to the object anything but it. */
export function ignoredFields(
	subresource: string,
	hasStatus: boolean,
): (set: FieldSet) => FieldSet {
	if (subresource === 'status') return (set) => onlySubtrees(set, ['f:status']);
	if (hasStatus) return (set) => withoutSubtrees(set, [['f:status']]);
	return (set) => set;
}

/** Ownership after a create, update or patch: the manager owns what changed, nobody what is gone. */
export function manageUpdate(
	before: ManagedObject | undefined,
	after: JsonObject,
	change: ManagedChange,
): ManagedEntry[] {
	const compared = compare(before?.object ?? {}, after, change.schema);
	const changed = ownable(compared.changed, change);
	const others = (before?.entries ?? [])
		.filter((entry) => !sameManager(entry.manager, change.manager))
		.map((entry) => ({
			...entry,
			fields: difference(difference(entry.fields, changed), compared.removed),
		}));
	const previous = before?.entries.find((entry) => sameManager(entry.manager, change.manager));
	const kept = difference(previous?.fields ?? emptyFieldSet, compared.removed);
	return withEntry(others, previous, union(kept, changed), change);
}

/**
 * Server-side apply: the manager owns exactly the fields it declares. Fields that it declared
 * before and does not any more are removed where nobody else owns them.
 *
 * @throws FieldConflictError when other managers own fields that would change, unless forced.
 */
export function manageApply(
	live: ManagedObject | undefined,
	config: JsonObject,
	change: ManagedChange,
	force: boolean,
): ManagedObject {
	const before = live?.object ?? {};
	const previous = live?.entries.find((entry) => sameManager(entry.manager, change.manager));
	const others = (live?.entries ?? []).filter((entry) => entry !== previous);
	const declared = ownable(fieldSetOf(config, change.schema), change);
	const merged = mergeTyped(before, config, change.schema) as JsonObject;
	const owned = others.reduce((set, entry) => union(set, entry.fields), declared);
	const pruned = prune(merged, previous?.fields ?? emptyFieldSet, owned, change.schema);
	// An object or list that pruning emptied may be declared as an empty one.
	const object = mergeTyped(pruned, config, change.schema) as JsonObject;
	const compared = compare(before, object, change.schema);
	const changed = ownable(compared.changed, change);
	const conflicts = conflictsOf(others, changed);
	if (conflicts.length > 0 && !force) throw new FieldConflictError(conflicts);
	const remaining = others.map((entry) => ({
		...entry,
		fields: difference(difference(entry.fields, changed), compared.removed),
	}));
	return { object, entries: withEntry(remaining, previous, declared, change) };
}

function conflictsOf(others: readonly ManagedEntry[], changed: FieldSet): FieldConflict[] {
	return others
		.map((entry) => ({ entry, paths: pathsOf(intersection(entry.fields, changed)) }))
		.filter(({ paths }) => paths.length > 0);
}

/** Removes what was declared last time and is owned by nobody now, with all that lies below. */
function prune(merged: JsonObject, last: FieldSet, owned: FieldSet, schema: Schema): JsonObject {
	if (isEmptySet(last)) return merged;
	const lastNamed = withNamedFields(last, schema);
	const stripped = removeFields(merged, lastNamed, schema) ?? {};
	const kept = union(
		withNamedFields(fieldSetOf(stripped, schema), schema),
		withNamedFields(owned, schema),
	);
	const all = withNamedFields(fieldSetOf(merged, schema), schema);
	const doomed = intersection(difference(all, kept), lastNamed);
	return (removeFields(merged, doomed, schema) ?? {}) as JsonObject;
}

function withEntry(
	others: readonly ManagedEntry[],
	previous: ManagedEntry | undefined,
	fields: FieldSet,
	change: ManagedChange,
): ManagedEntry[] {
	const unchanged = previous !== undefined && sameSet(previous.fields, fields);
	const time = unchanged ? previous.time : change.now;
	const entry: ManagedEntry = { manager: change.manager, fields, time };
	return [...others, entry].filter((candidate) => !isEmptySet(candidate.fields));
}

function sameManager(a: FieldManager, b: FieldManager): boolean {
	return (
		a.name === b.name &&
		a.operation === b.operation &&
		a.subresource === b.subresource &&
		(a.operation === 'Apply' || a.apiVersion === b.apiVersion)
	);
}

/** `metadata.managedFields` as entries. */
export function decodeManagedFields(managedFields: JsonValue | undefined): ManagedEntry[] {
	const entries = Array.isArray(managedFields) ? managedFields.filter(isJsonObject) : [];
	const named = entries.filter((entry) => isJsonObject(entry['fieldsV1']));
	return named.map((entry) => ({
		manager: {
			name: String(entry['manager'] ?? ''),
			operation: entry['operation'] === 'Apply' ? 'Apply' : 'Update',
			apiVersion: String(entry['apiVersion'] ?? ''),
			subresource: String(entry['subresource'] ?? ''),
		},
		fields: decodeFieldSet(entry['fieldsV1']),
		time: typeof entry['time'] === 'string' ? entry['time'] : undefined,
	}));
}

/** Entries as `metadata.managedFields`: applies first, then by time and name, as the real server sorts. */
export function encodeManagedFields(entries: readonly ManagedEntry[]): JsonObject[] {
	return [...entries].sort(compareEntries).map(({ manager, fields, time }) => ({
		manager: manager.name,
		operation: manager.operation,
		apiVersion: manager.apiVersion,
		...(time === undefined ? {} : { time }),
		fieldsType: 'FieldsV1',
		fieldsV1: encodeFieldSet(fields),
		...(manager.subresource === '' ? {} : { subresource: manager.subresource }),
	}));
}

function compareEntries(a: ManagedEntry, b: ManagedEntry): number {
	return (
		compareText(a.manager.operation, b.manager.operation) ||
		compareText(a.time ?? '', b.time ?? '') ||
		compareText(a.manager.name, b.manager.name) ||
		compareText(a.manager.subresource, b.manager.subresource)
	);
}

function compareText(a: string, b: string): number {
	if (a === b) return 0;
	return a < b ? -1 : 1;
}
