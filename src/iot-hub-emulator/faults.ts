import type { Clock, Timer } from '../runtime/clock.ts';
import { isJsonObject } from '../runtime/json.ts';
import { IotHubError } from './iot-hub-error.ts';

/**
 * How a hub that is away treats connections: `reset` ends them at once, `silent` accepts them and
 * never answers, `unavailable` refuses clients politely (CONNACK 3, HTTP 503).
 */
export type Absence = 'reset' | 'silent' | 'unavailable';

/** What goes wrong with requests that reach the hub. */
export type RequestFault = 'throttle' | 'server-error';

/** How a hub misbehaves. Everything that is not there is as it should be. */
export interface WantedFaults {
	readonly absence?: Absence;
	readonly requests?: RequestFault;
	/** Milliseconds that every request waits. */
	readonly delayMs?: number;
}

/** Makes the hub misbehave on purpose, for tests of whoever depends on it. */
export class Faults {
	readonly #clock: Clock;
	readonly #dropAll: () => void;
	#absence: Absence | undefined;
	#requestFault: RequestFault | undefined;
	#delayMs = 0;
	#end: Timer | undefined;

	/** @param dropAll ends every open connection without a word */
	constructor(clock: Clock, dropAll: () => void) {
		this.#clock = clock;
		this.#dropAll = dropAll;
	}

	get absence(): Absence | undefined {
		return this.#absence;
	}

	/** How it misbehaves now. */
	get now(): WantedFaults {
		return {
			...(this.#absence === undefined ? {} : { absence: this.#absence }),
			...(this.#requestFault === undefined ? {} : { requests: this.#requestFault }),
			...(this.#delayMs === 0 ? {} : { delayMs: this.#delayMs }),
		};
	}

	/** Misbehaves in this way and no other, for so many seconds where they are given. */
	set({ absence, requests, delayMs = 0 }: WantedFaults, seconds?: number): void {
		this.#end?.[Symbol.dispose]();
		this.failRequests(requests);
		this.delayRequests(delayMs);
		if (absence === undefined) this.comeBack();
		else this.goAway(absence);
		this.#end =
			seconds === undefined ? undefined : this.#clock.after(seconds * 1000, () => this.set({}));
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

const absences: readonly unknown[] = ['reset', 'silent', 'unavailable'] satisfies Absence[];
const requestFaults: readonly unknown[] = ['throttle', 'server-error'] satisfies RequestFault[];

/** Seconds and milliseconds at most: a day. */
const maxSeconds = 86_400;

/**
 * Reads `{absence?, requests?, delayMs?, seconds?}`.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function faultsFrom(body: unknown): {
	readonly wanted: WantedFaults;
	readonly seconds: number | undefined;
} {
	if (!isJsonObject(body)) throw invalid('The body is not a JSON object.');
	const { absence, requests, delayMs, seconds, ...others } = body;
	const [unknown] = Object.keys(others);
	if (unknown !== undefined) throw invalid(`There is no fault ${unknown}.`);
	requireOneOf('absence', absence, absences);
	requireOneOf('requests', requests, requestFaults);
	const delay = amountOf('delayMs', delayMs, maxSeconds * 1000);
	const time = amountOf('seconds', seconds, maxSeconds);
	if ((absence === 'reset' || absence === 'silent') && time === undefined) {
		throw invalid(
			`A hub that is away with ${absence} hears no request to come back: give seconds.`,
		);
	}
	return {
		wanted: {
			...(absence ? { absence: absence as Absence } : {}),
			...(requests ? { requests: requests as RequestFault } : {}),
			...(delay === undefined ? {} : { delayMs: delay }),
		},
		seconds: time,
	};
}

function requireOneOf(name: string, value: unknown, allowed: readonly unknown[]): void {
	if (value === undefined || value === null || allowed.includes(value)) return;
	throw invalid(`${name} is not one of ${allowed.join(', ')}.`);
}

function amountOf(name: string, value: unknown, most: number): number | undefined {
	if (value === undefined || value === null) return undefined;
	if (typeof value === 'number' && value > 0 && value <= most) return value;
	throw invalid(`${name} is not a number above 0, at most ${most}.`);
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', message);
}
