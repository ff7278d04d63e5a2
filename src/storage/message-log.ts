/** A record as it was appended. */
export interface LogRecord {
	/** Position in the log: grows by one with every record, never reused. */
	readonly offset: number;
	/** A small header that is kept in memory while the record lives: who it is for, when it expires. */
	readonly header: Uint8Array;
}

/** What a log needs at most, and what happens beyond. */
export interface MessageLogLimits {
	/** Bytes on disk at which `append` fails with EDGE_STORAGE_FULL. */
	readonly maxBytes: number;
}

/**
 * A durable, append-only log of messages whose records are released one by one. `append` resolves
 * when the record is on disk (written and synced; one sync serves all that wait: group commit).
 * Space of released records is given back to the file system. A torn tail after a crash is cut
 * off; a record that was acknowledged is never lost.
 */
export interface MessageLog {
	/** Reads what is there. @returns the live (appended, not released) records in order of offset. */
	open(): Promise<readonly LogRecord[]>;
	/**
	 * @returns the record's offset once it is durable.
	 * @throws EdgeError EDGE_STORAGE_FULL when the limit or the disk is reached; the log stays usable.
	 */
	append(header: Uint8Array, body: Uint8Array): Promise<number>;
	/** The body of a live record. @throws RangeError for an offset that is not live. */
	read(offset: number): Promise<Uint8Array>;
	/**
	 * Marks a record as done. Durable soon (with the next sync or within a second), not at once:
	 * after a crash a released record may come back.
	 */
	release(offset: number): void;
	/** Bytes on disk and live records. */
	readonly size: { readonly bytes: number; readonly records: number };
	close(): Promise<void>;
}
