import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { BatchLimits, Endpoint, SendResult, StoredMessage } from '../delivery/endpoint.ts';
import type { ClientRegistry } from './client-registry.ts';
import type { ConnectedClient } from './connected-client.ts';
import type { SenderShares } from './sender-shares.ts';

/**
 * Many messages a batch: the connection limits how many of them are unacknowledged, and at the end
 * of each batch a client that collects its acknowledgements (Nagle's algorithm) costs 40 ms.
 */
const batch: BatchLimits = { messages: 256, bytes: 524_288 };

/** Messages that are remembered until they are sent again, to be marked as such. */
const maxUnacknowledged = 10_000;

/** Senders whose messages are under way at once, for each connection of the module. */
const sendersAtOnce = 16;

/**
 * An input of a module. Messages wait here until the module is connected and listens. Where it has
 * several connections (replicas) each sender's messages go to one of them, and to another when that
 * one has gone.
 */
export class ModuleInputEndpoint implements Endpoint {
	readonly id: string;
	readonly ordering = 'sender';
	readonly batch = batch;
	readonly #module: Required<Identity>;
	readonly #input: string;
	readonly #clients: ClientRegistry;
	readonly #shares: SenderShares;
	/** Offsets of messages that were sent, and not acknowledged. */
	readonly #unacknowledged = new Set<number>();

	constructor(
		module: Required<Identity>,
		input: string,
		surroundings: { readonly clients: ClientRegistry; readonly shares: SenderShares },
	) {
		this.id = `${identityKey(module)}/${input}`;
		this.#module = module;
		this.#input = input;
		this.#clients = surroundings.clients;
		this.#shares = surroundings.shares;
	}

	get concurrency(): number {
		return sendersAtOnce * Math.max(1, this.#shares.listening(this.#module));
	}

	get ready(): boolean {
		return this.#shares.listening(this.#module) > 0;
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
	 * Sends all messages of one sender at once, in order. After a message that was not acknowledged
	 * those behind it are sent again as well, even if they arrived, so that the module sees them in
	 * order again. What a connection that has gone did not acknowledge goes to another one.
	 */
	async send(
		messages: readonly StoredMessage[],
		signal: AbortSignal,
	): Promise<readonly SendResult[]> {
		const [first] = messages;
		const results: SendResult[] = [];
		let last: ConnectedClient | undefined;
		while (results.length < messages.length && first !== undefined && !signal.aborted) {
			const client = this.#shares.clientFor(this.#module, first.sender);
			if (client === undefined || client === last) break;
			results.push(...(await this.#sendTo(client, messages.slice(results.length))));
			last = client;
		}
		return messages.map((_, index) => results[index] ?? 'retry');
	}

	/** @returns results up to the first message that must be sent again */
	async #sendTo(
		client: ConnectedClient,
		messages: readonly StoredMessage[],
	): Promise<SendResult[]> {
		const sent = messages.map(({ message }) => message);
		const results: SendResult[] = [];
		for (const fault of await client.sendInputs(this.#input, sent, this.#repeated(messages))) {
			const result = resultOf(fault);
			if (result === 'retry') break;
			results.push(result);
		}
		this.#remember(messages, results.length);
		return results;
	}

	#repeated(messages: readonly StoredMessage[]): ReadonlySet<Message> | undefined {
		if (this.#unacknowledged.size === 0) return undefined;
		const again = messages.filter(({ offset }) => this.#unacknowledged.has(offset));
		return new Set(again.map(({ message }) => message));
	}

	/** @param settled how many of the messages need not be sent again */
	#remember(messages: readonly StoredMessage[], settled: number): void {
		const open = messages.slice(settled);
		if (open.length === 0 && this.#unacknowledged.size === 0) return;
		for (const { offset } of messages.slice(0, settled)) this.#unacknowledged.delete(offset);
		// What expires meanwhile is never asked for again.
		if (this.#unacknowledged.size > maxUnacknowledged) this.#unacknowledged.clear();
		for (const { offset } of open) this.#unacknowledged.add(offset);
	}
}

/**
 * What would block the queue for ever: no MQTT packet can carry a message with too many properties,
 * and who rejects a message would do so again.
 */
const hopeless = new Set<string>(['EDGE_PUBLICATION_INVALID', 'EDGE_MESSAGE_REJECTED']);

function resultOf(fault: Error | undefined): SendResult {
	if (fault === undefined) return 'delivered';
	return fault instanceof EdgeError && hopeless.has(fault.code) ? 'poison' : 'retry';
}
