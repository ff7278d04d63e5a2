import type { SessionStore, StoredSession } from '../../mqtt/mqtt-server.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { StoredJson } from '../stored-json.ts';

/** MQTT sessions that outlive the emulator. Client ids are identity keys. */
export class StoredSessions implements SessionStore {
	readonly #sessions: StoredJson<[filter: string, qos: 0 | 1][]>;

	constructor(store: KeyValueStore) {
		this.#sessions = new StoredJson(store, 'sessions');
	}

	load(clientId: string): StoredSession | undefined {
		const subscriptions = this.#sessions.get(clientId);
		return subscriptions && { clientId, subscriptions: new Map(subscriptions) };
	}

	save({ clientId, subscriptions }: StoredSession): void {
		this.#sessions.set(clientId, [...subscriptions]);
	}

	delete(clientId: string): void {
		this.#sessions.delete(clientId);
	}
}
