import { EdgeError, type EdgeErrorOptions, type ErrorCode } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonValue } from '../runtime/json.ts';

/** What a `ClusterError` carries besides what every `EdgeError` does. */
export interface ClusterErrorOptions extends EdgeErrorOptions {
	/** The HTTP status; 0 where there was no answer. */
	readonly status?: number;
	/** `reason` of the Kubernetes `Status`, for example `AlreadyExists`. */
	readonly reason?: string;
	/** Milliseconds after which the server wants to be asked again. */
	readonly retryAfter?: number;
	/** `details.causes[].reason` of the `Status`, for example `NamespaceTerminating`. */
	readonly causes?: readonly string[];
}

/** A request to the Kubernetes API that failed. */
export class ClusterError extends EdgeError {
	readonly status: number;
	readonly reason: string;
	readonly retryAfter: number | undefined;
	readonly causes: readonly string[];

	constructor(code: ErrorCode, message: string, options: ClusterErrorOptions = {}) {
		super(code, message, options);
		this.status = options.status ?? 0;
		this.reason = options.reason ?? '';
		this.retryAfter = options.retryAfter;
		this.causes = options.causes ?? [];
	}

	/** Whether nothing new can be made, as the namespace is being deleted. */
	get namespaceEnds(): boolean {
		return this.causes.includes('NamespaceTerminating');
	}

	/**
	 * Whether repeating the same request is pointless until somebody changes it. Everything else
	 * passes: rights are granted, namespaces appear, quotas are raised, policies change, servers recover.
	 */
	get terminal(): boolean {
		return terminalStatuses.has(this.status) && !this.byPolicy;
	}

	/** Whether a policy of the cluster refused a good object: admission, and not the API itself. */
	get byPolicy(): boolean {
		return policyRefusal.test(this.message);
	}
}

const terminalStatuses = new Set([400, 405, 406, 413, 414, 415, 422]);

/**
 * How plug-ins of admission (ValidatingAdmissionPolicy, quotas) and webhooks begin, with whatever status
 * they choose: 422 and 400 among them, with which the API refuses for good.
 */
const policyRefusal = /^\S+ "[^"]*" is forbidden: |^admission webhook "[^"]*" denied the request/;

const codes = new Map<number, ErrorCode>([
	[401, 'EDGE_CLUSTER_UNAUTHORIZED'],
	[403, 'EDGE_CLUSTER_FORBIDDEN'],
	[404, 'EDGE_CLUSTER_NOT_FOUND'],
	[408, 'EDGE_CLUSTER_BUSY'],
	[409, 'EDGE_CLUSTER_CONFLICT'],
	[410, 'EDGE_CLUSTER_EXPIRED'],
	[412, 'EDGE_CLUSTER_CONFLICT'],
	[429, 'EDGE_CLUSTER_BUSY'],
]);

/** An object with a field that its kind does not have, or of another type (server-side apply). */
const schemaMismatch = /^failed to create typed patch object /;

/** The error for an HTTP status that is no success and the body that came with it. */
export function errorOfAnswer(
	status: number,
	body: string,
	where: string,
	retryAfterHeader?: string,
): ClusterError {
	const details = parseStatus(body);
	// What is wrong for good with an applied object is reported as an internal error.
	if (status === 500 && schemaMismatch.test(details.message)) {
		return errorOfAnswer(422, body, where);
	}
	const retryAfter = retryAfterMs(retryAfterHeader) ?? details.retryAfter;
	const code = codes.get(status) ?? (status >= 500 ? 'EDGE_CLUSTER_BUSY' : 'EDGE_CLUSTER_REFUSED');
	return new ClusterError(code, details.message || `HTTP status ${status}`, {
		where,
		status,
		reason: details.reason,
		causes: details.causes,
		...(retryAfter === undefined ? {} : { retryAfter }),
	});
}

interface StatusDetails {
	readonly message: string;
	readonly reason: string;
	readonly retryAfter: number | undefined;
	readonly causes: readonly string[];
}

/** Reads a Kubernetes `Status` object; any other body counts as its message, shortened. */
function parseStatus(body: string): StatusDetails {
	const message = body.trim().slice(0, 300);
	const plain = { message, reason: '', retryAfter: undefined, causes: [] };
	try {
		const status: unknown = JSON.parse(body);
		if (!isJsonObject(status)) return plain;
		const { message, reason, details } = status;
		const seconds = isJsonObject(details) ? details['retryAfterSeconds'] : undefined;
		return {
			message: typeof message === 'string' ? message : '',
			reason: typeof reason === 'string' ? reason : '',
			retryAfter: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined,
			causes: causesOf(details),
		};
	} catch {
		return plain;
	}
}

function causesOf(details: JsonValue | undefined): string[] {
	const causes = isJsonObject(details) ? details['causes'] : undefined;
	if (!Array.isArray(causes)) return [];
	const reasons = causes.map((cause) => (isJsonObject(cause) ? cause['reason'] : undefined));
	return reasons.filter((reason) => typeof reason === 'string');
}

function retryAfterMs(header: string | undefined): number | undefined {
	const seconds = Number(header ?? Number.NaN);
	return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
