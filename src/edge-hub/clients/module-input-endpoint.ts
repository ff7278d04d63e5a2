import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { BatchLimits, Endpoint, SendResult, StoredMessage } from '../delivery/endpoint.ts';
import type { ClientRegistry } from './client-registry.ts';
import type { ConnectedClient } from './connected-client.ts';

/**
 * Many messages a batch: the connection limits how many of them are unacknowledged, and at the end
 * of each batch a client that collects its acknowledgements (Nagle's algorithm) costs 40 ms.
 */
const batch: BatchLimits = { messages: 256, bytes: 1_048_576 };

/** An input of a module. Messages wait here until the module is connected and listens. */
export class ModuleInputEndpoint implements Endpoint {
	readonly id: string;
	readonly ordering = 'endpoint';
	readonly concurrency = 1;
	readonly batch = batch;
	readonly #module: Required<Identity>;
	readonly #input: string;
	readonly #clients: ClientRegistry;

	constructor(module: Required<Identity>, input: string, clients: ClientRegistry) {
		this.id = `${identityKey(module)}/${input}`;
		this.#module = module;
		this.#input = input;
		this.#clients = clients;
	}

	get ready(): boolean {
		return this.#listener !== undefined;
	}

	onReady(listener: () => void): Disposable {
		return this.#clients.listen({
			subscribed: (client) => {
				const mine = sameIdentity(client.identity, this.#module);
				if (mine && client.subscriptions.has('inputs')) listener();
			},
		});
	}

	/**
	 * Sends all messages at once, in order. After a message that was not acknowledged those behind it
	 * are sent again as well, even if they arrived, so that the module sees them in order again.
	 */
	async send(messages: readonly StoredMessage[]): Promise<readonly SendResult[]> {
		const client = this.#listener;
		if (client === undefined) return messages.map(() => 'retry');
		const sent = messages.map(({ message }) => client.sendInput(this.#input, message));
		const results: SendResult[] = [];
		for (const [index, outcome] of (await Promise.allSettled(sent)).entries()) {
			const failed = results[index - 1] === 'retry';
			results.push(failed ? 'retry' : resultOf(outcome));
		}
		return results;
	}

	get #listener(): ConnectedClient | undefined {
		const client = this.#clients.get(this.#module);
		return client?.subscriptions.has('inputs') ? client : undefined;
	}
}

/** No MQTT packet can carry a message with too many properties: it would block the queue for ever. */
function resultOf(outcome: PromiseSettledResult<void>): SendResult {
	if (outcome.status === 'fulfilled') return 'delivered';
	const { reason } = outcome;
	const invalid = reason instanceof EdgeError && reason.code === 'EDGE_PUBLICATION_INVALID';
	return invalid ? 'poison' : 'retry';
}
