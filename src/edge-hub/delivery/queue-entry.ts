import type { MessageOrigin } from './delivery-metrics.ts';

/** A message that waits for an endpoint; the message itself is in the log. */
export interface QueueEntry {
	readonly offset: number;
	/** The record's part that stands for the endpoint. */
	readonly part: number;
	readonly priority: number;
	readonly origin: MessageOrigin;
	/** Bytes as `messageSize` counts. */
	readonly size: number;
	/** Milliseconds since the epoch; infinite for no end. */
	readonly expiresAt: number;
}
