import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import { type FieldFault, notSupported, required } from '../status-error.ts';
import type { Schema, StructSchema } from './schema.ts';

/** Required fields that are missing and words that are not allowed, wherever they are below a value. */
export function schemaFaults(object: JsonObject, schema: StructSchema): FieldFault[] {
	const faults: FieldFault[] = [];
	checkStruct(object, schema, '', faults);
	return faults;
}

function checkStruct(
	value: JsonObject,
	schema: StructSchema,
	path: string,
	faults: FieldFault[],
): void {
	for (const [name, field] of schema.fields) {
		// What controllers report is not judged.
		if (path === '' && (name === 'status' || name === 'metadata')) continue;
		const member = value[name];
		const memberPath = path === '' ? name : `${path}.${name}`;
		if (field.required && isMissing(member)) faults.push(required(memberPath));
		else if (member !== undefined) check(member, field.schema, memberPath, faults);
	}
}

function isMissing(value: JsonValue | undefined): boolean {
	return value === undefined || value === '' || (Array.isArray(value) && value.length === 0);
}

function check(value: JsonValue, schema: Schema, path: string, faults: FieldFault[]): void {
	if (schema.kind === 'struct') {
		if (isJsonObject(value)) checkStruct(value, schema, path, faults);
	} else if (schema.kind === 'list') {
		if (!Array.isArray(value)) return;
		for (const [index, item] of value.entries()) {
			check(item, schema.element, `${path}[${index}]`, faults);
		}
	} else if (schema.kind === 'string' && schema.values !== undefined && value !== '') {
		if (!schema.values.includes(String(value))) {
			faults.push(notSupported(path, value, schema.values));
		}
	}
}
