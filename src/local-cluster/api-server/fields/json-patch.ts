import { isDeepStrictEqual } from 'node:util';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';

/** A patch that does not fit its document or is not a patch. */
export class PatchError extends Error {
	override readonly name = 'PatchError';
}

type Container = JsonObject | JsonValue[];

/** Applies a JSON patch [RFC 6902] to a copy. @throws PatchError */
export function applyJsonPatch(document: JsonValue, patch: JsonValue): JsonValue {
	if (!Array.isArray(patch)) throw new PatchError('a JSON patch is a list of operations');
	// The wrapper lets a pointer replace the whole document like any other member.
	const root: JsonObject = { document: structuredClone(document) };
	for (const operation of patch) applyOperation(root, operation);
	return root['document'] ?? null;
}

function applyOperation(root: JsonObject, operation: JsonValue): void {
	if (!isJsonObject(operation)) throw new PatchError('an operation is an object');
	const path = pointer(operation['path']);
	switch (operation['op']) {
		case 'add':
			add(root, path, operandOf(operation));
			break;
		case 'remove':
			remove(root, path);
			break;
		case 'replace':
			read(root, path);
			replace(root, path, operandOf(operation));
			break;
		case 'move':
			move(root, pointer(operation['from']), path);
			break;
		case 'copy':
			add(root, path, structuredClone(read(root, pointer(operation['from']))));
			break;
		case 'test':
			if (isDeepStrictEqual(read(root, path), operandOf(operation))) break;
			throw new PatchError(`testing value ${String(operation['path'])} failed`);
		default:
			throw new PatchError(`Unexpected kind: ${JSON.stringify(operation['op'])}`);
	}
}

function operandOf(operation: JsonObject): JsonValue {
	const value = operation['value'];
	if (value === undefined) throw new PatchError('the operation has no value');
	return structuredClone(value);
}

/** A JSON pointer [RFC 6901] below the wrapper. */
function pointer(value: JsonValue | undefined): string[] {
	if (value === '') return ['document'];
	if (typeof value !== 'string' || !value.startsWith('/')) {
		throw new PatchError(`${JSON.stringify(value ?? null)} is not a JSON pointer`);
	}
	const parts = value.slice(1).split('/');
	return ['document', ...parts.map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))];
}

function locate(root: JsonObject, path: readonly string[]): [Container, string] {
	let container: JsonValue = root;
	for (const part of path.slice(0, -1)) container = child(container, part, path);
	if (typeof container !== 'object' || container === null) throw nothingAt(path);
	return [container, path.at(-1) ?? ''];
}

function read(root: JsonObject, path: readonly string[]): JsonValue {
	return path.reduce<JsonValue>((value, part) => child(value, part, path), root);
}

function child(value: JsonValue, part: string, path: readonly string[]): JsonValue {
	let found: JsonValue | undefined;
	if (Array.isArray(value)) found = value[indexOf(part, value.length - 1, path)];
	else if (isJsonObject(value) && Object.hasOwn(value, part)) found = value[part];
	if (found === undefined) throw nothingAt(path);
	return found;
}

function add(root: JsonObject, path: readonly string[], value: JsonValue): void {
	const [container, name] = locate(root, path);
	if (!Array.isArray(container)) {
		define(container, name, value);
		return;
	}
	const at = name === '-' ? container.length : indexOf(name, container.length, path);
	container.splice(at, 0, value);
}

function replace(root: JsonObject, path: readonly string[], value: JsonValue): void {
	const [container, name] = locate(root, path);
	if (Array.isArray(container)) container[indexOf(name, container.length - 1, path)] = value;
	else define(container, name, value);
}

function move(root: JsonObject, from: readonly string[], path: readonly string[]): void {
	if (path.length > from.length && from.every((part, index) => part === path[index])) {
		throw new PatchError('a value cannot be moved into itself');
	}
	add(root, path, remove(root, from));
}

function remove(root: JsonObject, path: readonly string[]): JsonValue {
	const value = read(root, path);
	const [container, name] = locate(root, path);
	if (Array.isArray(container)) container.splice(Number(name), 1);
	else delete container[name];
	return value;
}

/** Sets a member even where its name is `__proto__`. */
function define(object: JsonObject, name: string, value: JsonValue): void {
	Object.defineProperty(object, name, {
		value,
		writable: true,
		enumerable: true,
		configurable: true,
	});
}

function indexOf(part: string, last: number, path: readonly string[]): number {
	const number = /^(0|[1-9]\d*)$/.test(part) ? Number(part) : Number.NaN;
	if (number <= last) return number;
	throw nothingAt(path);
}

function nothingAt(path: readonly string[]): PatchError {
	return new PatchError(`there is nothing at /${path.slice(1).join('/')}`);
}
