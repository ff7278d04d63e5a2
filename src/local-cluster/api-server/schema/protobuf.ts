import type { JsonObject, JsonValue } from '../../../runtime/json.ts';
import { builtinSchemas } from './builtin-schemas.ts';
import type { ListSchema, MapSchema, Schema, StructSchema } from './schema.ts';

/** Bytes that are not a message of the expected type. */
export class ProtobufError extends Error {
	override readonly name = 'ProtobufError';
}

/** The media type of Kubernetes' binary form, which clients of built-in kinds send by default. */
export const protobufType = 'application/vnd.kubernetes.protobuf';

const magic = Buffer.from('k8s\0');

/** A field on the wire: a varint, or bytes. */
type WireValue = number | bigint | Uint8Array;

/**
 * Reads an object in Kubernetes' binary form: four magic bytes, then an envelope with apiVersion,
 * kind and the message. Values that the form cannot tell from absent ones (empty texts, times of
 * nought) are left out.
 *
 * @throws ProtobufError for other bytes, or a kind that has no such form.
 */
export function decodeProtobuf(bytes: Buffer): JsonObject {
	if (!bytes.subarray(0, 4).equals(magic)) throw new ProtobufError('the magic bytes are missing');
	let type: JsonObject = {};
	let raw: Uint8Array = new Uint8Array();
	for (const [number, value] of fieldsOf(bytes.subarray(4))) {
		if (number === 1) type = typeMeta(bytesOf(value));
		if (number === 2) raw = bytesOf(value);
	}
	const schema = schemaOf(String(type['apiVersion'] ?? ''), String(type['kind'] ?? ''));
	return { ...type, ...message(raw, schema) };
}

function typeMeta(bytes: Uint8Array): JsonObject {
	const type: JsonObject = {};
	for (const [number, value] of fieldsOf(bytes)) {
		type[number === 1 ? 'apiVersion' : 'kind'] = text(value);
	}
	return type;
}

function schemaOf(apiVersion: string, kind: string): StructSchema {
	const name = apiVersion === 'events.k8s.io/v1' ? `Events${kind}` : kind;
	const schema = builtinSchemas.get(name);
	// Custom resources and their definitions are JSON.
	if (schema === undefined || apiVersion.startsWith('apiextensions.k8s.io/')) {
		throw new ProtobufError(`there is no such form of ${apiVersion} ${kind}`);
	}
	return schema;
}

function message(bytes: Uint8Array, schema: StructSchema): JsonObject {
	const numbers = fieldNumbers(schema);
	const members = new Map<string, JsonValue>();
	for (const [number, value] of fieldsOf(bytes)) {
		const spread = schema.spread.find((item) => item.number === number);
		if (spread !== undefined) {
			const inner = message(bytesOf(value), spread.schema) as Record<string, JsonValue>;
			for (const [name, member] of Object.entries(inner)) members.set(name, member);
		}
		const field = numbers.get(number);
		if (field !== undefined) addMember(members, field[0], field[1], value);
	}
	return Object.fromEntries(members);
}

type FieldNumbers = ReadonlyMap<number, readonly [name: string, schema: Schema]>;

const knownNumbers = new WeakMap<StructSchema, FieldNumbers>();

/** The fields of a message by their numbers, without those that are spread. */
function fieldNumbers(schema: StructSchema): FieldNumbers {
	const known = knownNumbers.get(schema);
	if (known !== undefined) return known;
	const inner = new Set(schema.spread.flatMap((item) => [...item.schema.fields.keys()]));
	const numbers = new Map<number, readonly [string, Schema]>();
	for (const [name, field] of schema.fields) {
		if (field.number === undefined || inner.has(name)) continue;
		numbers.set(field.number, [name, field.schema]);
	}
	knownNumbers.set(schema, numbers);
	return numbers;
}

/** Elements of lists and maps come one by one. */
function addMember(
	members: Map<string, JsonValue>,
	name: string,
	schema: Schema,
	value: WireValue,
): void {
	if (schema.kind === 'list') {
		const list = (members.get(name) ?? []) as JsonValue[];
		members.set(name, [...list, ...elementsOf(value, schema)]);
	} else if (schema.kind === 'map') {
		const map = (members.get(name) ?? {}) as JsonObject;
		members.set(name, { ...map, ...entryOf(bytesOf(value), schema) });
	} else {
		const decoded = decode(value, schema);
		if (decoded !== undefined) members.set(name, decoded);
	}
}

function elementsOf(value: WireValue, { element }: ListSchema): JsonValue[] {
	const packed = element.kind === 'int' && value instanceof Uint8Array;
	if (packed) return varints(value);
	const decoded = element.kind === 'string' ? text(value) : decode(value, element);
	return [decoded ?? {}];
}

function entryOf(bytes: Uint8Array, { element }: MapSchema): JsonObject {
	let key = '';
	let member: JsonValue | undefined = element.kind === 'string' ? '' : undefined;
	for (const [number, value] of fieldsOf(bytes)) {
		if (number === 1) key = text(value);
		else if (element.kind === 'string') member = text(value);
		else if (element.kind === 'list') member = listMessage(bytesOf(value), element);
		else member = decode(value, element);
	}
	// From entries, so that no key is more than a name.
	return member === undefined ? {} : Object.fromEntries([[key, member]]);
}

/** A list that is a value of a map is wrapped in a message. */
function listMessage(bytes: Uint8Array, schema: ListSchema): JsonValue[] {
	return [...fieldsOf(bytes)].flatMap(([, value]) => elementsOf(value, schema));
}

function decode(value: WireValue, schema: Schema): JsonValue | undefined {
	switch (schema.kind) {
		case 'struct':
			return message(bytesOf(value), schema);
		case 'string':
			return text(value) || undefined;
		case 'int':
			return integer(value);
		case 'bool':
			return integer(value) !== 0;
		case 'bytes':
			return Buffer.from(bytesOf(value)).toString('base64');
		case 'quantity':
			return text(fieldOf(bytesOf(value), 1) ?? new Uint8Array()) || undefined;
		case 'intOrString':
			return intOrString(bytesOf(value));
		case 'time':
			return time(bytesOf(value));
		case 'any':
			return rawJson(bytesOf(value));
		default:
			return undefined;
	}
}

function intOrString(bytes: Uint8Array): JsonValue {
	if (integer(fieldOf(bytes, 1) ?? 0) === 1) return text(fieldOf(bytes, 3) ?? new Uint8Array());
	return integer(fieldOf(bytes, 2) ?? 0);
}

function time(bytes: Uint8Array): string | undefined {
	const seconds = fieldOf(bytes, 1);
	if (seconds === undefined) return undefined;
	const nanos = integer(fieldOf(bytes, 2) ?? 0);
	const date = new Date(integer(seconds) * 1000 + Math.floor(nanos / 1e6)).toISOString();
	return nanos === 0 ? date.replace('.000Z', 'Z') : date;
}

/** JSON that is carried as it is: FieldsV1, RawExtension. */
function rawJson(bytes: Uint8Array): JsonValue | undefined {
	const raw = fieldOf(bytes, 1);
	if (!(raw instanceof Uint8Array)) return undefined;
	try {
		return JSON.parse(Buffer.from(raw).toString('utf8'));
	} catch {
		return undefined;
	}
}

function fieldOf(bytes: Uint8Array, wanted: number): WireValue | undefined {
	for (const [number, value] of fieldsOf(bytes)) if (number === wanted) return value;
	return undefined;
}

/** The fields of a message [Protocol Buffers documentation, "Encoding"]. */
function* fieldsOf(bytes: Uint8Array): Iterable<[number: number, value: WireValue]> {
	const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	let at = 0;
	const take = (length: number): Buffer => {
		if (at + length > view.length) throw new ProtobufError('the message is cut off');
		at += length;
		return view.subarray(at - length, at);
	};
	const varint = (): bigint => {
		let value = 0n;
		for (let shift = 0n; shift < 70n; shift += 7n) {
			const byte = take(1)[0] ?? 0;
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80) return value;
		}
		throw new ProtobufError('a number is too long');
	};
	while (at < view.length) {
		const tag = Number(varint());
		const number = tag >>> 3;
		switch (tag & 7) {
			case 0:
				yield [number, BigInt.asIntN(64, varint())];
				break;
			case 1:
				yield [number, take(8).readDoubleLE()];
				break;
			case 2:
				yield [number, take(Number(varint()))];
				break;
			case 5:
				yield [number, take(4).readFloatLE()];
				break;
			default:
				throw new ProtobufError('a field has an unknown wire type');
		}
	}
}

function varints(bytes: Uint8Array): JsonValue[] {
	// Packed numbers look like the numbers of a message without tags.
	const numbers: JsonValue[] = [];
	let value = 0n;
	let shift = 0n;
	for (const byte of bytes) {
		value |= BigInt(byte & 0x7f) << shift;
		shift += 7n;
		if (byte >= 0x80) continue;
		numbers.push(Number(BigInt.asIntN(64, value)));
		value = 0n;
		shift = 0n;
	}
	return numbers;
}

function bytesOf(value: WireValue): Uint8Array {
	if (value instanceof Uint8Array) return value;
	throw new ProtobufError('a field is a number where a message is expected');
}

function integer(value: WireValue): number {
	if (value instanceof Uint8Array) throw new ProtobufError('a field is no number');
	return Number(value);
}

function text(value: WireValue): string {
	return Buffer.from(bytesOf(value)).toString('utf8');
}
