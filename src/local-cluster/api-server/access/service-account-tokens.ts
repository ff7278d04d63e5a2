import {
	createHash,
	createPrivateKey,
	createPublicKey,
	type KeyObject,
	randomUUID,
	sign,
	verify,
} from 'node:crypto';
import type { Clock } from '../../../runtime/clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import { listAt, numberAt, objectAt, textAt } from '../json-reading.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { serviceAccountUser, type User } from './user.ts';

/** Who issues the tokens, and the audience of the API server itself. */
export const issuer = 'https://kubernetes.default.svc.cluster.local';

/** What a token is for. */
export interface TokenRequest {
	readonly namespace: string;
	readonly name: string;
	/** Of the ServiceAccount. */
	readonly uid: string;
	readonly audiences: readonly string[];
	readonly expirationSeconds: number;
	/** An object whose deletion ends the token. */
	readonly boundTo?: { readonly kind: string; readonly name: string; readonly uid: string };
}

/** A token that was found to be good. */
export interface TokenIdentity {
	readonly user: User;
	readonly audiences: readonly string[];
}

/** Issues and verifies the tokens of ServiceAccounts: JSON Web Tokens signed with ES256. */
export class ServiceAccountTokens {
	readonly #key: KeyObject;
	readonly #publicKey: KeyObject;
	readonly #keyId: string;
	readonly #store: ObjectStore;
	readonly #clock: Clock;

	/** @param privateKey PEM, PKCS#8, P-256. */
	constructor(privateKey: string, store: ObjectStore, clock: Clock) {
		this.#key = createPrivateKey(privateKey);
		this.#publicKey = createPublicKey(this.#key);
		const der = this.#publicKey.export({ type: 'spki', format: 'der' });
		this.#keyId = createHash('sha256').update(der).digest('base64url');
		this.#store = store;
		this.#clock = clock;
	}

	/** A new token, and the end of its life in milliseconds since the epoch. */
	issue(request: TokenRequest): { token: string; expires: number } {
		const now = Math.floor(this.#clock.now() / 1000);
		const exp = now + request.expirationSeconds;
		const { namespace, name, uid, boundTo } = request;
		const bound = boundTo === undefined ? {} : { [boundTo.kind.toLowerCase()]: pick(boundTo) };
		const claims: JsonObject = {
			aud: request.audiences.length === 0 ? [issuer] : [...request.audiences],
			exp,
			iat: now,
			iss: issuer,
			jti: randomUUID(),
			'kubernetes.io': { namespace, ...bound, serviceaccount: { name, uid } },
			nbf: now,
			sub: `system:serviceaccount:${namespace}:${name}`,
		};
		const head = encode({ alg: 'ES256', kid: this.#keyId });
		const input = `${head}.${encode(claims)}`;
		const key = { key: this.#key, dsaEncoding: 'ieee-p1363' as const };
		const signature = sign('sha256', Buffer.from(input), key).toString('base64url');
		return { token: `${input}.${signature}`, expires: exp * 1000 };
	}

	/**
	 * @param audiences the token must be for one of them.
	 * @returns undefined when the token is not ours, has expired, or its account or pod is gone.
	 */
	verify(token: string, audiences: readonly string[] = [issuer]): TokenIdentity | undefined {
		const claims = this.#claimsOf(token);
		if (claims === undefined) return undefined;
		const now = this.#clock.now() / 1000;
		const timely =
			(numberAt(claims, 'exp') ?? 0) > now && (numberAt(claims, 'nbf') ?? 0) <= now + 60;
		const matching = listAt(claims, 'aud')
			.map(String)
			.filter((item) => audiences.includes(item));
		if (!timely || textAt(claims, 'iss') !== issuer || matching.length === 0) return undefined;
		const bound = objectAt(claims, 'kubernetes.io');
		const user = this.#userOf(bound);
		return user === undefined ? undefined : { user, audiences: matching };
	}

	/** The public key as a JSON Web Key Set. */
	keySet(): JsonObject {
		const { kty, crv, x, y } = this.#publicKey.export({ format: 'jwk' });
		const key = { use: 'sig', alg: 'ES256', kid: this.#keyId };
		return {
			keys: [{ ...key, ...(JSON.parse(JSON.stringify({ kty, crv, x, y })) as JsonObject) }],
		};
	}

	#claimsOf(token: string): JsonObject | undefined {
		const [head, body, signature, ...rest] = token.split('.');
		if (head === undefined || body === undefined || !signature || rest.length > 0) return undefined;
		if (decode(head)?.['alg'] !== 'ES256') return undefined;
		const key = { key: this.#publicKey, dsaEncoding: 'ieee-p1363' as const };
		const input = Buffer.from(`${head}.${body}`);
		const genuine = verify('sha256', input, key, Buffer.from(signature, 'base64url'));
		return genuine ? decode(body) : undefined;
	}

	#userOf(bound: JsonObject): User | undefined {
		const namespace = textAt(bound, 'namespace');
		const { name, uid } = { name: '', uid: '', ...objectAt(bound, 'serviceaccount') };
		const account = this.#store.get('serviceaccounts', `${namespace}/${String(name)}`);
		if (account === undefined || account.metadata.uid !== uid) return undefined;
		const user = serviceAccountUser(namespace, String(name), String(uid));
		const pod = objectAt(bound, 'pod');
		if (pod['name'] === undefined) return user;
		const live = this.#store.get('pods', `${namespace}/${String(pod['name'])}`);
		if (live?.metadata.uid !== pod['uid']) return undefined;
		const extra = {
			'authentication.kubernetes.io/pod-name': [String(pod['name'])],
			'authentication.kubernetes.io/pod-uid': [String(pod['uid'])],
		};
		return { ...user, extra };
	}
}

function pick({ name, uid }: { readonly name: string; readonly uid: string }): JsonObject {
	return { name, uid };
}

function encode(value: JsonObject): string {
	return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(text: string): JsonObject | undefined {
	try {
		const value: JsonValue = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
		return isJsonObject(value) ? value : undefined;
	} catch {
		return undefined;
	}
}
