import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import type { Schema, StructSchema } from './schema.ts';

/** Sets the fields that have a default and are absent, in place, at every depth that exists. */
export function setDefaults(object: JsonObject, schema: StructSchema): void {
	for (const [name, field] of schema.fields) {
		let member = object[name];
		const absent = member === undefined || (member === '' && field.default !== '');
		if (absent && field.default !== undefined) {
			member = structuredClone(field.default);
			object[name] = member;
		}
		if (member !== undefined) setDefaultsBelow(member, field.schema);
	}
}

function setDefaultsBelow(value: JsonValue, schema: Schema): void {
	if (schema.kind === 'struct') {
		if (isJsonObject(value)) setDefaults(value, schema);
	} else if (schema.kind === 'list') {
		if (!Array.isArray(value)) return;
		for (const item of value) setDefaultsBelow(item, schema.element);
	} else if (schema.kind === 'map' && isJsonObject(value)) {
		for (const member of Object.values(value)) {
			if (member !== undefined) setDefaultsBelow(member, schema.element);
		}
	}
}
