import { itemPath, memberPath } from '../../manifest/json-path.ts';
import { KnownNames } from '../../manifest/nearest-name.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import {
	createOptionsTable,
	type OptionName,
	type OptionRow,
	optionNames,
} from './create-options-table.ts';
import type { ModuleProblems } from './module-problems.ts';
import { kindOf, shapeNames, shapeOf } from './option-shape.ts';

const groups = ['HostConfig', 'NetworkingConfig'] as const;
const byLowerName = new Map(optionNames.map((name) => [name.toLowerCase(), name]));
/** Members that the extension reads. */
const extensionMembers = new Set(['k8s-experimental', 'k8s-extensions']);
/** The first option of a name, whatever its group, by the name in lower case. */
const byOwnName = new Map(
	optionNames.toReversed().map((name) => [ownNameOf(name).toLowerCase(), name]),
);
/** What may stand in a group; `''` is the top. */
const membersByGroup = new Map(
	['', ...groups].map((group) => {
		const options = optionNames.filter((name) => groupOf(name) === group).map(ownNameOf);
		const others = group === '' ? [...groups, ...extensionMembers] : [];
		return [group, new KnownNames([...others, ...options])];
	}),
);

/** A value and where it stands. */
export interface Placed<T> {
	readonly value: T;
	readonly path: string;
}

interface Present extends Placed<JsonValue> {
	taken: boolean;
}

/**
 * A module's createOptions, read through the table: names match without regard to case, values are
 * checked for their shape, and what nobody reads can be listed.
 */
export class CreateOptions {
	readonly #present = new Map<OptionName, Present>();

	readonly #visible: ReadonlySet<OptionName> | undefined;

	/**
	 * Reports unknown, misplaced and misshapen members to `problems`.
	 *
	 * @param visible Options that can be read; others count as unread whatever their shape.
	 */
	constructor(
		options: JsonObject,
		path: string,
		problems: ModuleProblems,
		visible?: ReadonlySet<OptionName>,
	) {
		this.#visible = visible;
		for (const [name, value] of Object.entries(options)) {
			const group = groups.find((one) => one.toLowerCase() === name.toLowerCase());
			if (group === undefined) {
				if (!extensionMembers.has(name.toLowerCase())) {
					this.#add('', name, value, path, problems);
				}
			} else {
				this.#addGroup(group, value, memberPath(path, name), problems);
			}
		}
	}

	string(name: OptionName): string | undefined {
		return this.#take(name) as string | undefined;
	}

	boolean(name: OptionName): boolean {
		return this.#take(name) === true;
	}

	integer(name: OptionName): number | undefined {
		return this.#take(name) as number | undefined;
	}

	/** The items of a list; empty where the option is absent. */
	strings(name: OptionName): Placed<string>[] {
		return this.list(name) as Placed<string>[];
	}

	/** The items of a list; empty where the option is absent. */
	list(name: OptionName): Placed<JsonValue>[] {
		const path = this.pathOf(name);
		const items = (this.#take(name) ?? []) as JsonValue[];
		return items.map((value, index) => ({ value, path: itemPath(path, index) }));
	}

	/** The members of an object; empty where the option is absent. */
	members(name: OptionName): [string, Placed<JsonValue>][] {
		const path = this.pathOf(name);
		const object = (this.#take(name) ?? {}) as JsonObject;
		return Object.entries(object).map(([member, value = null]) => {
			return [member, { value, path: memberPath(path, member) }];
		});
	}

	/** An object as it stands. */
	object(name: OptionName): JsonObject | undefined {
		return this.#take(name) as JsonObject | undefined;
	}

	pathOf(name: OptionName): string {
		return this.#present.get(name)?.path ?? '';
	}

	/** Options that ask for something and were not read, in the table's order. */
	unread(): { readonly name: OptionName; readonly path: string; readonly row: OptionRow }[] {
		return optionNames.flatMap((name) => {
			const entry = this.#present.get(name);
			if (entry === undefined || entry.taken) return [];
			return [{ name, path: entry.path, row: createOptionsTable[name] }];
		});
	}

	#take(name: OptionName): JsonValue | undefined {
		if (this.#visible?.has(name) === false) return undefined;
		const entry = this.#present.get(name);
		if (entry !== undefined) entry.taken = true;
		return entry?.value;
	}

	#addGroup(
		group: string,
		value: JsonValue | undefined,
		path: string,
		problems: ModuleProblems,
	): void {
		if (value === null || value === undefined) return;
		if (!isJsonObject(value)) {
			problems.refuse('EDGE_CREATE_OPTION_INVALID', path, `"${group}" is no object.`);
			return;
		}
		for (const [name, member] of Object.entries(value)) {
			this.#add(group, name, member, path, problems);
		}
	}

	#add(
		group: string,
		name: string,
		value: JsonValue | undefined,
		parent: string,
		problems: ModuleProblems,
	): void {
		const path = memberPath(parent, name);
		const known = byLowerName.get((group === '' ? name : `${group}.${name}`).toLowerCase());
		if (known === undefined) {
			if (!isIdle(value, undefined)) reportUnknown(group, name, path, problems);
			return;
		}
		const row: OptionRow = createOptionsTable[known];
		if (isIdle(value, row.idle)) return;
		if (this.#visible?.has(known) === false) {
			this.#present.set(known, { value: null, path, taken: false });
			return;
		}
		const shaped = shapeOf(value as JsonValue, row.shape);
		if (shaped === undefined) {
			const message = `"${known}" takes ${shapeNames[row.shape]}, not ${kindOf(value)}.`;
			problems.refuse('EDGE_CREATE_OPTION_INVALID', path, message, remedyFor(value, row));
		} else if (!isIdle(shaped, row.idle)) {
			this.#present.set(known, { value: shaped, path, taken: false });
		}
	}
}

/** `512m`, as the command line takes it, where the API takes bytes. */
function remedyFor(value: JsonValue | undefined, row: OptionRow): string | undefined {
	if (row.shape !== 'integer' || typeof value !== 'string') return undefined;
	const [, number, unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg])i?b?$/i.exec(value.trim()) ?? [];
	if (number === undefined) return undefined;
	const factor = { k: 1024, m: 1024 ** 2, g: 1024 ** 3 }[unit.toLowerCase()] ?? 1;
	return `Give bytes: ${Math.round(Number(number) * factor)}.`;
}

function isIdle(value: JsonValue | undefined, idle: OptionRow['idle']): boolean {
	if (value === null || value === undefined) return true;
	if (typeof value === 'object') return Object.keys(value).length === 0;
	if (typeof value === 'string' && value.trim() === '') return true;
	const asksNothing = idle?.some(
		(one) => jsonText(one).toLowerCase() === jsonText(value).toLowerCase(),
	);
	return asksNothing === true || (idle?.length !== 0 && (value === false || value === 0));
}

function reportUnknown(group: string, name: string, path: string, problems: ModuleProblems): void {
	const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
	const elsewhere = byOwnName.get(name.toLowerCase());
	const isGroup = groups.some((one) => one.toLowerCase() === name.toLowerCase());
	const remedy =
		isGroup || elsewhere !== undefined
			? placeRemedy(isGroup ? '' : groupOf(elsewhere ?? ''))
			: (membersByGroup.get(group)?.suggestion(name) ?? '');
	problems.warn(
		'EDGE_CREATE_OPTION_UNKNOWN',
		path,
		`"${shown}" is no Docker option here; Docker ignores it, and so does Kubernetes.`,
		remedy === '' ? undefined : remedy,
	);
}

function placeRemedy(group: string): string {
	const place = group === '' ? 'at the top of createOptions' : `under "${group}"`;
	return `It belongs ${place}; move it there.`;
}

function groupOf(name: string): string {
	return name.includes('.') ? name.slice(0, name.indexOf('.')) : '';
}

function ownNameOf(name: string): string {
	return name.slice(name.indexOf('.') + 1);
}
