import type { Clock } from '../../runtime/clock.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { StoredJson } from '../stored-json.ts';

/** How long a record waits for a receiver (IoT Hub documentation, default of both queues). */
const timeToLiveMs = 3_600_000;

/** Records that wait; the oldest go first. */
const maxRecords = 10_000;

interface StoredRecord {
	readonly time: number;
	readonly document: JsonObject;
}

/** Records that are out for delivery. */
export interface ServiceBoundBatch {
	readonly keys: readonly string[];
	readonly documents: readonly JsonObject[];
}

/** What the hub tells services: delivery feedback, or notifications of uploaded files. Durable. */
export class ServiceBoundQueue {
	readonly #records: StoredJson<StoredRecord>;
	readonly #clock: Clock;
	/** Records that wait, oldest first. */
	#keys: string[] = [];
	readonly #listeners = new Set<() => void>();
	#last = 0;

	/** @param name of the collection that keeps it */
	constructor(store: KeyValueStore, name: string, clock: Clock) {
		this.#records = new StoredJson(store, name);
		this.#clock = clock;
	}

	/** Reads what an earlier run has left. */
	load(): void {
		this.#keys = [...this.#records.entries()].map(([key]) => key);
		this.#last = Number(this.#keys.at(-1) ?? 0);
	}

	/** Called when there is something to take. */
	onReady(listener: () => void): Disposable {
		this.#listeners.add(listener);
		return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
	}

	add(document: JsonObject): void {
		this.#last += 1;
		const key = String(this.#last).padStart(16, '0');
		this.#records.set(key, { time: this.#clock.now(), document });
		this.#keys.push(key);
		for (const dropped of this.#keys.splice(0, this.#keys.length - maxRecords)) {
			this.#records.delete(dropped);
		}
		this.#ready();
	}

	/** The oldest records; they are out until completed or abandoned. Undefined when there are none. */
	take(maxDocuments: number): ServiceBoundBatch | undefined {
		const keys: string[] = [];
		const documents: JsonObject[] = [];
		while (documents.length < maxDocuments) {
			const key = this.#keys.shift();
			if (key === undefined) break;
			const record = this.#records.get(key);
			if (record !== undefined && record.time + timeToLiveMs > this.#clock.now()) {
				keys.push(key);
				documents.push(record.document);
			} else this.#records.delete(key);
		}
		return documents.length === 0 ? undefined : { keys, documents };
	}

	/** A receiver has taken them over. */
	complete({ keys }: ServiceBoundBatch): void {
		for (const key of keys) this.#records.delete(key);
	}

	/** No receiver has taken them over: they wait again. */
	abandon({ keys }: ServiceBoundBatch): void {
		this.#keys = [...keys, ...this.#keys].sort();
		this.#ready();
	}

	#ready(): void {
		for (const listener of [...this.#listeners]) listener();
	}
}
