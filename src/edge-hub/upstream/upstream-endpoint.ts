import {
	type Identity,
	identityKey,
	parseIdentityKey,
	sameIdentity,
} from '../../protocol/identity.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { BatchLimits, Endpoint, SendResult, StoredMessage } from '../delivery/endpoint.ts';
import type { UpstreamConnections } from './upstream-connections.ts';

export interface UpstreamEndpointOptions {
	readonly connections: UpstreamConnections;
	/** The edge device's `$edgeHub`, whose connection tells whether the cloud can be reached. */
	readonly hub: Identity;
	/** Identities that send at once. */
	readonly concurrency: number;
	/** Messages of one identity on their way without acknowledgement. */
	readonly batchMessages: number;
	readonly logger: Logger;
}

/**
 * IoT Hub. Each message goes over the connection of the identity that sent it, so that IoT Hub
 * knows the sender.
 */
export class UpstreamEndpoint implements Endpoint {
	readonly id = 'iothub';
	readonly ordering = 'sender';
	readonly concurrency: number;
	readonly batch: BatchLimits;
	readonly #options: UpstreamEndpointOptions;

	constructor(options: UpstreamEndpointOptions) {
		this.concurrency = options.concurrency;
		this.batch = { messages: options.batchMessages, bytes: 1_048_576 };
		this.#options = options;
	}

	get ready(): boolean {
		return this.#options.connections.reachable;
	}

	onReady(listener: (sender?: string) => void): Disposable {
		const { connections, hub } = this.#options;
		return connections.onConnected((identity) => {
			if (sameIdentity(identity, hub)) listener();
			listener(identityKey(identity));
		});
	}

	/**
	 * Sends all messages at once, in order. After one that was not acknowledged those behind it are
	 * sent again as well, so that their order stays.
	 */
	async send(messages: readonly StoredMessage[]): Promise<readonly SendResult[]> {
		const [first] = messages;
		if (first === undefined) return [];
		using lease = this.#options.connections.lease(parseIdentityKey(first.sender));
		const client = await lease.connected();
		const sent = messages.map(({ message }) => client.send(message));
		const results: SendResult[] = [];
		for (const [index, outcome] of (await Promise.allSettled(sent)).entries()) {
			const failed = results[index - 1] === 'retry';
			results.push(failed ? 'retry' : this.#resultOf(outcome, first.sender));
		}
		return results;
	}

	#resultOf(outcome: PromiseSettledResult<void>, sender: string): SendResult {
		if (outcome.status === 'fulfilled') return 'delivered';
		const { reason } = outcome;
		const rejected = reason instanceof EdgeError && isUnsendable(reason.cause);
		this.#options.logger.warn('a message was not taken by IoT Hub', {
			sender,
			reason: messageOf(reason),
			kept: !rejected,
		});
		return rejected ? 'poison' : 'retry';
	}
}

/** The SDK's names for messages that it will never send. IoT Hub itself never says no over MQTT. */
const unsendable = new Set(['MessageTooLargeError', 'ArgumentError', 'FormatError', 'RangeError']);

function isUnsendable(cause: unknown): boolean {
	return cause instanceof Error && unsendable.has(cause.name);
}
