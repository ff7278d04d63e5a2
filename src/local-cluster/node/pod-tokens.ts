import type { Clock } from '../../runtime/clock.ts';
import type { Pod } from '../workloads/pod.ts';

/** What a token is asked for. */
export interface PodTokenRequest {
	readonly pod: Pod;
	/** `undefined`: the API server itself. */
	readonly audience: string | undefined;
	readonly expirationSeconds: number;
}

/** Makes tokens of ServiceAccounts; the API server does. */
export type TokenIssuer = (
	request: PodTokenRequest,
) => Promise<{ readonly token: string; readonly expires: number }>;

/** The part of a token's life after which it is renewed. */
const renewAfter = 0.8;

/** The tokens of one pod, each renewed when most of its life is over. */
export class PodTokens {
	readonly #issue: TokenIssuer;
	readonly #clock: Clock;
	readonly #tokens = new Map<string, { readonly token: string; readonly renewAt: number }>();

	constructor(issue: TokenIssuer, clock: Clock) {
		this.#issue = issue;
		this.#clock = clock;
	}

	/** @param expirationSeconds the life that the pod asks for. */
	async get(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string> {
		const key = `${audience ?? ''} ${expirationSeconds}`;
		const now = this.#clock.now();
		const known = this.#tokens.get(key);
		if (known !== undefined && now < known.renewAt) return known.token;
		const { token, expires } = await this.#issue({ pod, audience, expirationSeconds });
		this.#tokens.set(key, { token, renewAt: now + (expires - now) * renewAfter });
		return token;
	}
}
