import type { JsonObject } from '../../runtime/json.ts';

/** Why one field cannot be accepted; the names are those of Kubernetes' `StatusCause.reason`. */
export type FieldFaultReason =
	| 'FieldValueRequired'
	| 'FieldValueInvalid'
	| 'FieldValueDuplicate'
	| 'FieldValueForbidden'
	| 'FieldValueNotSupported'
	| 'FieldValueNotFound'
	| 'FieldValueTooLong'
	| 'FieldValueTypeInvalid';

/** One field that cannot be accepted. */
export interface FieldFault {
	readonly reason: FieldFaultReason;
	/** As `spec.template.spec.containers[0].image`. */
	readonly field: string;
	readonly message: string;
}

/** A kind as errors name it. */
export interface NamedKind {
	readonly group: string;
	readonly kind: string;
	readonly plural: string;
}

interface StatusCause {
	readonly reason: string;
	readonly message: string;
	readonly field?: string;
}

interface StatusDetails {
	readonly name?: string | undefined;
	readonly group?: string;
	readonly kind?: string;
	readonly causes?: readonly StatusCause[];
	readonly retryAfterSeconds?: number;
}

/** A failure that a client gets as a `Status` object. */
export class StatusError extends Error {
	override readonly name = 'StatusError';
	/** HTTP status code. */
	readonly code: number;
	/** Machine-readable reason, e.g. `NotFound`. */
	readonly reason: string;
	readonly details: StatusDetails | undefined;

	constructor(code: number, reason: string, message: string, details?: StatusDetails) {
		super(message);
		this.code = code;
		this.reason = reason;
		this.details = details;
	}

	/** The `Status` object of meta/v1. */
	toStatus(): JsonObject {
		const status = {
			kind: 'Status',
			apiVersion: 'v1',
			metadata: {},
			status: 'Failure',
			message: this.message,
			reason: this.reason,
			...(this.details === undefined ? {} : { details: this.details }),
			code: this.code,
		};
		return JSON.parse(JSON.stringify(status));
	}
}

/** `deployments.apps`, or `pods` in the core group: how messages and CRD names name a resource. */
export function resourceName(kind: { readonly plural: string; readonly group: string }): string {
	return kind.group === '' ? kind.plural : `${kind.plural}.${kind.group}`;
}

function detailsOf(kind: NamedKind, name: string | undefined): StatusDetails {
	return {
		...(name === undefined ? {} : { name }),
		...(kind.group === '' ? {} : { group: kind.group }),
		kind: kind.plural,
	};
}

export function badRequest(message: string): StatusError {
	return new StatusError(400, 'BadRequest', message);
}

export function notFound(kind: NamedKind, name: string): StatusError {
	const message = `${resourceName(kind)} "${name}" not found`;
	return new StatusError(404, 'NotFound', message, detailsOf(kind, name));
}

/** The path leads nowhere. */
export function noSuchResource(): StatusError {
	const message = 'the server could not find the requested resource';
	return new StatusError(404, 'NotFound', message, {});
}

export function methodNotAllowed(): StatusError {
	const message = 'the server does not allow this method on the requested resource';
	return new StatusError(405, 'MethodNotAllowed', message, {});
}

export function alreadyExists(kind: NamedKind, name: string): StatusError {
	const message = `${resourceName(kind)} "${name}" already exists`;
	return new StatusError(409, 'AlreadyExists', message, detailsOf(kind, name));
}

export function conflict(kind: NamedKind, name: string, why: string): StatusError {
	const message = `Operation cannot be fulfilled on ${resourceName(kind)} "${name}": ${why}`;
	return new StatusError(409, 'Conflict', message, detailsOf(kind, name));
}

/** The object was changed after the version that a client read. */
export function staleVersion(kind: NamedKind, name: string): StatusError {
	const why =
		'the object has been modified; please apply your changes to the latest version and try again';
	return conflict(kind, name, why);
}

export function forbidden(
	kind: NamedKind,
	name: string,
	why: string,
	causes?: readonly StatusCause[],
): StatusError {
	const target = name === '' ? resourceName(kind) : `${resourceName(kind)} "${name}"`;
	const details = detailsOf(kind, name === '' ? undefined : name);
	return new StatusError(
		403,
		'Forbidden',
		`${target} is forbidden: ${why}`,
		causes === undefined ? details : { ...details, causes },
	);
}

/** Events or list pages of that version are no longer kept. */
export function expired(message: string): StatusError {
	return new StatusError(410, 'Expired', message);
}

export function unsupportedMediaType(message: string): StatusError {
	return new StatusError(415, 'UnsupportedMediaType', message);
}

/** The object breaks rules of its kind. */
export function invalid(kind: NamedKind, name: string, faults: readonly FieldFault[]): StatusError {
	const lines = faults.map((fault) => `${fault.field}: ${fault.message}`);
	const list = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
	const title = kind.group === '' ? kind.kind : `${kind.kind}.${kind.group}`;
	const causes = faults.map(({ reason, field, message }) => ({ reason, message, field }));
	return new StatusError(422, 'Invalid', `${title} "${name}" is invalid: ${list}`, {
		name,
		...(kind.group === '' ? {} : { group: kind.group }),
		kind: kind.kind,
		causes,
	});
}

export function required(field: string, why = ''): FieldFault {
	const message = why === '' ? 'Required value' : `Required value: ${why}`;
	return { reason: 'FieldValueRequired', field, message };
}

export function invalidValue(field: string, value: unknown, why: string): FieldFault {
	const message = `Invalid value: ${JSON.stringify(value) ?? 'null'}: ${why}`;
	return { reason: 'FieldValueInvalid', field, message };
}

export function duplicate(field: string, value: unknown): FieldFault {
	const message = `Duplicate value: ${JSON.stringify(value)}`;
	return { reason: 'FieldValueDuplicate', field, message };
}

export function forbiddenField(field: string, why: string): FieldFault {
	return { reason: 'FieldValueForbidden', field, message: `Forbidden: ${why}` };
}

export function notSupported(field: string, value: unknown, values: readonly string[]): FieldFault {
	const supported = values.map((word) => JSON.stringify(word)).join(', ');
	const message = `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported}`;
	return { reason: 'FieldValueNotSupported', field, message };
}

export function fieldNotFound(field: string, value: unknown): FieldFault {
	const message = `Not found: ${JSON.stringify(value)}`;
	return { reason: 'FieldValueNotFound', field, message };
}
