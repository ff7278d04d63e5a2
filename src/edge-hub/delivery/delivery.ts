import { identityKey } from '../../protocol/identity.ts';
import { type Message, messageSize } from '../../protocol/message.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type LogRecord, type MessageLog, maxParts } from '../../storage/message-log.ts';
import type { HubConfiguration } from '../configuration.ts';
import type { RouteTarget } from '../routing/route-set.ts';
import type { Sink } from '../routing/sink.ts';
import { DeliveryLane } from './delivery-lane.ts';
import { type DeliveryMetrics, type MessageOrigin, noDeliveryMetrics } from './delivery-metrics.ts';
import type { Endpoint, StoredMessage } from './endpoint.ts';
import { EndpointPump, type PumpHandler } from './endpoint-pump.ts';
import type { QueueEntry } from './queue-entry.ts';
import { RecentMessages } from './recent-messages.ts';
import { evict, type StoreFullPolicy } from './store-eviction.ts';
import {
	decodeEntry,
	decodeMessage,
	HeaderEncoder,
	type StoredBody,
	type StoredTarget,
} from './stored-form.ts';

/** Where messages go that an endpoint has called poison. */
export interface PoisonStore {
	/**
	 * Durable when it returns; a message that is set aside again, after a crash, is kept once.
	 * @throws EdgeError EDGE_STORAGE_FULL: the message keeps its place in the queue.
	 */
	setAside(stored: StoredMessage, endpoint: string): void;
}

export interface DeliveryOptions {
	/** Opened by `start`, closed by `stop`. */
	readonly log: MessageLog;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Makes the endpoint of a sink, once for as long as the configuration names it. */
	readonly createEndpoint: (sink: Sink, id: string) => Endpoint;
	readonly poison: PoisonStore;
	readonly metrics?: DeliveryMetrics;
	/** Bytes of recent messages kept in memory, so that they need not be read again. Default 16 MiB. */
	readonly cacheBytes?: number;
	/** What gives way when the store is full. Default `refuse`. */
	readonly storeFull?: StoreFullPolicy;
	/** Numbers from 0 up to 1, for the jitter of back-off. */
	readonly random?: () => number;
}

/** Messages that wait or are under way, per endpoint and priority. */
export interface QueueLength {
	readonly endpoint: string;
	readonly priority: number;
	readonly length: number;
}

/** Milliseconds between looks for messages that expired while nobody took them. */
const expiryInterval = 30_000;

/** Bytes that a message takes in memory besides its content; small ones consist of little else. */
const recentOverhead = 700;

/** Senders with their outputs of which one object serves all messages. */
const rememberedOrigins = 10_000;

/**
 * Takes messages in, keeps them durably, and moves them to the endpoints of their routes: at least
 * once, first in first out per sender, endpoint and priority, until their time to live has passed.
 */
export class Delivery implements Lifecycle {
	readonly #options: DeliveryOptions;
	readonly #log: MessageLog;
	readonly #metrics: DeliveryMetrics;
	readonly #recent: RecentMessages;
	readonly #pumps = new Map<string, EndpointPump>();
	readonly #removing = new Set<Promise<void>>();
	readonly #origins = new Map<string, MessageOrigin>();
	readonly #headers = new HeaderEncoder();
	readonly #handler: PumpHandler;
	/** Of the last message; those that follow often share it. */
	#lastOrigin:
		| { readonly of: Message['systemProperties']; readonly origin: MessageOrigin }
		| undefined;
	/** What `start` found, until the first configuration says which endpoints there are. */
	#recovered = new Map<string, DeliveryLane>();
	#configuration: HubConfiguration | undefined;
	#expiryTimer: Timer | undefined;
	#stopped = false;

	constructor(options: DeliveryOptions) {
		this.#options = options;
		this.#log = options.log;
		this.#metrics = options.metrics ?? noDeliveryMetrics;
		this.#recent = new RecentMessages(options.cacheBytes ?? 16 * 1024 * 1024);
		this.#handler = {
			load: (entries) => this.#load(entries),
			delivered: (stored, entry, endpoint, seconds) => {
				const process = (options.clock.now() - stored.enqueuedAt) / 1000;
				this.#metrics.sent(entry.origin, endpoint, entry.priority, seconds, process);
				this.#done(entry);
			},
			poisoned: (stored, entry, endpoint) => {
				options.poison.setAside(stored, endpoint);
				this.#metrics.dropped('poison', entry.origin);
				this.#done(entry);
			},
			dropped: (entry, reason) => {
				this.#metrics.dropped(reason, entry.origin);
				this.#done(entry);
			},
			retried: (endpoint) => this.#metrics.retried(endpoint),
		};
	}

	/** Opens the log and rebuilds the queues. Nothing is sent before the first `configure`. */
	async start(): Promise<void> {
		const { storeFull = 'refuse' } = this.#options;
		await this.#log.open(
			(record) => this.#recover(record),
			(bytes) => evict(this.#pumps.values(), storeFull, bytes),
		);
		this.#expiryTimer = this.#options.clock.every(expiryInterval, () => {
			for (const pump of this.#pumps.values()) pump.dropExpired();
		});
	}

	/** Stops sending and closes the log. What is not delivered is when the hub starts again. */
	async stop(): Promise<void> {
		if (this.#stopped) return;
		this.#stopped = true;
		this.#expiryTimer?.[Symbol.dispose]();
		const stopping = [...this.#pumps.values()].map((pump) => pump.stop());
		await Promise.all([...stopping, ...this.#removing]);
		await this.#log.close();
	}

	/**
	 * Takes new routes and a new time to live, which apply to messages from now on. Endpoints to which
	 * no route leads any more are removed with their messages.
	 */
	configure(configuration: HubConfiguration): void {
		this.#configuration = configuration;
		this.#log.limitTo(configuration.maxSizeBytes);
		const { sinks } = configuration.routes;
		for (const [id, pump] of [...this.#pumps]) {
			if (!sinks.has(id)) this.#removeEndpoint(id, pump);
		}
		for (const [id, sink] of sinks) {
			if (!this.#pumps.has(id)) this.#addEndpoint(id, sink);
		}
		for (const recovered of this.#recovered.values()) {
			for (const entry of recovered.takeAll()) this.#handler.dropped(entry, 'endpoint_removed');
		}
		this.#recovered = new Map();
	}

	/**
	 * Resolves when the message is durable for every endpoint that it is routed to: acknowledge then.
	 * The sender is read from the system properties connectionDeviceId and connectionModuleId.
	 *
	 * @param source e.g. `/messages/modules/sensor/outputs/temperature`; see `telemetrySource`.
	 * @throws EdgeError EDGE_STORAGE_FULL, EDGE_STORAGE_FAILED: do not acknowledge.
	 */
	async ingest(message: Message, source: string): Promise<void> {
		const configuration = this.#configuration;
		if (configuration === undefined) throw new Error('There is no configuration yet.');
		const origin = this.#originOf(message);
		const size = messageSize(message);
		this.#metrics.received(origin, size);
		const targets = configuration.routes.targetsOf(message, source);
		if (targets.length === 0) {
			this.#metrics.dropped('no_route', origin);
			return;
		}
		const body: StoredBody = { message, enqueuedAt: this.#options.clock.now() };
		const stored = targets.map((target) => storedTarget(target, configuration, body.enqueuedAt));
		try {
			await this.#store(stored, origin, size, body);
		} catch (error) {
			this.#metrics.unacknowledged(origin);
			throw error;
		}
	}

	queueLengths(): QueueLength[] {
		return [...this.#pumps].flatMap(([endpoint, { lengths }]) =>
			[...lengths].map(([priority, length]) => ({ endpoint, priority, length })),
		);
	}

	/** Appends one record, or more where the message has more targets than a record has parts. */
	#store(
		targets: readonly StoredTarget[],
		origin: MessageOrigin,
		size: number,
		body: StoredBody,
	): Promise<unknown> {
		const append = async (group: readonly StoredTarget[]) => {
			const header = this.#headers.encode({ origin, size, targets: group }, body);
			const offset = await this.#log.append(header, body.message.body, group.length);
			this.#recent.add(offset, body, size + recentOverhead, group.length);
			for (const [part, target] of group.entries()) {
				this.#enqueue(target.endpoint, entryOf(target, offset, part, origin, size));
			}
		};
		if (targets.length <= maxParts) return append(targets);
		const groups = Math.ceil(targets.length / maxParts);
		return Promise.all(
			Array.from({ length: groups }, (_, index) =>
				append(targets.slice(index * maxParts, (index + 1) * maxParts)),
			),
		);
	}

	#enqueue(endpoint: string, entry: QueueEntry): void {
		const pump = this.#pumps.get(endpoint);
		if (pump !== undefined) pump.add(entry);
		else this.#handler.dropped(entry, 'endpoint_removed');
	}

	#recover({ offset, header, pending }: LogRecord): void {
		const { targets, origin, size } = decodeEntry(header);
		const shared = this.#sharedOrigin(origin);
		for (const [part, target] of targets.entries()) {
			if ((pending & (1 << part)) === 0) continue;
			const recovered = this.#recovered.get(target.endpoint) ?? new DeliveryLane('', () => 0);
			recovered.add(entryOf(target, offset, part, shared, size));
			this.#recovered.set(target.endpoint, recovered);
		}
	}

	#addEndpoint(id: string, sink: Sink): void {
		const { clock, logger, random = Math.random } = this.#options;
		const endpoint = this.#options.createEndpoint(sink, id);
		const pump = new EndpointPump({ endpoint, handler: this.#handler, clock, logger, random });
		this.#pumps.set(id, pump);
		for (const entry of this.#recovered.get(id)?.takeAll() ?? []) pump.add(entry);
		this.#recovered.delete(id);
		pump.start();
	}

	#removeEndpoint(id: string, pump: EndpointPump): void {
		this.#pumps.delete(id);
		this.#options.logger.info('An endpoint left the configuration', { endpoint: id });
		const removing = pump.remove().finally(() => this.#removing.delete(removing));
		this.#removing.add(removing);
	}

	/** What is delivered at once is still in memory; everything else is read from the log. */
	async #load(entries: readonly QueueEntry[]): Promise<readonly (StoredMessage | undefined)[]> {
		const bodies = entries.map(({ offset }) => this.#recent.get(offset));
		if (bodies.includes(undefined)) {
			const reads = entries.map(
				({ offset, size }, index) => bodies[index] ?? this.#read(offset, size),
			);
			return (await Promise.all(reads)).map((body, index) => stored(entries[index], body));
		}
		return entries.map((entry, index) => stored(entry, bodies[index]));
	}

	/** @returns undefined where the stored form is damaged. */
	async #read(offset: number, size: number): Promise<StoredBody | undefined> {
		try {
			const body = decodeMessage(await this.#log.read(offset));
			this.#recent.add(offset, body, size + recentOverhead, 1);
			return body;
		} catch (error) {
			const damaged = error instanceof EdgeError && error.code === 'EDGE_STORAGE_CORRUPT';
			if (!damaged && !(error instanceof RangeError)) throw error;
			this.#options.logger.error('A stored message is damaged', { offset });
			return undefined;
		}
	}

	#done({ offset, part }: QueueEntry): void {
		this.#recent.settled(offset);
		this.#log.release(offset, part);
	}

	#originOf({ systemProperties }: Message): MessageOrigin {
		if (this.#lastOrigin?.of === systemProperties) return this.#lastOrigin.origin;
		const deviceId = systemProperties.get('connectionDeviceId') ?? '';
		const moduleId = systemProperties.get('connectionModuleId');
		const sender = identityKey(moduleId === undefined ? { deviceId } : { deviceId, moduleId });
		const origin = this.#sharedOrigin({ sender, output: systemProperties.get('outputName') ?? '' });
		this.#lastOrigin = { of: systemProperties, origin };
		return origin;
	}

	/** One object for all messages of an output: queues hold millions of references. */
	#sharedOrigin(origin: MessageOrigin): MessageOrigin {
		const key = `${origin.sender}\n${origin.output}`;
		const known = this.#origins.get(key);
		if (known !== undefined) return known;
		if (this.#origins.size >= rememberedOrigins) this.#origins.clear();
		this.#origins.set(key, origin);
		return origin;
	}
}

function stored(
	entry: QueueEntry | undefined,
	body: StoredBody | undefined,
): StoredMessage | undefined {
	if (entry === undefined || body === undefined) return undefined;
	const { message, enqueuedAt } = body;
	return {
		message,
		enqueuedAt,
		offset: entry.offset,
		priority: entry.priority,
		sender: entry.origin.sender,
	};
}

/** The route's time to live, else the configuration's; negative for no end. */
function storedTarget(
	{ endpoint, priority, newestFirst, timeToLiveSecs }: RouteTarget,
	configuration: HubConfiguration,
	now: number,
): StoredTarget {
	const seconds = timeToLiveSecs === 0 ? configuration.timeToLiveSecs : timeToLiveSecs;
	const expiresAt = seconds < 0 ? Number.POSITIVE_INFINITY : now + seconds * 1000;
	return { endpoint, priority, newestFirst, expiresAt };
}

function entryOf(
	{ priority, newestFirst, expiresAt }: StoredTarget,
	offset: number,
	part: number,
	origin: MessageOrigin,
	size: number,
): QueueEntry {
	return { offset, part, priority, newestFirst, origin, size, expiresAt };
}
