import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { ConnectedClient } from './connected-client.ts';

/** What can happen to a client. */
export interface ClientListener {
	/** @param first whether no other connection of its identity was there */
	connected?(client: ConnectedClient, first: boolean): void;
	/** Its subscriptions have changed; also called after `connected` when it has any. */
	subscribed?(client: ConnectedClient): void;
	/** @param last whether no other connection of its identity is left */
	disconnected?(client: ConnectedClient, last: boolean): void;
}

const nobody: readonly ConnectedClient[] = [];

/** Who is connected. An identity may have several connections, each in a place of its own. */
export class ClientRegistry {
	/** By identity key, the oldest connection first; a list is never changed. */
	readonly #clients = new Map<string, readonly ConnectedClient[]>();
	readonly #listeners = new Set<ClientListener>();
	#size = 0;

	/** Connections. */
	get size(): number {
		return this.#size;
	}

	/** The connections of an identity, the oldest first. */
	of(identity: Identity): readonly ConnectedClient[] {
		return this.#clients.get(identityKey(identity)) ?? nobody;
	}

	*[Symbol.iterator](): IterableIterator<ConnectedClient> {
		for (const clients of this.#clients.values()) yield* clients;
	}

	listen(listener: ClientListener): Disposable {
		this.#listeners.add(listener);
		return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
	}

	/** A client has connected. One of the same identity in the same place is forgotten, and told to close. */
	add(client: ConnectedClient): void {
		const previous = this.of(client.identity).find(({ place }) => place === client.place);
		if (previous !== undefined) {
			this.remove(previous);
			previous.close();
		}
		const others = this.of(client.identity);
		this.#clients.set(identityKey(client.identity), [...others, client]);
		this.#size += 1;
		for (const listener of [...this.#listeners]) listener.connected?.(client, others.length === 0);
		if (client.subscriptions.size > 0) this.subscriptionsChanged(client);
	}

	subscriptionsChanged(client: ConnectedClient): void {
		if (!this.of(client.identity).includes(client)) return;
		for (const listener of [...this.#listeners]) listener.subscribed?.(client);
	}

	/** A client has disconnected. Does nothing for one that another has replaced. */
	remove(client: ConnectedClient): void {
		const clients = this.of(client.identity);
		if (!clients.includes(client)) return;
		const left = clients.filter((other) => other !== client);
		const key = identityKey(client.identity);
		if (left.length === 0) this.#clients.delete(key);
		else this.#clients.set(key, left);
		this.#size -= 1;
		for (const listener of [...this.#listeners]) listener.disconnected?.(client, left.length === 0);
	}
}
