import type { Message } from '../../protocol/message.ts';

/** A message that the hub has acknowledged and now owes to an endpoint. */
export interface StoredMessage {
	readonly message: Message;
	/** Identity key of the client that sent it, e.g. `edge1/sensor`. */
	readonly sender: string;
	/** 0 (first) to 9; `defaultPriority` for a route without priority. */
	readonly priority: number;
	/** Position in the message log; grows in the order of arrival. The same on every attempt. */
	readonly offset: number;
	/** When the hub took it in, milliseconds since the epoch. */
	readonly enqueuedAt: number;
}

/**
 * What became of one message of a batch: `delivered`; `retry`: not now, it keeps its place and
 * comes again; `poison`: never, it is set aside.
 */
export type SendResult = 'delivered' | 'retry' | 'poison';

/** How much one call of `send` may carry. The first message always fits. */
export interface BatchLimits {
	readonly messages: number;
	/** Bytes of the messages together, counted as `messageSize` counts. */
	readonly bytes: number;
}

/**
 * Where routes lead: an input of a module, or the cloud. Implemented by the transports; the
 * delivery core owns queues, order, priorities, back-off and durability, an endpoint only sends.
 */
export interface Endpoint {
	/** `iothub`, or `{deviceId}/{moduleId}/{input}`. */
	readonly id: string;
	/**
	 * `endpoint`: one batch at a time, senders mixed in the order of arrival.
	 * `sender`: a batch holds one sender's messages, and up to `concurrency` batches of different
	 * senders are under way at once; a sender that cannot be served does not hold up the others.
	 */
	readonly ordering: 'endpoint' | 'sender';
	/** Calls of `send` that may be under way at once; 1 for ordering `endpoint`. */
	readonly concurrency: number;
	readonly batch: BatchLimits;
	/** Whether `send` is worth calling: the module is connected and subscribed, the cloud is reachable. */
	readonly ready: boolean;
	/**
	 * Calls `listener` each time the endpoint has become ready again; with a sender's identity key
	 * when only that sender has. Ends the back-off of what failed before.
	 */
	onReady(listener: (sender?: string) => void): Disposable;
	/**
	 * Sends messages in order, and answers for each of them. After the first `retry` of a sender the
	 * rest of that sender's messages must be `retry` as well, or their order is lost. A rejection
	 * means `retry` for all.
	 *
	 * @param signal aborted when the endpoint is removed or the hub stops: resolve soon then.
	 */
	send(messages: readonly StoredMessage[], signal: AbortSignal): Promise<readonly SendResult[]>;
}
