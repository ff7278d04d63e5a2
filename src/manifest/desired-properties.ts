import { PropertyTree } from '../protocol/property-tree.ts';
import { withoutNulls } from '../protocol/twin.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { memberPath } from './json-path.ts';
import { maxDepth } from './json-text.ts';
import { suggestion } from './nearest-name.ts';
import type { Problem } from './problem.ts';

const whole = 'properties.desired';
/** Names of a dotted member below the desired properties. */
const maxNames = maxDepth;

/** Desired properties that a section of a manifest sets. */
export interface DesiredProperties {
	/** Without nulls: null in the desired properties of a twin means that there is nothing. */
	readonly desired: JsonObject;
	/** JSON path of the properties, or of the section where it has only dotted members. */
	readonly path: string;
	/** JSON path of the section. */
	readonly section: string;
	/** Paths below the desired properties that dotted members set. */
	readonly dotted: readonly (readonly string[])[];
	/** Whether the section replaces the properties as a whole, as a layer's does not. */
	readonly whole: boolean;
}

/** One member of a section: which properties it sets, as path below the desired ones. */
export interface DesiredMember {
	readonly names: readonly string[];
	readonly value: JsonValue;
}

/**
 * The members of a manifest's section, those that set more first: `properties.desired`, then
 * `properties.desired.modules`, then `properties.desired.modules.filter`. Those that lead deeper than
 * a document may nest are left out; `readSection` reports them.
 */
export function desiredMembers(section: JsonObject): DesiredMember[] {
	const members: DesiredMember[] = [];
	for (const [name, value] of Object.entries(section)) {
		if (value === undefined) continue;
		if (name === whole) members.push({ names: [], value });
		else if (name.startsWith(`${whole}.`)) {
			const names = name.slice(whole.length + 1).split('.', maxNames + 1);
			if (names.length <= maxNames) members.push({ names, value });
		}
	}
	return members.sort((a, b) => a.names.length - b.names.length);
}

/** The desired properties that one section sets, and what is wrong with its members. */
export function readSection(
	section: JsonObject,
	path: string,
	problems: Problem[],
): DesiredProperties | undefined {
	const members = desiredMembers(section);
	for (const name of Object.keys(section)) {
		if (name === whole) continue;
		if (name.startsWith(`${whole}.`)) {
			if (leadsTooDeep(name)) problems.push(tooDeep(memberPath(path, name)));
			continue;
		}
		problems.push({
			severity: 'warning',
			code: 'EDGE_MANIFEST_MEMBER_UNKNOWN',
			path: memberPath(path, name),
			message: 'A section of a manifest sets "properties.desired" or a property below it.',
			remedy: remedyFor(name, section[name]),
		});
	}
	const [first] = members;
	if (first === undefined) return undefined;
	if (first.names.length === 0 && !isJsonObject(first.value)) {
		problems.push({
			severity: 'error',
			code: 'EDGE_MANIFEST_FORM',
			path: memberPath(path, whole),
			message: 'Desired properties are an object.',
		});
		return undefined;
	}
	const desired = new PropertyTree();
	for (const { names, value } of members) desired.set(names, value);
	const isWhole = first.names.length === 0;
	const place = Object.hasOwn(section, whole) ? memberPath(path, whole) : path;
	const dotted = members.map(({ names }) => names).filter(({ length }) => length > 0);
	const values = withoutNulls(desired.toJson());
	return { desired: values, path: place, section: path, dotted, whole: isWhole };
}

function remedyFor(name: string, value: JsonValue | undefined): string {
	if (name === 'properties' && isJsonObject(value) && isJsonObject(value['desired'])) {
		return 'Write it as one member, "properties.desired", with the dot in its name.';
	}
	return suggestion(name, [whole]) || 'Remove this member; it has no effect.';
}

function leadsTooDeep(member: string): boolean {
	return member.split('.', maxNames + 3).length > maxNames + 2;
}

function tooDeep(path: string): Problem {
	return {
		severity: 'error',
		code: 'EDGE_MANIFEST_TOO_LARGE',
		path: path.length > 200 ? `${path.slice(0, 200)}…` : path,
		message: `A dotted member leads deeper than ${maxNames} levels.`,
	};
}
