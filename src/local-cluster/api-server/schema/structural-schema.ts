import { isJsonObject, type JsonObject } from '../../../runtime/json.ts';
import { listAt, objectAt, textAt, valueAt } from '../json-reading.ts';
import { builtinSchema } from './builtin-schemas.ts';
import { anySchema, type Field, type Schema, type StructSchema } from './schema.ts';

const preserve = 'x-kubernetes-preserve-unknown-fields';

/** The schema of a custom kind, from `openAPIV3Schema`. Faults of values are the validator's matter. */
export function structuralSchema(schema: JsonObject, kind: string): StructSchema {
	const root = structOf(schema, kind);
	const metadata: Field = {
		schema: builtinSchema('ObjectMeta'),
		required: false,
		retainKeys: false,
	};
	return { ...root, fields: new Map([...root.fields, ['metadata', metadata]]) };
}

function convert(schema: JsonObject, name: string): Schema {
	if (schema['x-kubernetes-int-or-string'] === true) return { kind: 'intOrString' };
	switch (schema['type']) {
		case 'object':
			return objectOf(schema, name);
		case 'array':
			return listOf(schema, name);
		case 'integer':
			return { kind: 'int' };
		case 'number':
			return { kind: 'number' };
		case 'boolean':
			return { kind: 'bool' };
		case 'string':
			return { kind: 'string' };
		default:
			return anySchema;
	}
}

function objectOf(schema: JsonObject, name: string): Schema {
	if (schema['x-kubernetes-embedded-resource'] === true) return anySchema;
	const atomic = schema['x-kubernetes-map-type'] === 'atomic';
	const element = schema['additionalProperties'];
	if (isJsonObject(element)) return { kind: 'map', element: convert(element, name), atomic };
	const bare = Object.keys(objectAt(schema, 'properties')).length === 0;
	if (element === true || (bare && schema[preserve] === true)) {
		return atomic ? { kind: 'map', element: anySchema, atomic } : anySchema;
	}
	return structOf(schema, name);
}

function structOf(schema: JsonObject, name: string): StructSchema {
	const fields = new Map<string, Field>();
	for (const [member, value] of Object.entries(objectAt(schema, 'properties'))) {
		if (!isJsonObject(value)) continue;
		// What is required is checked by the validator, with the text of the real server.
		fields.set(member, { schema: convert(value, member), required: false, retainKeys: false });
	}
	return {
		kind: 'struct',
		name,
		fields,
		spread: [],
		atomic: schema['x-kubernetes-map-type'] === 'atomic',
		open: schema[preserve] === true,
	};
}

function listOf(schema: JsonObject, name: string): Schema {
	const element = convert(objectAt(schema, 'items'), name);
	const keys = listAt(schema, 'x-kubernetes-list-map-keys').map(String);
	const type = textAt(schema, 'x-kubernetes-list-type');
	if (type === 'set') return { kind: 'list', element, topology: 'set', keys: [] };
	if (type !== 'map') return { kind: 'list', element, topology: 'atomic', keys: [] };
	return { kind: 'list', element: withKeyDefaults(element, schema, keys), topology: 'map', keys };
}

/** Elements that leave a key out are told apart by its default. */
function withKeyDefaults(element: Schema, schema: JsonObject, keys: readonly string[]): Schema {
	if (element.kind !== 'struct') return element;
	const fields = new Map(element.fields);
	for (const key of keys) {
		const field = fields.get(key);
		const fallback = valueAt(schema, 'items', 'properties', key, 'default');
		if (field !== undefined && fallback !== undefined) {
			fields.set(key, { ...field, default: fallback });
		}
	}
	return { ...element, fields };
}
