import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import { DeliveryLane } from './delivery-lane.ts';
import type { DeliveryQueue } from './delivery-queue.ts';
import type { Endpoint, SendResult, StoredMessage } from './endpoint.ts';
import type { QueueEntry } from './queue-entry.ts';
import { ReadyLanes } from './ready-lanes.ts';

/** How long `stop` waits for an endpoint that does not heed its signal, in milliseconds. */
const stopPatience = 10_000;

/** What a pump asks of the delivery core. */
export interface PumpHandler {
	/** The messages of entries; undefined for one whose stored form is damaged. Rejects when the disk fails. */
	load(entries: readonly QueueEntry[]): Promise<readonly (StoredMessage | undefined)[]>;
	/** The endpoint has the message. */
	delivered(stored: StoredMessage, entry: QueueEntry, endpoint: string, seconds: number): void;
	/** The endpoint will never take the message. @throws when it cannot be set aside now. */
	poisoned(stored: StoredMessage, entry: QueueEntry, endpoint: string): void;
	/** The entry is gone without having reached the endpoint. */
	dropped(
		entry: QueueEntry,
		reason: 'ttl_expiry' | 'endpoint_removed' | 'corrupt' | 'store_full',
	): void;
	/** The endpoint failed and is tried again. */
	retried(endpoint: string): void;
}

export interface EndpointPumpOptions {
	readonly endpoint: Endpoint;
	readonly handler: PumpHandler;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly random: () => number;
}

/**
 * Moves messages from the queues of one endpoint to the endpoint. Before every batch it looks anew
 * for the smallest priority number; what failed goes back to the head of its queue, so that it
 * holds up its own lane and priority only.
 */
export class EndpointPump {
	readonly endpoint: Endpoint;
	readonly #handler: PumpHandler;
	readonly #clock: Clock;
	readonly #logger: Logger;
	readonly #random: () => number;
	readonly #lanes = new Map<string, DeliveryLane>();
	readonly #ready = new ReadyLanes();
	readonly #lengths = new Map<number, number>();
	readonly #underway = new Set<Promise<void>>();
	readonly #stopping = new AbortController();
	#started = false;
	#removed = false;
	#pumpDue = false;
	#subscription: Disposable | undefined;

	constructor(options: EndpointPumpOptions) {
		this.endpoint = options.endpoint;
		this.#handler = options.handler;
		this.#clock = options.clock;
		this.#logger = options.logger.child({ endpoint: options.endpoint.id });
		this.#random = options.random;
	}

	/** Begins to send. What was added before takes its turns by priority. */
	start(): void {
		this.#started = true;
		this.#subscription = this.endpoint.onReady((sender) => this.#wake(sender));
		this.#pump();
	}

	/** Aborts batches under way and waits for their outcome. Messages stay in the log. */
	async stop(): Promise<void> {
		this.#subscription?.[Symbol.dispose]();
		this.#stopping.abort();
		for (const lane of this.#lanes.values()) lane.retryTimer?.[Symbol.dispose]();
		const patience = new AbortController();
		const late = this.#clock.sleep(stopPatience, patience.signal).catch(() => {});
		await Promise.race([Promise.allSettled(this.#underway), late]);
		patience.abort();
	}

	/** Stops, and drops all messages: the endpoint is no longer in the configuration. */
	async remove(): Promise<void> {
		this.#removed = true;
		for (const lane of this.#lanes.values()) this.#drop(lane.takeAll(), 'endpoint_removed');
		await this.stop();
	}

	add(entry: QueueEntry): void {
		this.#count(entry.priority, 1);
		const lane = this.#laneOf(entry);
		lane.add(entry);
		// Something more urgent than what failed does not wait with it.
		if (entry.priority < lane.failedPriority) this.#endBackoff(lane);
		this.#schedule(lane);
	}

	/** Messages that wait or are under way, by priority. */
	get lengths(): ReadonlyMap<number, number> {
		return this.#lengths;
	}

	/** Drops what has expired while it waited. */
	dropExpired(): void {
		const now = this.#clock.now();
		for (const lane of this.#lanes.values()) this.#drop(lane.takeExpired(now), 'ttl_expiry');
		this.relist();
	}

	/** Queues of all lanes. What is taken from them is told to `evicted`, and `relist` called then. */
	*queues(): Generator<DeliveryQueue> {
		for (const lane of this.#lanes.values()) yield* lane.queues();
	}

	/** An entry was taken out to make room. */
	evicted(entry: QueueEntry): void {
		this.#drop([entry], 'store_full');
	}

	/** Lists lanes anew whose queues have lost entries. */
	relist(): void {
		for (const lane of [...this.#lanes.values()]) {
			lane.tidy();
			this.#ready.delete(lane);
			this.#schedule(lane);
		}
	}

	#laneOf({ origin }: QueueEntry): DeliveryLane {
		const key = this.endpoint.ordering === 'sender' ? origin.sender : '';
		const known = this.#lanes.get(key);
		if (known !== undefined) return known;
		const lane = new DeliveryLane(key, this.#random);
		this.#lanes.set(key, lane);
		return lane;
	}

	/** Lists a lane that can send; forgets one that has nothing to do. */
	#schedule(lane: DeliveryLane): void {
		if (lane.busy || this.#stopping.signal.aborted) return;
		if (lane.priority === undefined) {
			lane.retryTimer?.[Symbol.dispose]();
			this.#lanes.delete(lane.key);
			return;
		}
		if (lane.retryTimer !== undefined) return;
		this.#ready.add(lane);
		this.#pumpSoon();
	}

	/** Not before all that one disk sync has made durable is in its lane: batches get full then. */
	#pumpSoon(): void {
		if (this.#pumpDue) return;
		this.#pumpDue = true;
		queueMicrotask(() => {
			this.#pumpDue = false;
			this.#pump();
		});
	}

	#pump(): void {
		const { endpoint } = this;
		while (this.#started && this.#underway.size < endpoint.concurrency && endpoint.ready) {
			const lane = this.#ready.take();
			if (lane === undefined) return;
			lane.busy = true;
			const sending = this.#sendBatch(lane).finally(() => {
				this.#underway.delete(sending);
				lane.busy = false;
				this.#schedule(lane);
				this.#pump();
			});
			this.#underway.add(sending);
		}
	}

	/** The endpoint, or one sender at the endpoint, is ready again. */
	#wake(sender: string | undefined): void {
		const lane = sender === undefined ? undefined : this.#lanes.get(sender);
		const lanes =
			sender === undefined ? [...this.#lanes.values()] : lane === undefined ? [] : [lane];
		for (const waiting of lanes) {
			this.#endBackoff(waiting);
			waiting.backoff.reset();
			this.#schedule(waiting);
		}
		this.#pump();
	}

	#endBackoff(lane: DeliveryLane): void {
		lane.retryTimer?.[Symbol.dispose]();
		lane.retryTimer = undefined;
	}

	async #sendBatch(lane: DeliveryLane): Promise<void> {
		const { batch, expired } = lane.take(this.endpoint.batch, this.#clock.now());
		this.#drop(expired, 'ttl_expiry');
		if (batch.length === 0) return;
		const retry = await this.#deliver(batch);
		if (this.#removed) this.#drop(retry, 'endpoint_removed');
		else lane.putBack(retry);
		if (retry.length === 0) this.#succeeded(lane);
		else if (!this.#stopping.signal.aborted) this.#failed(lane, retry, batch.length);
	}

	/** @returns the entries that are to be sent again, in order. */
	async #deliver(batch: readonly QueueEntry[]): Promise<QueueEntry[]> {
		const loaded = await this.#handler.load(batch).catch((error: unknown) => {
			this.#logger.error('Stored messages cannot be read', { reason: messageOf(error) });
			return undefined;
		});
		if (loaded === undefined) return [...batch];
		const entries: QueueEntry[] = [];
		const messages: StoredMessage[] = [];
		for (const [index, entry] of batch.entries()) {
			const stored = loaded[index];
			if (stored === undefined) this.#drop([entry], 'corrupt');
			else {
				entries.push(entry);
				messages.push(stored);
			}
		}
		if (messages.length === 0) return [];
		const started = this.#clock.monotonic();
		const results = await this.#send(messages);
		const seconds = (this.#clock.monotonic() - started) / 1000;
		return entries.filter((entry, index) => {
			const stored = messages[index] as StoredMessage;
			return !this.#settle(entry, stored, results[index], seconds);
		});
	}

	async #send(messages: readonly StoredMessage[]): Promise<readonly SendResult[]> {
		try {
			return await this.endpoint.send(messages, this.#stopping.signal);
		} catch (error) {
			this.#logger.debug('A batch failed', { reason: messageOf(error) });
			return [];
		}
	}

	/** @returns whether the endpoint is done with the message; no answer means that it is not. */
	#settle(
		entry: QueueEntry,
		stored: StoredMessage,
		result: SendResult | undefined,
		seconds: number,
	): boolean {
		const { id } = this.endpoint;
		if (result === 'delivered') this.#handler.delivered(stored, entry, id, seconds);
		else if (result !== 'poison' || !this.#setAside(entry, stored)) return false;
		this.#count(entry.priority, -1);
		return true;
	}

	#setAside(entry: QueueEntry, stored: StoredMessage): boolean {
		try {
			this.#handler.poisoned(stored, entry, this.endpoint.id);
			return true;
		} catch (error) {
			this.#logger.error('A poison message cannot be set aside', { reason: messageOf(error) });
			return false;
		}
	}

	#succeeded(lane: DeliveryLane): void {
		if (lane.backoff.failures > 0) this.#logger.info('The endpoint takes messages again');
		lane.backoff.reset();
		lane.failedPriority = Number.POSITIVE_INFINITY;
	}

	/** Waits, longer with every failure in a row, before the lane is tried again. */
	#failed(lane: DeliveryLane, retry: readonly QueueEntry[], attempted: number): void {
		this.#handler.retried(this.endpoint.id);
		if (retry.length < attempted) lane.backoff.reset();
		if (lane.backoff.failures === 0) {
			this.#logger.warn('Messages were not taken; they are sent again', { waiting: retry.length });
		}
		lane.failedPriority = retry[0]?.priority ?? Number.POSITIVE_INFINITY;
		// What came in meanwhile and is more urgent need not wait.
		if ((lane.priority ?? 0) < lane.failedPriority) return;
		lane.retryTimer = this.#clock.after(lane.backoff.next(), () => {
			lane.retryTimer = undefined;
			this.#schedule(lane);
		});
	}

	#drop(entries: Iterable<QueueEntry>, reason: Parameters<PumpHandler['dropped']>[1]): void {
		for (const entry of entries) {
			this.#count(entry.priority, -1);
			this.#handler.dropped(entry, reason);
		}
	}

	#count(priority: number, change: number): void {
		this.#lengths.set(priority, (this.#lengths.get(priority) ?? 0) + change);
	}
}
