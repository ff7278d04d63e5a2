import { Buffer } from 'node:buffer';
import type { JsonObject } from '../runtime/json.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import type { PoisonStore } from './delivery/delivery.ts';
import type { StoredMessage } from './delivery/endpoint.ts';

const collection = 'poison-messages';
/** More are not kept: the oldest makes room. */
const maxKept = 100;

/** A message that no endpoint could ever take, for whoever wants to know what became of it. */
export interface PoisonMessage {
	readonly endpoint: string;
	/** Identity key of the client that sent it. */
	readonly sender: string;
	/** Milliseconds since the epoch. */
	readonly enqueuedAt: number;
	readonly properties: JsonObject;
	readonly systemProperties: JsonObject;
	/** Base64. */
	readonly body: string;
}

/** The last messages that were set aside, on disk. */
export class PoisonMessages implements PoisonStore {
	readonly #store: KeyValueStore;

	constructor(store: KeyValueStore) {
		this.#store = store;
	}

	setAside(stored: StoredMessage, endpoint: string): void {
		const { message, sender, enqueuedAt, offset } = stored;
		const kept: PoisonMessage = {
			endpoint,
			sender,
			enqueuedAt,
			properties: Object.fromEntries(message.properties),
			systemProperties: Object.fromEntries(message.systemProperties),
			body: Buffer.from(message.body).toString('base64'),
		};
		const key = `${String(offset).padStart(16, '0')} ${endpoint}`;
		this.#store.transaction(() => {
			this.#store.set(collection, key, Buffer.from(JSON.stringify(kept)));
			const keys = [...this.#store.entries(collection)].map(([name]) => name);
			for (const oldest of keys.slice(0, -maxKept)) this.#store.delete(collection, oldest);
		});
	}

	/** Oldest first. */
	list(): PoisonMessage[] {
		const entries = [...this.#store.entries(collection)];
		return entries.map(([, value]) => JSON.parse(Buffer.from(value).toString()));
	}
}
