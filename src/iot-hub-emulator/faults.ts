import type { Clock } from '../runtime/clock.ts';
import { IotHubError } from './iot-hub-error.ts';

/**
 * How a hub that is away treats connections: `reset` ends them at once, `silent` accepts them and
 * never answers, `unavailable` refuses clients politely (CONNACK 3, HTTP 503).
 */
export type Absence = 'reset' | 'silent' | 'unavailable';

/** What goes wrong with requests that reach the hub. */
export type RequestFault = 'throttle' | 'server-error';

/** Makes the hub misbehave on purpose, for tests of whoever depends on it. */
export class Faults {
	readonly #clock: Clock;
	readonly #dropAll: () => void;
	#absence: Absence | undefined;
	#requestFault: RequestFault | undefined;
	#delayMs = 0;

	/** @param dropAll ends every open connection without a word */
	constructor(clock: Clock, dropAll: () => void) {
		this.#clock = clock;
		this.#dropAll = dropAll;
	}

	get absence(): Absence | undefined {
		return this.#absence;
	}

	/** Ends every connection; new ones are served. */
	dropConnections(): void {
		this.#dropAll();
	}

	/** Ends every connection and serves no new one until `comeBack`. */
	goAway(absence: Absence = 'reset'): void {
		this.#absence = absence;
		this.#dropAll();
	}

	/** Serves again. Connections that were kept waiting in silence are ended. */
	comeBack(): void {
		if (this.#absence === 'silent') this.#dropAll();
		this.#absence = undefined;
	}

	/** Every HTTP, twin and telemetry request waits so many milliseconds. 0 for none. */
	delayRequests(ms: number): void {
		this.#delayMs = ms;
	}

	/**
	 * Every HTTP and twin request fails with 429 or 500; telemetry that gets such an answer over MQTT
	 * has its connection closed. Undefined ends it.
	 */
	failRequests(fault: RequestFault | undefined): void {
		this.#requestFault = fault;
	}

	/** To be awaited before a request is served. @throws IotHubError */
	async request(): Promise<void> {
		if (this.#delayMs > 0) await this.#clock.sleep(this.#delayMs);
		if (this.#absence === 'unavailable') {
			throw new IotHubError('ServiceUnavailable', 'The hub is away.');
		}
		if (this.#requestFault === 'throttle') {
			throw new IotHubError('ThrottlingException', 'Too many requests.');
		}
		if (this.#requestFault === 'server-error') {
			throw new IotHubError('ServerError', 'The request has failed on purpose.');
		}
	}
}
