/**
 * Why a message reached an endpoint no more: its time to live passed, no route matched it, its
 * endpoint left the configuration, the endpoint called it poison, its stored form was damaged, it
 * made room for a newer one in a full store.
 */
export type DropReason =
	| 'no_route'
	| 'ttl_expiry'
	| 'endpoint_removed'
	| 'poison'
	| 'corrupt'
	| 'store_full';

/** Who sent a message, and on which output. */
export interface MessageOrigin {
	/** Identity key, e.g. `edge1/sensor`. */
	readonly sender: string;
	/** Output name; empty where the sender named none. */
	readonly output: string;
}

/** What the delivery core counts. Queue lengths are read from `Delivery.queueLengths()` instead. */
export interface DeliveryMetrics {
	/** A message came in. `bytes` as `messageSize` counts. */
	received(origin: MessageOrigin, bytes: number): void;
	/** An endpoint has a message. Seconds: in the call of `send`; since the message came in. */
	sent(
		origin: MessageOrigin,
		endpoint: string,
		priority: number,
		sendSeconds: number,
		processSeconds: number,
	): void;
	dropped(reason: DropReason, origin: MessageOrigin): void;
	/** The sender got no acknowledgement, because the message could not be stored. */
	unacknowledged(origin: MessageOrigin): void;
	/** An endpoint failed and is tried again. */
	retried(endpoint: string): void;
}

/** Counts nothing. */
export const noDeliveryMetrics: DeliveryMetrics = {
	received: () => {},
	sent: () => {},
	dropped: () => {},
	unacknowledged: () => {},
	retried: () => {},
};
