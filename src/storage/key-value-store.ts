/**
 * A durable map of small values, grouped in collections. Synchronous reads and writes: values are
 * twins, sessions, checkpoints, identities; nothing on the path of every message.
 */
export interface KeyValueStore {
	get(collection: string, key: string): Uint8Array | undefined;
	/** Durable when it returns. @throws EdgeError EDGE_STORAGE_FULL when the disk is full. */
	set(collection: string, key: string, value: Uint8Array): void;
	/** @returns whether there was something to delete. */
	delete(collection: string, key: string): boolean;
	/** All entries of a collection in key order. */
	entries(collection: string): Iterable<readonly [key: string, value: Uint8Array]>;
	/** Several writes that become durable together or not at all. */
	transaction(action: () => void): void;
	close(): void;
}
