import type { Identity } from '../protocol/identity.ts';
import {
	audienceOf,
	encodeStrict,
	formatSasToken,
	sign,
	signatureInput,
} from '../protocol/sas-token.ts';
import type { Credential } from './iot-hub-client.ts';

/** What a token is for. */
export interface TokenRequest {
	/** Of the hub, never of a gateway in front of it; with its port. */
	readonly hostName: string;
	readonly identity: Identity;
	readonly credential: Credential;
	/** Unix time in milliseconds at which the token stops being valid. */
	readonly expiresAt: number;
}

/**
 * A token with which an identity proves itself to its hub.
 *
 * @throws whatever a credential of kind `signer` throws.
 */
export async function mintToken(request: TokenRequest): Promise<string> {
	const resource = encodeStrict(audienceOf(request.hostName, request.identity));
	const expiry = Math.floor(request.expiresAt / 1000);
	const data = signatureInput(resource, expiry);
	const { credential } = request;
	const signature =
		credential.kind === 'signer' ? await credential.sign(data) : sign(credential.key, data);
	return formatSasToken(resource, signature, expiry);
}
