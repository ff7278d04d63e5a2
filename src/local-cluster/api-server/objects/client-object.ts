import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import { textAt } from '../json-reading.ts';
import { apiVersionOf, type ResourceKind } from '../kinds/resource-kind.ts';
import { DecodeError, decodeObject } from '../schema/decode.ts';
import type { StructSchema } from '../schema/schema.ts';
import { badRequest, StatusError } from '../status-error.ts';

/** What happens to fields that are not known. */
export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

/** How an object of a client is read. */
export interface ReadOptions {
	readonly fieldValidation: FieldValidation;
	/** Collects what the client is told in `Warning` headers. */
	readonly warnings: string[];
}

/** The group, version and kind of an object, where it is another one than the resource's. */
export interface ObjectType {
	readonly apiVersion: string;
	readonly kind: string;
	readonly schema: StructSchema;
}

/** The type of a resource's own objects. */
export function typeOf(kind: ResourceKind): ObjectType {
	return { apiVersion: apiVersionOf(kind), kind: kind.kind, schema: kind.schema };
}

/** An object that does not fit its kind's schema. Server-side apply reports it differently. */
export class SchemaMismatch extends StatusError {
	/** As `.spec.foo: field not declared in schema`. */
	readonly what: string;

	constructor(type: ObjectType, why: string, what: string) {
		const message = `${describe(type)} cannot be handled as a ${type.kind}: ${why}`;
		super(400, 'BadRequest', message);
		this.what = what;
	}
}

/**
 * Reads an object that a client sent.
 *
 * @returns a fresh object that may be changed.
 * @throws StatusError 400 for another kind, a wrong type, or an unknown field in strict mode.
 */
export function readClientObject(
	value: JsonValue,
	type: ObjectType,
	checked: boolean,
	options: ReadOptions,
): KubernetesObject {
	const { apiVersion, kind, schema } = type;
	if (!isJsonObject(value)) throw badRequest('the body of the request is not an object');
	checkType(value, type);
	const { apiVersion: _apiVersion, kind: _kind, ...members } = value;
	const decoded = decode(members, type, checked);
	report(decoded.unknown, type, options);
	const metadata = isJsonObject(decoded.object['metadata']) ? decoded.object['metadata'] : {};
	const object: JsonObject = { kind, apiVersion, ...decoded.object };
	if (schema.fields.has('metadata')) object['metadata'] = metadata;
	return object as unknown as KubernetesObject;
}

function checkType(value: JsonObject, { apiVersion, kind }: ObjectType): void {
	const given = [textAt(value, 'apiVersion'), textAt(value, 'kind')];
	if (given[1] === '') throw badRequest("Object 'Kind' is missing");
	if (given[0] === '') throw badRequest("Object 'apiVersion' is missing");
	if (given[0] === apiVersion && given[1] === kind) return;
	const why =
		given[0] === apiVersion
			? `the object provided is unrecognized (must be of type ${kind}): ${given[1]} was given`
			: `the API version in the data (${given[0]}) does not match the expected API version (${apiVersion})`;
	throw badRequest(why);
}

function decode(members: JsonObject, type: ObjectType, checked: boolean) {
	try {
		return decodeObject(members, type.schema, checked);
	} catch (error) {
		if (!(error instanceof DecodeError)) throw error;
		throw new SchemaMismatch(type, error.message, error.message);
	}
}

function report(unknown: readonly string[], type: ObjectType, options: ReadOptions): void {
	if (unknown.length === 0) return;
	const faults = unknown.map((path) => `unknown field "${path}"`);
	if (options.fieldValidation === 'Warn') options.warnings.push(...faults);
	if (options.fieldValidation !== 'Strict') return;
	const what = unknown.map((path) => `.${path}: field not declared in schema`).join(', ');
	throw new SchemaMismatch(type, `strict decoding error: ${faults.join(', ')}`, what);
}

function describe({ apiVersion, kind }: ObjectType): string {
	return `${kind} in version "${apiVersion.slice(apiVersion.indexOf('/') + 1)}"`;
}
