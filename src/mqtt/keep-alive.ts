import type { Clock, Timer } from '../runtime/clock.ts';

/** What the keep-alive of a client asks and tells. */
export interface KeepAliveListener {
	/** Whether we read what the client sends; while we do not, its silence is no fault of its own. */
	reading(): boolean;
	expired(): void;
}

/**
 * Tells when a client has been silent for one and a half times its keep-alive [MQTT-3.1.2-24].
 * Costs one timer a connection, whatever the traffic.
 */
export class KeepAlive {
	readonly #clock: Clock;
	readonly #allowed: number;
	readonly #listener: KeepAliveListener;
	#heardAt: number;
	#timer: Timer;

	/** @param seconds the keep-alive of the CONNECT, not 0 */
	constructor(clock: Clock, seconds: number, listener: KeepAliveListener) {
		this.#clock = clock;
		this.#allowed = seconds * 1500;
		this.#listener = listener;
		this.#heardAt = clock.monotonic();
		this.#timer = clock.after(this.#allowed, () => this.#check());
	}

	/** The client has sent a packet. */
	heard(): void {
		this.#heardAt = this.#clock.monotonic();
	}

	stop(): void {
		this.#timer[Symbol.dispose]();
	}

	#check(): void {
		if (!this.#listener.reading()) this.heard();
		const left = this.#heardAt + this.#allowed - this.#clock.monotonic();
		if (left <= 0) this.#listener.expired();
		else this.#timer = this.#clock.after(left, () => this.#check());
	}
}
