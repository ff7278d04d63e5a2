import { ClusterError } from '../../cluster/cluster-error.ts';
import type { Caller } from './callers.ts';

/** Callers that are remembered; beyond that the oldest are forgotten. */
const maxRemembered = 1000;

/**
 * What the API server has said last about callers. It is asked about every call; while it is away
 * its last word holds, since no pod comes or goes then either.
 */
export class RememberedCallers {
	readonly #callers = new Map<string, Caller>();

	/** @param ask looks the caller up. @throws what `ask` throws, but for an absence that can be bridged. */
	async find(key: string, ask: () => Promise<Caller>): Promise<Caller> {
		let caller: Caller;
		try {
			caller = await ask();
		} catch (error) {
			const known = this.#callers.get(key);
			if (known !== undefined && isAbsence(error)) return known;
			if (!isAbsence(error)) this.#callers.delete(key);
			throw error;
		}
		this.#callers.delete(key);
		this.#callers.set(key, caller);
		this.#forgetOldest();
		return caller;
	}

	#forgetOldest(): void {
		for (const key of this.#callers.keys()) {
			if (this.#callers.size <= maxRemembered) return;
			this.#callers.delete(key);
		}
	}
}

function isAbsence(error: unknown): boolean {
	return error instanceof ClusterError && (error.status === 0 || error.status >= 429);
}
