import { isJsonObject, type JsonValue } from '../../../runtime/json.ts';
import { badRequest } from '../status-error.ts';

/** Where a list that is read in pages goes on. */
export interface PagePosition {
	/** The version that all pages show. */
	readonly revision: number;
	/** The key of the last object of the page before. */
	readonly after: string;
}

/** The token that a client gets with a page. */
export function encodePosition({ revision, after }: PagePosition): string {
	return Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start: after })).toString(
		'base64url',
	);
}

/** @throws StatusError 400 for a token that is not ours. */
export function decodePosition(token: string): PagePosition {
	try {
		const value: JsonValue = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
		if (isJsonObject(value) && typeof value['rv'] === 'number') {
			return { revision: value['rv'], after: String(value['start']) };
		}
	} catch {
		// Answered below, like a token of another form.
	}
	throw badRequest('continue key is not valid');
}
