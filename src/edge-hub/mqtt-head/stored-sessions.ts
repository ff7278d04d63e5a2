import type { SessionStore, StoredSession } from '../../mqtt/mqtt-server.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';

const collection = 'mqtt-sessions';

/**
 * Sessions that outlive the hub: clients of the Azure SDK do not subscribe again after a
 * reconnection. Undelivered messages are no part of a session: they wait in the queues of endpoints.
 */
export class StoredSessions implements SessionStore {
	readonly #store: KeyValueStore;

	constructor(store: KeyValueStore) {
		this.#store = store;
	}

	load(clientId: string): StoredSession | undefined {
		const stored = this.#store.get(collection, clientId);
		if (stored === undefined) return undefined;
		const filters: [string, 0 | 1][] = JSON.parse(Buffer.from(stored).toString());
		return { clientId, subscriptions: new Map(filters) };
	}

	save({ clientId, subscriptions }: StoredSession): void {
		this.#store.set(collection, clientId, Buffer.from(JSON.stringify([...subscriptions])));
	}

	delete(clientId: string): void {
		this.#store.delete(collection, clientId);
	}
}
