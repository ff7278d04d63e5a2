import type { TLSSocket } from 'node:tls';
import { peerOf } from '../../mqtt/tls-listener.ts';
import type { Identity } from '../../protocol/identity.ts';
import { isExpired, parseSasToken } from '../../protocol/sas-token.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { ClientCredential } from '../authorization/client-credential.ts';
import { type HttpAnswer, refusal } from './http-answer.ts';
import type { HttpCall } from './http-call.ts';

/**
 * A device that shows a certificate in the TLS handshake is judged by that, everybody else by the
 * token in the request.
 *
 * @returns why the request does not come from an identity, in the words of Azure IoT Edge; undefined
 * where it does
 */
export async function authenticationFault(
	{ request, authenticator, options }: Pick<HttpCall, 'request' | 'authenticator' | 'options'>,
	identity: Identity,
): Promise<HttpAnswer | undefined> {
	const { clientCertificate: leaf, clientCertificateIssuers: issuers = [] } = peerOf(
		request.socket as TLSSocket,
	);
	const shown = leaf !== undefined && options.clientCertificatesEnabled;
	const credential: ClientCredential | HttpAnswer =
		shown && identity.moduleId === undefined
			? { kind: 'certificate', leaf, issuers }
			: tokenOf(request.headers.authorization, options.clock.now());
	if ('status' in credential) return credential;
	const result = await authenticator.authenticate(identity, credential);
	if (result === 'accepted') return undefined;
	if (result === 'unavailable') return refusal(503, 'The identity cannot be checked now.');
	const { deviceId, moduleId } = identity;
	const name = moduleId === undefined ? deviceId : `${deviceId}/${moduleId}`;
	return refusal(401, `Unable to authenticate device with Id ${name}`);
}

/** The one authorization of a request: Node.js keeps only the first of several. */
function tokenOf(authorization: string | undefined, now: number): ClientCredential | HttpAnswer {
	if (authorization === undefined) return refusal(401, 'Invalid authorization header count');
	if (!/^SharedAccessSignature /i.test(authorization)) {
		const reason = 'Invalid Authorization header. Only SharedAccessSignature is supported.';
		return refusal(401, reason);
	}
	try {
		if (!isExpired(parseSasToken(authorization), now)) {
			return { kind: 'token', text: authorization };
		}
	} catch (error) {
		return unreadable(messageOf(error));
	}
	return unreadable('The specified SAS token is expired');
}

function unreadable(reason: string): HttpAnswer {
	return refusal(
		401,
		`Cannot parse SharedAccessSignature because of the following error - ${reason}`,
	);
}
