import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import { objectAt } from '../json-reading.ts';
import type { SchemaFault } from '../kinds/resource-kind.ts';

/** Checks custom objects against `openAPIV3Schema`, and fills in its defaults. */
export class StructuralValidator {
	readonly #schema: JsonObject;
	readonly #validate: ValidateFunction;

	constructor(schema: JsonObject) {
		this.#schema = schema;
		const ajv = new Ajv({ allErrors: true, strict: false, validateFormats: false, logger: false });
		this.#validate = ajv.compile(translate(schema) as object);
	}

	/** What is wrong with an object. */
	faults(object: JsonObject): SchemaFault[] {
		// Metadata is checked like that of any object.
		const { metadata, ...rest } = object;
		if (this.#validate({ metadata: {}, ...rest })) return [];
		return (this.#validate.errors ?? []).map((error) => faultOf(error, object));
	}

	/** Fills in defaults, in place, at every depth that exists. */
	setDefaults(object: JsonObject): void {
		fill(object, this.#schema);
	}
}

/** OpenAPI's own words in those of JSON Schema. */
function translate(schema: JsonValue | undefined): JsonValue {
	if (!isJsonObject(schema)) return schema ?? true;
	const { nullable, default: _default, example: _example, ...rest } = schema;
	const translated: JsonObject = {};
	for (const [name, value] of Object.entries(rest)) {
		if (name.startsWith('x-kubernetes-') || value === undefined) continue;
		translated[name] = translateMember(name, value);
	}
	if (schema['x-kubernetes-int-or-string'] === true) {
		delete translated['type'];
		return { ...translated, type: ['integer', 'string'] };
	}
	return nullable === true ? { anyOf: [{ type: 'null' }, translated] } : translated;
}

function translateMember(name: string, value: JsonValue): JsonValue {
	if (['items', 'additionalProperties', 'not'].includes(name)) return translate(value);
	if (['allOf', 'anyOf', 'oneOf'].includes(name) && Array.isArray(value)) {
		return value.map((item) => translate(item));
	}
	if (name === 'properties' && isJsonObject(value)) {
		const members = Object.entries(value).map(([member, item]) => [member, translate(item)]);
		return Object.fromEntries(members);
	}
	return value;
}

function faultOf(error: ErrorObject, object: JsonObject): SchemaFault {
	const parts = error.instancePath.split('/').slice(1).map(unescaped);
	const missing = error.keyword === 'required';
	if (missing) parts.push(String(error.params['missingProperty']));
	const field = parts.reduce(
		(path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : `${path}${path && '.'}${part}`),
		'',
	);
	const value = parts.reduce<unknown>(
		(current, part) => (current as Record<string, unknown> | undefined)?.[part],
		object,
	);
	return { field, missing, value, message: messageOf(error, field) };
}

function unescaped(part: string): string {
	return part.replaceAll('~1', '/').replaceAll('~0', '~');
}

function messageOf(error: ErrorObject, field: string): string {
	const { params } = error;
	switch (error.keyword) {
		case 'type':
			return `${field} in body must be of type ${String(params['type'])}`;
		case 'enum': {
			const values = (params['allowedValues'] as unknown[]).map((item) => JSON.stringify(item));
			return `supported values: ${values.join(', ')}`;
		}
		case 'pattern':
			return `${field} in body should match '${String(params['pattern'])}'`;
		case 'minimum':
			return `${field} in body should be greater than or equal to ${String(params['limit'])}`;
		case 'maximum':
			return `${field} in body should be less than or equal to ${String(params['limit'])}`;
		default:
			return `${field} in body ${error.message ?? 'is invalid'}`;
	}
}

function fill(value: JsonValue, schema: JsonObject): void {
	if (Array.isArray(value)) {
		for (const item of value) fill(item, objectAt(schema, 'items'));
	} else if (isJsonObject(value)) {
		fillMembers(value, schema);
	}
}

function fillMembers(value: JsonObject, schema: JsonObject): void {
	const properties = objectAt(schema, 'properties');
	for (const [name, property] of Object.entries(properties)) {
		if (!isJsonObject(property)) continue;
		const fallback = property['default'];
		if (value[name] === undefined && fallback !== undefined) {
			value[name] = structuredClone(fallback);
		}
		const member = value[name];
		if (member !== undefined) fill(member, property);
	}
	const others = schema['additionalProperties'];
	if (!isJsonObject(others)) return;
	for (const [name, member] of Object.entries(value)) {
		if (member !== undefined && properties[name] === undefined) fill(member, others);
	}
}
