/**
 * A durable map of small values, grouped in collections. Synchronous reads and writes: values are
 * twins, sessions, checkpoints, identities; nothing on the path of every message.
 */
export interface KeyValueStore {
	/** @returns a copy, which the caller may change. */
	get(collection: string, key: string): Uint8Array | undefined;
	/**
	 * Durable when it returns, or with the transaction it is part of.
	 * @throws EdgeError EDGE_STORAGE_FULL when the disk is full, EDGE_STORAGE_FAILED.
	 */
	set(collection: string, key: string, value: Uint8Array): void;
	/** @returns whether there was something to delete. */
	delete(collection: string, key: string): boolean;
	/** All entries of a collection as it is now, in key order (by code point). */
	entries(collection: string): Iterable<readonly [key: string, value: Uint8Array]>;
	/**
	 * Several writes that become durable together, or not at all when `action` throws. A transaction
	 * inside a transaction is part of the outer one.
	 */
	transaction(action: () => void): void;
	/** May be called more than once. */
	close(): void;
}
