import type { MessageOrigin } from './delivery-metrics.ts';

/** What all entries of a queue have in common. */
export type QueueKind = Pick<QueueEntry, 'priority' | 'newestFirst'>;

/** A message that waits for an endpoint; the message itself is in the log. */
export interface QueueEntry {
	readonly offset: number;
	/** The record's part that stands for the endpoint. */
	readonly part: number;
	readonly priority: number;
	/** Whether it goes before what came in earlier. */
	readonly newestFirst: boolean;
	readonly origin: MessageOrigin;
	/** Bytes as `messageSize` counts. */
	readonly size: number;
	/** Milliseconds since the epoch; infinite for no end. */
	readonly expiresAt: number;
}
