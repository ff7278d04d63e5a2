import type { ConnectRequest, SessionStore } from './mqtt-server.ts';

/** Topic filter → granted QoS. */
type Subscriptions = Map<string, 0 | 1>;

/** One connection's part in the session of its client id. */
export interface SessionShare {
	/** What this connection listens for. */
	readonly subscriptions: Subscriptions;
	/** Whether there was a session [MQTT-3.2.2-2]. */
	readonly present: boolean;
	/** This connection's subscriptions have changed. */
	changed(): void;
	/** The connection has ended. */
	end(): void;
}

/**
 * Sessions of clients, each of which may have several connections. A connection begins with what
 * the session remembers, and goes on by itself: what one subscribes to is not sent to others that
 * did not ask for it. The session remembers what any of them listens for, so that one that comes
 * back finds its subscriptions, whoever else was there in the meantime.
 */
export class SharedSessions {
	readonly #store: SessionStore;
	/** Client id → parts of connections that want the session kept. */
	readonly #shares = new Map<string, Set<SessionShare>>();

	constructor(store: SessionStore) {
		this.#store = store;
	}

	/** A client has been accepted. */
	enter({ clientId, cleanSession }: ConnectRequest): SessionShare {
		return cleanSession ? this.#enterClean(clientId) : this.#enterKept(clientId);
	}

	#enterClean(clientId: string): SessionShare {
		// [MQTT-3.1.2-6]; others that still use the session keep it.
		if (!this.#shares.has(clientId)) this.#store.delete(clientId);
		return { subscriptions: new Map(), present: false, changed: () => {}, end: () => {} };
	}

	#enterKept(clientId: string): SessionShare {
		const stored = this.#store.load(clientId);
		const subscriptions: Subscriptions = new Map(stored?.subscriptions);
		const shares = this.#shares.get(clientId) ?? new Set();
		this.#shares.set(clientId, shares);
		let before = [...subscriptions.keys()];
		const share: SessionShare = {
			subscriptions,
			present: stored !== undefined,
			changed: () => {
				const removed = before.filter((filter) => !subscriptions.has(filter));
				before = [...subscriptions.keys()];
				this.#save(clientId, removed, subscriptions);
			},
			end: () => {
				shares.delete(share);
				if (shares.size === 0) this.#shares.delete(clientId);
			},
		};
		shares.add(share);
		if (stored === undefined) this.#store.save({ clientId, subscriptions: new Map() });
		return share;
	}

	/** What one connection does not want any more, the session forgets when none does. */
	#save(clientId: string, removed: readonly string[], own: Subscriptions): void {
		const stored = this.#store.load(clientId)?.subscriptions;
		const remembered = new Map(stored);
		const shares = [...(this.#shares.get(clientId) ?? [])];
		for (const filter of removed) {
			const wanted = shares.some(({ subscriptions }) => subscriptions.has(filter));
			if (!wanted) remembered.delete(filter);
		}
		for (const [filter, qos] of own) remembered.set(filter, qos);
		// A write waits for the disk, and most clients subscribe again to what their session knows.
		if (stored === undefined || !isSame(stored, remembered)) {
			this.#store.save({ clientId, subscriptions: remembered });
		}
	}
}

function isSame(one: ReadonlyMap<string, 0 | 1>, other: ReadonlyMap<string, 0 | 1>): boolean {
	return one.size === other.size && [...one].every(([filter, qos]) => other.get(filter) === qos);
}
