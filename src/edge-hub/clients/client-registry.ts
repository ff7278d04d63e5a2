import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { ConnectedClient } from './connected-client.ts';

/** What can happen to a client. */
export interface ClientListener {
	connected?(client: ConnectedClient): void;
	/** Its subscriptions have changed; also called after `connected` when it has any. */
	subscribed?(client: ConnectedClient): void;
	disconnected?(client: ConnectedClient): void;
}

/** Who is connected. The latest connection of an identity counts. */
export class ClientRegistry {
	readonly #clients = new Map<string, ConnectedClient>();
	readonly #listeners = new Set<ClientListener>();

	get size(): number {
		return this.#clients.size;
	}

	get(identity: Identity): ConnectedClient | undefined {
		return this.#clients.get(identityKey(identity));
	}

	[Symbol.iterator](): IterableIterator<ConnectedClient> {
		return this.#clients.values();
	}

	listen(listener: ClientListener): Disposable {
		this.#listeners.add(listener);
		return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
	}

	/** A client has connected. One of the same identity is forgotten, and told to close. */
	add(client: ConnectedClient): void {
		const previous = this.get(client.identity);
		if (previous !== undefined) {
			this.remove(previous);
			previous.close();
		}
		this.#clients.set(identityKey(client.identity), client);
		for (const listener of [...this.#listeners]) listener.connected?.(client);
		if (client.subscriptions.size > 0) this.subscriptionsChanged(client);
	}

	subscriptionsChanged(client: ConnectedClient): void {
		if (this.get(client.identity) !== client) return;
		for (const listener of [...this.#listeners]) listener.subscribed?.(client);
	}

	/** A client has disconnected. Does nothing for one that another has replaced. */
	remove(client: ConnectedClient): void {
		if (this.get(client.identity) !== client) return;
		this.#clients.delete(identityKey(client.identity));
		for (const listener of [...this.#listeners]) listener.disconnected?.(client);
	}
}
