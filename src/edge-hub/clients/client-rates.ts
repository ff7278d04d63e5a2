import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RateLimit } from '../../runtime/rate-limit.ts';

export interface ClientRatesOptions {
	/** Messages a second of one client; 0 for no limit. */
	readonly perSecond: number;
	/** A client has to wait for so many seconds. */
	readonly heldBack: (identity: Identity, seconds: number) => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Milliseconds that a request waits: at one message a second the next one has to wait no longer. */
const longestWait = 1_000;
/** Rates of clients without a connection that are kept before those that mean nothing any more go. */
const maxIdleRates = 1_000;

/** How fast clients may send, whatever protocol they speak, and who hears of one that sends more. */
export class ClientRates {
	readonly #options: ClientRatesOptions;
	/** Connections whose client is in the log already. */
	readonly #warned = new WeakSet<object>();
	/** Of clients that come with single requests, by identity key. */
	readonly #requestRates = new Map<string, RateLimit>();

	constructor(options: ClientRatesOptions) {
		this.#options = options;
	}

	/** The limit of one connection of a client; undefined where there is none. */
	connected(identity: Identity): RateLimit | undefined {
		const { perSecond, clock } = this.#options;
		if (perSecond === 0) return undefined;
		const held = (milliseconds: number) => this.heldBack(limit, identity, milliseconds);
		const limit: RateLimit = new RateLimit({ perSecond, clock, held });
		return limit;
	}

	/**
	 * Waits until the messages in a request may be taken, all of them, as long as that is soon: who sends
	 * one request after the other is only slowed down.
	 *
	 * @returns 0, or the milliseconds after which the client may come again
	 */
	async requested(identity: Identity, messages: number): Promise<number> {
		const key = identityKey(identity);
		const limit = this.#requestRates.get(key) ?? this.#firstRequest(identity, key);
		const wait = limit?.take(messages, longestWait) ?? 0;
		if (wait > longestWait) return wait;
		if (wait > 0) await this.#options.clock.sleep(wait);
		return 0;
	}

	/** @param connection for which the log says it once */
	heldBack(connection: object, identity: Identity, milliseconds: number): void {
		const { perSecond, heldBack, logger } = this.#options;
		heldBack(identity, milliseconds / 1000);
		if (this.#warned.has(connection)) return;
		this.#warned.add(connection);
		logger.warn('a client sends more messages than it may, and is slowed down', {
			client: identityKey(identity),
			messagesPerSecond: perSecond,
		});
	}

	#firstRequest(identity: Identity, key: string): RateLimit | undefined {
		const limit = this.connected(identity);
		if (limit === undefined) return undefined;
		if (this.#requestRates.size >= maxIdleRates) this.#forgetIdle();
		this.#requestRates.set(key, limit);
		return limit;
	}

	#forgetIdle(): void {
		for (const [key, limit] of this.#requestRates) if (limit.isFull) this.#requestRates.delete(key);
	}
}
