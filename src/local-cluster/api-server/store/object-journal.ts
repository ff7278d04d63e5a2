/** One object as it is kept. */
export interface JournalRecord {
	/** As `deployments.apps`. */
	readonly resource: string;
	/** `namespace/name`, or `name`. */
	readonly key: string;
	readonly json: string;
}

/** What a journal had kept. */
export interface JournalContent {
	/** The last resource version that was given out. */
	readonly revision: number;
	readonly records: Iterable<JournalRecord>;
}

/** Where the objects of a cluster survive the process. Every write is safe against kill -9 when it returns. */
export interface ObjectJournal {
	load(): JournalContent;
	/** Writes an object and the revision it has. */
	put(record: JournalRecord, revision: number): void;
	/** Removes an object; the removal has a revision as well. */
	remove(resource: string, key: string, revision: number): void;
	close(): void;
}

/** Keeps nothing. */
export const memoryJournal: ObjectJournal = {
	load: () => ({ revision: 0, records: [] }),
	put: () => {},
	remove: () => {},
	close: () => {},
};
