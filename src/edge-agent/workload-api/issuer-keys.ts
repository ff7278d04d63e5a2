import { JWKSNoMatchingKey } from 'jose/errors';
import { createLocalJWKSet } from 'jose/jwks/local';
import { compactVerify } from 'jose/jws/compact/verify';
import { ClusterError } from '../../cluster/cluster-error.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';

/** Where the keys are read. */
export interface IssuerKeysOptions {
	/** The JSON Web Key Set of the API server. @throws ClusterError */
	readonly read: () => Promise<unknown>;
	readonly clock: Clock;
}

type KeySet = ReturnType<typeof createLocalJWKSet>;

/** What API servers sign tokens with (Kubernetes, `--service-account-signing-key-file`). */
const algorithms = ['RS256', 'ES256', 'ES384', 'ES512'];
/** Milliseconds between two looks for a key that is not among those known. */
const lookAgain = 10_000;

/**
 * The keys with which the API server signs the tokens of ServiceAccounts. Reading them needs no right
 * beyond what clusters give to every ServiceAccount (ClusterRole
 * `system:service-account-issuer-discovery`), whereas a TokenReview needs one on the whole cluster.
 * They are kept, so that a token can be verified while the API server is away.
 */
export class IssuerKeys {
	readonly #options: IssuerKeysOptions;
	#keys: KeySet | undefined;
	#readAt = 0;
	#reading: Promise<KeySet> | undefined;

	constructor(options: IssuerKeysOptions) {
		this.#options = options;
	}

	/**
	 * The claims of a token that the API server has signed. Whether they hold is for the caller to judge.
	 *
	 * @throws EdgeError EDGE_CALLER_TOKEN, EDGE_ISSUER_KEYS_FORBIDDEN; ClusterError
	 */
	async claimsOf(token: string): Promise<JsonObject> {
		const payload = await this.#verify(token);
		const claims: unknown = JSON.parse(Buffer.from(payload).toString());
		if (!isJsonObject(claims)) throw badToken('It has no claims.');
		return claims;
	}

	async #verify(token: string): Promise<Uint8Array> {
		const keys = this.#keys ?? (await this.#read());
		try {
			return await payloadOf(token, keys);
		} catch (error) {
			const isFresh = this.#options.clock.monotonic() - this.#readAt < lookAgain;
			if (!(error instanceof JWKSNoMatchingKey) || isFresh) throw badToken(messageOf(error));
		}
		// The API server may sign with a new key by now.
		const renewed = await this.#read();
		try {
			return await payloadOf(token, renewed);
		} catch (error) {
			throw badToken(messageOf(error));
		}
	}

	#read(): Promise<KeySet> {
		this.#reading ??= this.#readOnce().finally(() => {
			this.#reading = undefined;
		});
		return this.#reading;
	}

	async #readOnce(): Promise<KeySet> {
		const { read, clock } = this.#options;
		try {
			this.#keys = createLocalJWKSet((await read()) as never);
			this.#readAt = clock.monotonic();
			return this.#keys;
		} catch (error) {
			const isRefused = error instanceof ClusterError && error.status === 403;
			if (!isRefused) throw error;
			throw new EdgeError(
				'EDGE_ISSUER_KEYS_FORBIDDEN',
				'The edge agent may not read the keys that sign the tokens of pods.',
				{ where: '/openid/v1/jwks', cause: error },
			);
		}
	}
}

async function payloadOf(token: string, keys: KeySet): Promise<Uint8Array> {
	return (await compactVerify(token, keys, { algorithms })).payload;
}

function badToken(reason: string): EdgeError {
	return new EdgeError('EDGE_CALLER_TOKEN', `The token of the caller is not good: ${reason}`);
}
