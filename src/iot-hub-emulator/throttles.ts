import type { Clock } from '../runtime/clock.ts';
import { IotHubError } from './iot-hub-error.ts';

/**
 * How often an S1 hub lets each kind of operation happen, a second and unit (IoT Hub documentation,
 * "Quotas and throttling"). `floor` is what one unit has at least; `burst` how many may come at once:
 * a minute's worth where the documentation counts by the minute.
 */
const rates = {
	registry: { perUnit: 100 / 60, burst: 100 },
	connect: { perUnit: 12, floor: 100, burst: 100 },
	telemetry: { perUnit: 12, floor: 100, burst: 100 },
	'cloud-to-device-receive': { perUnit: 1000 / 60, burst: 1000 },
	'file-upload': { perUnit: 100 / 60, burst: 100 },
	'direct-method': { perUnit: 20, burst: 40 },
	query: { perUnit: 20 / 60, burst: 20 },
	'twin-read': { perUnit: 1, floor: 100, burst: 100 },
	'twin-update': { perUnit: 5, floor: 50, burst: 50 },
	job: { perUnit: 100 / 60, burst: 100 },
	configuration: { perUnit: 20 / 60, burst: 20 },
} as const satisfies Record<
	string,
	{ readonly perUnit: number; readonly burst: number; readonly floor?: number }
>;

/** A kind of operation that is limited on its own. */
export type ThrottledOperation = keyof typeof rates;

interface Bucket {
	left: number;
	/** Of the monotonic clock. */
	filledAt: number;
}

/** The throttles of a hub: one leaky bucket for each kind of operation. */
export class Throttles {
	readonly #units: number | undefined;
	readonly #clock: Clock;
	readonly #buckets = new Map<ThrottledOperation, Bucket>();

	/** @param units of an S1 hub; undefined for no throttles at all */
	constructor(units: number | undefined, clock: Clock) {
		this.#units = units;
		this.#clock = clock;
	}

	/** Counts an operation. @throws IotHubError ThrottlingException when there are too many */
	take(operation: ThrottledOperation): void {
		if (this.#units === undefined) return;
		const { perSecond, burst } = this.#rateOf(operation, this.#units);
		const now = this.#clock.monotonic();
		const bucket = this.#buckets.get(operation) ?? { left: burst, filledAt: now };
		bucket.left = Math.min(burst, bucket.left + ((now - bucket.filledAt) / 1000) * perSecond);
		bucket.filledAt = now;
		this.#buckets.set(operation, bucket);
		if (bucket.left < 1) {
			throw new IotHubError('ThrottlingException', `Too many requests of the kind ${operation}.`);
		}
		bucket.left -= 1;
	}

	#rateOf(operation: ThrottledOperation, units: number) {
		const rate: { perUnit: number; burst: number; floor?: number } = rates[operation];
		return {
			perSecond: Math.max(rate.floor ?? 0, rate.perUnit * units),
			burst: Math.max(rate.burst, rate.burst * (rate.floor === undefined ? units : 1)),
		};
	}
}
