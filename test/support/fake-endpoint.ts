import type {
	BatchLimits,
	Endpoint,
	SendResult,
	StoredMessage,
} from '../../src/edge-hub/delivery/endpoint.ts';

/** How a fake endpoint answers a batch. Default: everything is delivered. */
export type Answer = (
	messages: readonly StoredMessage[],
	signal: AbortSignal,
) => readonly SendResult[] | Promise<readonly SendResult[]>;

/** An endpoint that remembers what it got. */
export class FakeEndpoint implements Endpoint {
	readonly id: string;
	ordering: 'endpoint' | 'sender' = 'endpoint';
	concurrency = 1;
	batch: BatchLimits = { messages: 10, bytes: 1e6 };
	ready = true;
	answer: Answer = (messages) => messages.map(() => 'delivered');
	/** Bodies of every batch, in the order of the calls of `send`. */
	readonly batches: string[][] = [];
	/** Bodies of what was delivered, in order. */
	readonly delivered: string[] = [];
	readonly #listeners = new Set<(sender?: string) => void>();

	constructor(id: string) {
		this.id = id;
	}

	onReady(listener: (sender?: string) => void): Disposable {
		this.#listeners.add(listener);
		return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
	}

	get listeners(): number {
		return this.#listeners.size;
	}

	becomeReady(sender?: string): void {
		this.ready = true;
		for (const listener of this.#listeners) listener(sender);
	}

	async send(
		messages: readonly StoredMessage[],
		signal: AbortSignal,
	): Promise<readonly SendResult[]> {
		const bodies = messages.map(({ message }) => new TextDecoder().decode(message.body));
		this.batches.push(bodies);
		const results = await this.answer(messages, signal);
		for (const [index, result] of results.entries()) {
			if (result === 'delivered') this.delivered.push(bodies[index] ?? '');
		}
		return results;
	}
}
