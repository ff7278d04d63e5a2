import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';

/**
 * A set of field paths as a tree. A node is reached by the path elements of Kubernetes' FieldsV1:
 * `f:<member>`, `k:<keys as JSON>` for an element of a map list, `v:<scalar as JSON>` for an
 * element of a set. `member` says that the path to the node is itself in the set.
 */
export interface FieldSet {
	readonly member: boolean;
	readonly children: ReadonlyMap<string, FieldSet>;
}

/** A field set under construction. */
export interface MutableFieldSet extends FieldSet {
	member: boolean;
	readonly children: Map<string, MutableFieldSet>;
}

export const emptyFieldSet: FieldSet = { member: false, children: new Map() };

export function newFieldSet(): MutableFieldSet {
	return { member: false, children: new Map() };
}

/** The node of a path element, made if need be. */
export function descend(set: MutableFieldSet, element: string): MutableFieldSet {
	let child = set.children.get(element);
	if (child === undefined) {
		child = newFieldSet();
		set.children.set(element, child);
	}
	return child;
}

/** Whether the set has no path. */
export function isEmptySet(set: FieldSet): boolean {
	if (set.member) return false;
	for (const child of set.children.values()) if (!isEmptySet(child)) return false;
	return true;
}

/** Paths that are in one of both. */
export function union(a: FieldSet, b: FieldSet): FieldSet {
	const children = new Map(a.children);
	for (const [element, child] of b.children) {
		const other = children.get(element);
		children.set(element, other === undefined ? child : union(other, child));
	}
	return { member: a.member || b.member, children };
}

/** Paths of `a` that are not, themselves, in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
	const children = new Map<string, FieldSet>();
	for (const [element, child] of a.children) {
		const other = b.children.get(element);
		const rest = other === undefined ? child : difference(child, other);
		if (!isEmptySet(rest)) children.set(element, rest);
	}
	return { member: a.member && !b.member, children };
}

/** Paths that are in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
	const children = new Map<string, FieldSet>();
	for (const [element, child] of a.children) {
		const other = b.children.get(element);
		if (other === undefined) continue;
		const both = intersection(child, other);
		if (!isEmptySet(both)) children.set(element, both);
	}
	return { member: a.member && b.member, children };
}

/** The set without these paths and everything below them. */
export function withoutSubtrees(set: FieldSet, paths: readonly (readonly string[])[]): FieldSet {
	return paths.reduce(withoutSubtree, set);
}

function withoutSubtree(set: FieldSet, [first, ...rest]: readonly string[]): FieldSet {
	const child = first === undefined ? undefined : set.children.get(first);
	if (first === undefined || child === undefined) return set;
	const children = new Map(set.children);
	const remaining = rest.length === 0 ? emptyFieldSet : withoutSubtree(child, rest);
	if (isEmptySet(remaining)) children.delete(first);
	else children.set(first, remaining);
	return { member: set.member, children };
}

/** Only what lies below these paths, or is one of them. */
export function onlySubtrees(set: FieldSet, roots: readonly string[]): FieldSet {
	const children = [...set.children].filter(([element]) => roots.includes(element));
	return { member: false, children: new Map(children) };
}

/** Whether both hold the same paths. */
export function sameSet(a: FieldSet, b: FieldSet): boolean {
	return isEmptySet(difference(a, b)) && isEmptySet(difference(b, a));
}

/** All paths, in order, as people read them: `.spec.containers[name="web"].image`. */
export function pathsOf(set: FieldSet, prefix = ''): string[] {
	const paths = set.member && prefix !== '' ? [prefix] : [];
	for (const element of [...set.children.keys()].sort()) {
		const child = set.children.get(element) ?? emptyFieldSet;
		paths.push(...pathsOf(child, prefix + describeElement(element)));
	}
	return paths;
}

function describeElement(element: string): string {
	const text = element.slice(2);
	if (element.startsWith('f:')) return `.${text}`;
	if (element.startsWith('v:')) return `[=${text}]`;
	const keys: JsonValue = JSON.parse(text);
	if (!isJsonObject(keys)) return `[${text}]`;
	const parts = Object.entries(keys).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
	return `[${parts.join(',')}]`;
}

/** The FieldsV1 form of a set. */
export function encodeFieldSet(set: FieldSet): JsonObject {
	const fields: JsonObject = {};
	if (set.member && set.children.size > 0) fields['.'] = {};
	for (const element of [...set.children.keys()].sort()) {
		fields[element] = encodeFieldSet(set.children.get(element) ?? emptyFieldSet);
	}
	return fields;
}

/** Reads FieldsV1; what is not of its form is passed over. */
export function decodeFieldSet(fields: unknown): FieldSet {
	const set = decodeNode(fields);
	return { member: false, children: set.children };
}

function decodeNode(fields: unknown): FieldSet {
	const children = new Map<string, FieldSet>();
	if (!isJsonObject(fields)) return emptyFieldSet;
	for (const [element, value] of Object.entries(fields)) {
		if (/^[fkv]:/.test(element)) children.set(element, decodeNode(value));
	}
	return { member: '.' in fields || children.size === 0, children };
}
