import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import { canonicalQuantity } from './quantity.ts';
import type { ListSchema, MapSchema, ScalarKind, Schema, StructSchema } from './schema.ts';

/** A value whose type does not fit its schema. */
export class DecodeError extends Error {
	override readonly name = 'DecodeError';
}

/** What became of a client's object. */
export interface Decoded {
	/** A fresh copy: without nulls, without fields that are not known, quantities canonical. */
	readonly object: JsonObject;
	/** Paths of the fields that are not known, as `spec.foo`. */
	readonly unknown: readonly string[];
}

/**
 * Reads a client's object by its schema.
 *
 * @param checked whether values of a wrong type are refused here; custom resources are checked
 * against their own schema instead.
 * @throws DecodeError
 */
export function decodeObject(value: JsonObject, schema: StructSchema, checked: boolean): Decoded {
	const decoder = new Decoder(checked);
	const object = decoder.struct(value, schema, '');
	return { object, unknown: decoder.unknown };
}

class Decoder {
	readonly unknown: string[] = [];
	readonly #checked: boolean;

	constructor(checked: boolean) {
		this.#checked = checked;
	}

	struct(value: JsonObject, schema: StructSchema, path: string): JsonObject {
		const members: [string, JsonValue][] = [];
		for (const [name, member] of Object.entries(value)) {
			if (member === undefined) continue;
			const field = schema.fields.get(name);
			const memberPath = path === '' ? name : `${path}.${name}`;
			if (field === undefined) {
				if (schema.open) members.push([name, structuredClone(member)]);
				else this.unknown.push(memberPath);
			} else if (member !== null) {
				members.push([name, this.#value(member, field.schema, memberPath, schema.name)]);
			}
		}
		return Object.fromEntries(members);
	}

	#value(value: JsonValue, schema: Schema, path: string, owner: string): JsonValue {
		switch (schema.kind) {
			case 'any':
				return structuredClone(value);
			case 'struct':
				if (isJsonObject(value)) return this.struct(value, schema, path);
				return this.#mismatch(value, path, owner, schema.name);
			case 'map':
				if (isJsonObject(value)) return this.#map(value, schema, path, owner);
				return this.#mismatch(value, path, owner, 'map');
			case 'list':
				if (Array.isArray(value)) return this.#list(value, schema, path, owner);
				return this.#mismatch(value, path, owner, 'array');
			default:
				return this.#checked ? this.#scalar(value, schema.kind, path, owner) : value;
		}
	}

	#map(value: JsonObject, schema: MapSchema, path: string, owner: string): JsonObject {
		const members: [string, JsonValue][] = [];
		for (const [name, member] of Object.entries(value)) {
			if (member === undefined || member === null) continue;
			members.push([name, this.#value(member, schema.element, `${path}.${name}`, owner)]);
		}
		return Object.fromEntries(members);
	}

	#list(value: readonly JsonValue[], schema: ListSchema, path: string, owner: string): JsonValue {
		return value.map((item, index) => {
			if (item === null && this.#checked && schema.element.kind === 'struct') return {};
			return this.#value(item, schema.element, `${path}[${index}]`, owner);
		});
	}

	#scalar(value: JsonValue, kind: ScalarKind, path: string, owner: string): JsonValue {
		if (kind === 'quantity') return this.#quantity(value, path, owner);
		if (!fits(value, kind)) return this.#mismatch(value, path, owner, goType[kind]);
		if (kind === 'time' && Number.isNaN(Date.parse(String(value)))) {
			throw new DecodeError(`parsing time ${JSON.stringify(value)} as RFC 3339 failed at ${path}`);
		}
		if (kind === 'bytes' && !isBase64(String(value))) {
			throw new DecodeError(`illegal base64 data at ${path}`);
		}
		return value;
	}

	#quantity(value: JsonValue, path: string, owner: string): JsonValue {
		if (typeof value !== 'string' && typeof value !== 'number') {
			return this.#mismatch(value, path, owner, 'resource.Quantity');
		}
		const quantity = canonicalQuantity(String(value));
		if (quantity !== undefined) return quantity;
		throw new DecodeError(
			`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$' at ${path}`,
		);
	}

	#mismatch(value: JsonValue, path: string, owner: string, type: string): JsonValue {
		if (!this.#checked) return structuredClone(value);
		const found = Array.isArray(value) ? 'array' : typeof value;
		const field = `${owner}.${path.replace(/\[\d+\]/g, '')}`;
		throw new DecodeError(
			`json: cannot unmarshal ${found === 'boolean' ? 'bool' : found} into Go struct field ${field} of type ${type}`,
		);
	}
}

const goType: Record<ScalarKind, string> = {
	string: 'string',
	int: 'int32',
	number: 'float64',
	bool: 'bool',
	quantity: 'resource.Quantity',
	intOrString: 'intstr.IntOrString',
	time: 'string',
	bytes: '[]uint8',
};

function fits(value: JsonValue, kind: ScalarKind): boolean {
	switch (kind) {
		case 'int':
			return Number.isInteger(value);
		case 'number':
			return typeof value === 'number';
		case 'bool':
			return typeof value === 'boolean';
		case 'intOrString':
			return typeof value === 'string' || Number.isInteger(value);
		default:
			return typeof value === 'string';
	}
}

function isBase64(text: string): boolean {
	return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
