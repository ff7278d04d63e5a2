import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { MessageLog } from '../../storage/message-log.ts';
import { isBuiltIn } from './event-partition.ts';
import type { NewTelemetryEvent, TelemetryEvent } from './telemetry-event.ts';
import { decodeRecord, encodeRecord, type RecordSummary, summaryOf } from './telemetry-record.ts';

/** What is kept of telemetry; the oldest goes first. */
export interface TelemetryRetention {
	readonly maxEvents: number;
	readonly maxBytes: number;
}

/** What a partition holds. */
export interface PartitionState {
	readonly firstSequenceNumber: number;
	/** -1 when there has never been an event. */
	readonly lastSequenceNumber: number;
	/** Milliseconds since the epoch. */
	readonly lastEnqueuedTime: number;
	readonly isEmpty: boolean;
}

/**
 * The hub's telemetry in order of sequence numbers, which all partitions share. An event is durable when
 * `append` resolves.
 */
export class TelemetryLog {
	readonly #log: MessageLog;
	readonly #retention: TelemetryRetention;
	readonly #logger: Logger;
	/** Live records, oldest first, from index `#first` on. */
	#records: RecordSummary[] = [];
	#first = 0;
	/** The newest record of each partition, retained or not. */
	readonly #newest: RecordSummary[] = [];
	#bytes = 0;
	#waiting = Promise.withResolvers<void>();

	constructor(log: MessageLog, retention: TelemetryRetention, logger: Logger) {
		this.#log = log;
		this.#retention = retention;
		this.#logger = logger;
	}

	/** Reads what an earlier run has left. */
	async open(): Promise<void> {
		await this.#log.open(({ offset, header }) => this.#add(summaryOf(offset, header)));
		this.#retain();
	}

	async close(): Promise<void> {
		this.#wake();
		await this.#log.close();
	}

	/** Events that are there, and the bytes of their records. */
	get size(): { readonly events: number; readonly bytes: number } {
		return { events: this.#records.length - this.#first, bytes: this.#bytes };
	}

	/** The sequence number that the next event will have, as far as is known. */
	get nextSequenceNumber(): number {
		const last = this.#records.at(-1);
		return last === undefined ? 0 : last.offset + 1;
	}

	/**
	 * @param eventHub whose partitions it goes to; the built-in endpoint's by default
	 * @returns the event's sequence number, once it is durable
	 */
	async append(event: NewTelemetryEvent, eventHub = 0): Promise<number> {
		const { header, body } = encodeRecord(event, eventHub);
		const offset = await this.#log.append(header, body);
		this.#add(summaryOf(offset, header));
		this.#retain();
		this.#wake();
		return offset;
	}

	/** The oldest and the newest event of a partition, and when the newest came. */
	partition(partition: number): PartitionState {
		const first = this.#next(0, partition);
		const last = this.#newest[partition];
		if (first === undefined || last === undefined) {
			return { firstSequenceNumber: 0, lastSequenceNumber: -1, lastEnqueuedTime: 0, isEmpty: true };
		}
		return {
			firstSequenceNumber: first.offset,
			lastSequenceNumber: last.offset,
			lastEnqueuedTime: last.enqueuedTime,
			isEmpty: false,
		};
	}

	/** Sequence number of the first event that came after a time, or that the next one will have. */
	firstAfter(timeMs: number): number {
		for (let index = this.#first; index < this.#records.length; index += 1) {
			const record = this.#records[index];
			if (record !== undefined && record.enqueuedTime > timeMs) return record.offset;
		}
		return this.nextSequenceNumber;
	}

	/**
	 * Events that are there now, from a sequence number on; from the oldest by default.
	 *
	 * @param partition of the log; by default all of the built-in endpoint
	 */
	async *read(fromSequenceNumber = 0, partition?: number): AsyncGenerator<TelemetryEvent> {
		let next = fromSequenceNumber;
		for (;;) {
			const record = this.#next(next, partition);
			if (record === undefined) return;
			const event = await this.#decode(record);
			if (event !== undefined) yield event;
			next = record.offset + 1;
		}
	}

	/** Events from a sequence number on, those to come too, until the signal aborts. */
	async *follow(
		fromSequenceNumber: number,
		signal: AbortSignal,
		partition?: number,
	): AsyncGenerator<TelemetryEvent> {
		let next = fromSequenceNumber;
		const aborted = new Promise<void>((resolve) => {
			signal.addEventListener('abort', () => resolve(), { once: true });
		});
		while (!signal.aborted) {
			const more = this.#waiting.promise;
			const end = this.nextSequenceNumber;
			for await (const event of this.read(next, partition)) {
				if (signal.aborted) return;
				yield event;
				next = event.sequenceNumber + 1;
			}
			// Nobody looks twice at what belongs to other partitions.
			next = Math.max(next, end);
			await Promise.race([more, aborted]);
		}
	}

	/**
	 * Calls back with every event from a sequence number on, in order, until disposed or the listener
	 * throws.
	 */
	subscribe(fromSequenceNumber: number, listener: (event: TelemetryEvent) => void): Disposable {
		const controller = new AbortController();
		const run = async () => {
			for await (const event of this.follow(fromSequenceNumber, controller.signal)) {
				listener(event);
			}
		};
		run().catch((error: unknown) => {
			const reason = messageOf(error);
			this.#logger.error('a listener to telemetry has failed and hears no more', { reason });
		});
		return { [Symbol.dispose]: () => controller.abort() };
	}

	/** The first live record at or after a sequence number, of a partition or of the built-in endpoint. */
	#next(sequenceNumber: number, partition: number | undefined): RecordSummary | undefined {
		for (let index = this.#indexOf(sequenceNumber); ; index += 1) {
			const record = this.#records[index];
			if (record === undefined) return undefined;
			const wanted =
				partition === undefined ? isBuiltIn(record.partition) : record.partition === partition;
			if (wanted) return record;
		}
	}

	#indexOf(sequenceNumber: number): number {
		let low = this.#first;
		let high = this.#records.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((this.#records[middle]?.offset ?? 0) < sequenceNumber) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** Undefined for a record that retention has removed meanwhile, or that cannot be read. */
	async #decode(record: RecordSummary): Promise<TelemetryEvent | undefined> {
		try {
			return decodeRecord(record, (await this.#log.read(record.offset)).body);
		} catch (error) {
			if (error instanceof RangeError) return undefined;
			const fields = { sequenceNumber: record.offset, reason: messageOf(error) };
			this.#logger.error('a telemetry event cannot be read', fields);
			return undefined;
		}
	}

	#add(record: RecordSummary): void {
		this.#records.push(record);
		this.#newest[record.partition] = record;
		this.#bytes += record.length;
	}

	#retain(): void {
		const { maxEvents, maxBytes } = this.#retention;
		while (this.size.events > maxEvents || (this.#bytes > maxBytes && this.size.events > 1)) {
			const oldest = this.#records[this.#first];
			if (oldest === undefined) return;
			this.#first += 1;
			this.#bytes -= oldest.length;
			this.#log.release(oldest.offset);
		}
		if (this.#first > 4096 && this.#first * 2 > this.#records.length) {
			this.#records = this.#records.slice(this.#first);
			this.#first = 0;
		}
	}

	#wake(): void {
		const { resolve } = this.#waiting;
		this.#waiting = Promise.withResolvers();
		resolve();
	}
}
