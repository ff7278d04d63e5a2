import type { Clock } from '../runtime/clock.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import { IotHubError } from './iot-hub-error.ts';

/** How large a hub is: `S1` with 2 units. */
export interface HubSize {
	readonly tier: HubTier;
	readonly units: number;
}

interface Rate {
	/** A second. */
	readonly perUnit: number;
	/** What a hub has at least, whatever its units. */
	readonly floor?: number;
	/** Seconds whose rate may come in one burst. */
	readonly burst: number;
}

const perSecond = (perUnit: number, floor = 0): Rate => ({ perUnit, floor, burst: 1 });
const perMinute = (count: number): Rate => ({ perUnit: count / 60, burst: 60 });

/** IoT Hub documentation, "Quotas and throttling": of the tiers F1 and S1; S2 and S3 where they differ. */
const rates = {
	registry: { S1: perMinute(100), S3: perMinute(5000) },
	connect: {
		S1: perSecond(12, 100),
		S2: perSecond(120),
		S3: perSecond(6000),
	},
	telemetry: {
		S1: perSecond(12, 100),
		S2: perSecond(120),
		S3: perSecond(6000),
	},
	'cloud-to-device-send': { S1: perMinute(100), S3: perMinute(5000) },
	'cloud-to-device-receive': { S1: perMinute(1000), S3: perMinute(50_000) },
	'file-upload': { S1: perMinute(100), S3: perMinute(5000) },
	'direct-method': { S1: perSecond(20), S2: perSecond(60), S3: perSecond(3000) },
	query: { S1: perMinute(20), S3: perMinute(1000) },
	'twin-read': {
		S1: perSecond(0, 100),
		S2: perSecond(10, 100),
		S3: perSecond(500),
	},
	'twin-update': {
		S1: perSecond(0, 50),
		S2: perSecond(5, 50),
		S3: perSecond(250),
	},
	job: { S1: perMinute(100), S3: perMinute(5000) },
	configuration: { S1: perMinute(20) },
} as const satisfies Record<string, { readonly S1: Rate; readonly S2?: Rate; readonly S3?: Rate }>;

/** A kind of operation that is limited on its own. */
export type ThrottledOperation = keyof typeof rates;

/** What a hub takes in a day, a unit; and how many bytes count as one message. */
const tiers = {
	F1: { messages: 8_000, meter: 512 },
	S1: { messages: 400_000, meter: 4_096 },
	S2: { messages: 6_000_000, meter: 4_096 },
	S3: { messages: 300_000_000, meter: 4_096 },
} as const;

/** A tier of IoT Hub. */
export type HubTier = keyof typeof tiers;

const dayMs = 86_400_000;

interface Bucket {
	left: number;
	/** Of the monotonic clock. */
	filledAt: number;
}

/**
 * Reads a size: `S1`, or `S1:3` for three units.
 *
 * @throws EdgeError EDGE_SETTING_INVALID
 */
export function parseHubSize(text: string): HubSize {
	const [, tier = '', units = '1'] = /^(F1|S[123])(?::([1-9]\d{0,2}))?$/i.exec(text.trim()) ?? [];
	const name = tier.toUpperCase();
	if (isTier(name)) return { tier: name, units: Number(units) };
	const remedy = 'Give F1, S1, S2 or S3, with units behind a colon where there are several: S1:2.';
	throw new EdgeError('EDGE_SETTING_INVALID', `${text} is no size of an IoT Hub.`, { remedy });
}

function isTier(name: string): name is HubTier {
	return Object.hasOwn(tiers, name);
}

/** The throttles of a hub, one leaky bucket for each kind of operation, and its daily quota. */
export class Throttles {
	readonly #size: HubSize | undefined;
	readonly #clock: Clock;
	readonly #buckets = new Map<ThrottledOperation, Bucket>();
	#today = { day: -1, messages: 0 };

	/** @param size undefined for no throttles at all */
	constructor(size: HubSize | undefined, clock: Clock) {
		this.#size = size;
		this.#clock = clock;
	}

	/** Counts an operation. @throws IotHubError ThrottlingException when there are too many */
	take(operation: ThrottledOperation): void {
		if (this.#size === undefined) return;
		const { rate, burst } = rateOf(operation, this.#size);
		const now = this.#clock.monotonic();
		const bucket = this.#buckets.get(operation) ?? { left: burst, filledAt: now };
		bucket.left = Math.min(burst, bucket.left + ((now - bucket.filledAt) / 1000) * rate);
		bucket.filledAt = now;
		this.#buckets.set(operation, bucket);
		if (bucket.left < 1) {
			throw new IotHubError('ThrottlingException', `Too many requests of the kind ${operation}.`);
		}
		bucket.left -= 1;
	}

	/**
	 * Counts a message between devices and cloud, as often as it fills the bytes that are metered.
	 *
	 * @throws IotHubError IotHubQuotaExceeded when the hub has had its messages of the day (UTC)
	 */
	meter(bytes: number): void {
		if (this.#size === undefined) return;
		const { messages, meter } = tiers[this.#size.tier];
		const day = Math.floor(this.#clock.now() / dayMs);
		if (day !== this.#today.day) this.#today = { day, messages: 0 };
		const quota = messages * this.#size.units;
		const wanted = Math.max(1, Math.ceil(bytes / meter));
		if (this.#today.messages + wanted > quota) {
			throw new IotHubError('IotHubQuotaExceeded', `The hub has had its ${quota} messages today.`);
		}
		this.#today.messages += wanted;
	}
}

function rateOf(operation: ThrottledOperation, { tier, units }: HubSize) {
	const byTier: { readonly S1: Rate; readonly S2?: Rate; readonly S3?: Rate } = rates[operation];
	const { perUnit, floor = 0, burst } = (tier === 'F1' ? undefined : byTier[tier]) ?? byTier.S1;
	const rate = Math.max(floor, perUnit * units);
	return { rate, burst: rate * burst };
}
