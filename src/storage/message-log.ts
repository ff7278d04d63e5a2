/** A record that is still owed: appended, and not released in all its parts. */
export interface LogRecord {
	/** Position in the log: grows with every record, never reused. */
	readonly offset: number;
	/** What the writer said about the record, e.g. who it is for and when it expires. */
	readonly header: Uint8Array;
	/** Bit n is set while part n has not been released. */
	readonly pending: number;
}

/** What was appended. */
export interface RecordContent {
	readonly header: Uint8Array;
	readonly body: Uint8Array;
}

/** Parts that one record can have. */
export const maxParts = 32;

/**
 * A durable, append-only log of messages whose records are released one by one, in any order. A
 * record may have several parts (a message that is owed to several receivers), which are released
 * separately; it lives until its last part is released.
 *
 * `append` resolves when the record is on disk; one sync serves all that wait (group commit). A
 * record that was acknowledged is never lost; space of released records is given back.
 */
export interface MessageLog {
	/**
	 * Reads what is there and calls `recover` for every live record in order of offset. The header
	 * is only valid during the call.
	 * @param evict called when an append does not fit, even without what is released: releases live
	 * records of about so many bytes. Called again until the append fits or `evict` returns false.
	 * @throws EdgeError EDGE_STORAGE_VERSION for files of another version, EDGE_STORAGE_FAILED.
	 */
	open(recover: (record: LogRecord) => void, evict?: (bytes: number) => boolean): Promise<void>;
	/** Lowers the limit of bytes on disk; undefined for the limit that the log was made with. */
	limitTo(maxBytes: number | undefined): void;
	/**
	 * Appends resolve in the order in which they were called. Header and body must not change
	 * before that.
	 * @param parts how many parts the record has, 1 (default) to `maxParts`.
	 * @returns the record's offset once it is durable.
	 * @throws EdgeError EDGE_STORAGE_FULL when the limit or the disk is reached, EDGE_STORAGE_FAILED
	 * for other faults of the disk; the log stays usable.
	 */
	append(header: Uint8Array, body: Uint8Array, parts?: number): Promise<number>;
	/**
	 * Header and body of a live record.
	 * @throws RangeError for an offset that is not live, EdgeError EDGE_STORAGE_CORRUPT when its bytes
	 * have changed on disk.
	 */
	read(offset: number): Promise<RecordContent>;
	/**
	 * Marks a part of a record as done (part 0 by default); nothing happens when it already was.
	 * Recorded within milliseconds and synced within a second, not at once: after a crash it may
	 * come back.
	 */
	release(offset: number, part?: number): void;
	/** Bytes on disk, and live records. */
	readonly size: { readonly bytes: number; readonly records: number };
	/** Damaged records that `open` had to skip. */
	readonly damaged: number;
	/** Waits for appends under way, writes and syncs releases. May be called more than once. */
	close(): Promise<void>;
}

/** The pending bits of a record with so many parts. */
export function allParts(parts: number): number {
	if (!Number.isInteger(parts) || parts < 1 || parts > maxParts) {
		throw new RangeError(`A record has 1 to ${maxParts} parts, not ${parts}.`);
	}
	return parts === maxParts ? 0xffff_ffff : 2 ** parts - 1;
}
