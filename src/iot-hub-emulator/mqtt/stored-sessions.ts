import type { SessionStore, StoredSession } from '../../mqtt/mqtt-server.ts';
import { identityKey } from '../../protocol/identity.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import { StoredJson } from '../stored-json.ts';

/** MQTT sessions that outlive the emulator. Client ids are identity keys. */
export class StoredSessions implements SessionStore {
	readonly #sessions: StoredJson<[filter: string, qos: 0 | 1][]>;

	constructor(store: KeyValueStore) {
		this.#sessions = new StoredJson(store, 'sessions');
	}

	/** A new identity of an old name begins without the old one's subscriptions. */
	forgetDeleted(registry: IdentityRegistry): void {
		registry.onChange((identity, change) => {
			if (change === 'deleted') this.delete(identityKey(identity));
		});
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
