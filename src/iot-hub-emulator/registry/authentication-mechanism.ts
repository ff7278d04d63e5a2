import { randomBytes } from 'node:crypto';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';

/** How an identity proves itself, in the form in which IoT Hub stores and shows it. */
export interface AuthenticationMechanism {
	/** Base64 of 16 to 64 bytes. */
	readonly symmetricKey: {
		readonly primaryKey: string | null;
		readonly secondaryKey: string | null;
	};
	/** SHA-1 or SHA-256 in hexadecimal digits. */
	readonly x509Thumbprint: {
		readonly primaryThumbprint: string | null;
		readonly secondaryThumbprint: string | null;
	};
	readonly type: 'sas' | 'selfSigned' | 'certificateAuthority' | 'none';
}

/** Nobody can authenticate with it: how `$edgeAgent` and `$edgeHub` begin. */
export const noAuthentication: AuthenticationMechanism = {
	symmetricKey: { primaryKey: null, secondaryKey: null },
	x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
	type: 'none',
};

/**
 * Reads the `authentication` member of an identity. A shared key that is empty is kept from
 * `current`, or made when there is none to keep.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function authenticationFrom(
	given: JsonValue | undefined,
	current: AuthenticationMechanism | undefined,
): AuthenticationMechanism {
	if (given !== undefined && given !== null && !isJsonObject(given)) {
		throw invalid('authentication is not an object');
	}
	const authentication = given ?? {};
	const symmetricKey = pair(authentication, 'symmetricKey', 'primaryKey', 'secondaryKey');
	const thumbprints = pair(
		authentication,
		'x509Thumbprint',
		'primaryThumbprint',
		'secondaryThumbprint',
	);
	const type = authentication['type'] ?? (thumbprints.some(Boolean) ? 'selfSigned' : 'sas');
	if (type === 'sas') return sharedKeys(symmetricKey, current);
	if (type === 'selfSigned') return selfSigned(thumbprints);
	if (type === 'certificateAuthority' || type === 'none') return { ...noAuthentication, type };
	throw invalid('authentication.type is not one of sas, selfSigned, certificateAuthority, none');
}

function sharedKeys(
	[primary, secondary]: readonly (string | null)[],
	current: AuthenticationMechanism | undefined,
): AuthenticationMechanism {
	for (const key of [primary, secondary]) if (key) requireKey(key);
	const kept = current?.type === 'sas' ? current.symmetricKey : noAuthentication.symmetricKey;
	return {
		symmetricKey: {
			primaryKey: primary || kept.primaryKey || newKey(),
			secondaryKey: secondary || kept.secondaryKey || newKey(),
		},
		x509Thumbprint: noAuthentication.x509Thumbprint,
		type: 'sas',
	};
}

function selfSigned(thumbprints: readonly (string | null)[]): AuthenticationMechanism {
	const [primary = null, secondary = null] = thumbprints.map((text) => text || null);
	for (const text of [primary, secondary]) {
		if (text !== null && !/^([0-9a-f]{40}|[0-9a-f]{64})$/i.test(text)) {
			throw invalid('a thumbprint is not 40 or 64 hexadecimal digits');
		}
	}
	if (primary === null && secondary === null) throw invalid('selfSigned needs a thumbprint');
	return {
		symmetricKey: noAuthentication.symmetricKey,
		x509Thumbprint: { primaryThumbprint: primary, secondaryThumbprint: secondary },
		type: 'selfSigned',
	};
}

/** A new symmetric key: base64 of 32 random bytes. */
export function newKey(): string {
	return randomBytes(32).toString('base64');
}

function pair(
	authentication: JsonObject,
	member: string,
	primary: string,
	secondary: string,
): (string | null)[] {
	const object = authentication[member] ?? {};
	if (!isJsonObject(object)) throw invalid(`authentication.${member} is not an object`);
	return [primary, secondary].map((name) => {
		const text = object[name] ?? null;
		if (text !== null && typeof text !== 'string') throw invalid(`${name} is not a string`);
		return text;
	});
}

function requireKey(key: string): void {
	const bytes = Buffer.from(key, 'base64');
	if (bytes.toString('base64') !== key || bytes.length < 16 || bytes.length > 64) {
		throw invalid('a symmetric key is not the base64 form of 16 to 64 bytes');
	}
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid identity: ${message}.`);
}
