import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { ClientRegistry } from './client-registry.ts';
import type { ConnectedClient } from './connected-client.ts';

/** Senders of one module that are remembered; with more, all are shared out anew. */
const maxSenders = 10_000;

/** The senders of one module's inputs. */
class ModuleShares {
	readonly #senders = new Map<string, ConnectedClient>();
	/** How many senders a connection has; those that have gone stay until their senders move. */
	readonly #counts = new Map<ConnectedClient, number>();

	/** The connection with the fewest senders, unless moving there would not make shares more even. */
	clientFor(sender: string, candidates: readonly ConnectedClient[]): ConnectedClient | undefined {
		const current = this.#senders.get(sender);
		let least = candidates[0];
		for (const client of candidates) {
			if (least !== undefined && this.#count(client) < this.#count(least)) least = client;
		}
		if (least === undefined) return undefined;
		const stays = current !== undefined && candidates.includes(current);
		if (stays && this.#count(current) - this.#count(least) < 2) return current;
		this.#move(sender, current, least);
		return least;
	}

	#move(sender: string, from: ConnectedClient | undefined, to: ConnectedClient): void {
		if (this.#senders.size >= maxSenders) {
			this.#senders.clear();
			this.#counts.clear();
		} else if (from !== undefined) {
			const left = this.#count(from) - 1;
			if (left > 0) this.#counts.set(from, left);
			else this.#counts.delete(from);
		}
		this.#senders.set(sender, to);
		this.#counts.set(to, this.#count(to) + 1);
	}

	#count(client: ConnectedClient): number {
		return this.#counts.get(client) ?? 0;
	}
}

/**
 * Shares the senders of messages between the connections of a module that listen for inputs. A
 * sender stays with its connection, whichever input it sends to, so that the order of its messages
 * is kept; it moves when that connection has gone, or when another one has come that has fewer.
 */
export class SenderShares {
	readonly #clients: ClientRegistry;
	readonly #modules = new Map<string, ModuleShares>();

	constructor(clients: ClientRegistry) {
		this.#clients = clients;
	}

	/** How many connections of the module listen. */
	listening(module: Identity): number {
		return this.#clients.of(module).filter(listens).length;
	}

	/**
	 * Who gets the sender's next messages; undefined while nobody listens. To be asked only when
	 * none of the sender's messages to that input is under way, or their order is lost.
	 */
	clientFor(module: Identity, sender: string): ConnectedClient | undefined {
		const key = identityKey(module);
		const shares = this.#modules.get(key) ?? new ModuleShares();
		this.#modules.set(key, shares);
		return shares.clientFor(sender, this.#clients.of(module).filter(listens));
	}
}

function listens(client: ConnectedClient): boolean {
	return client.subscriptions.has('inputs');
}
