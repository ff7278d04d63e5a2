import type { IncomingMessage } from 'node:http';
import type { Identity } from '../../protocol/identity.ts';
import { type HttpAnswer, refusal } from './http-answer.ts';
import type { HttpCall } from './http-call.ts';

/** @returns why the request does not come from an identity; undefined where it does */
export async function authenticationFault(
	{ request, authenticator }: Pick<HttpCall, 'request' | 'authenticator'>,
	identity: Identity,
): Promise<HttpAnswer | undefined> {
	const text = tokenOf(request);
	if (text === undefined) return refusal(401, 'The request has no shared access signature.');
	const result = await authenticator.authenticate(identity, { kind: 'token', text });
	if (result === 'accepted') return undefined;
	if (result === 'unavailable') return refusal(503, 'The identity cannot be checked now.');
	return refusal(401, 'The shared access signature was not accepted.');
}

/** The one authorization of a request: Node.js keeps only the first of several. */
function tokenOf({ headers }: IncomingMessage): string | undefined {
	const { authorization = '' } = headers;
	return /^SharedAccessSignature /i.test(authorization) ? authorization : undefined;
}
