import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { EdgeError, type ErrorCode, messageOf } from '../runtime/edge-error.ts';
import type { KeyValueStore } from './key-value-store.ts';

/** Version of the tables, kept in `PRAGMA user_version`. */
const formatVersion = 1;

/** Pages that were freed before they are given back to the file system. */
const freePagesKept = 256;

/** Deletions and replacements between two looks at the free pages. */
const writesBetweenVacuums = 512;

/** SQLite result codes → codes of this program (https://www.sqlite.org/rescode.html). */
const errorCodes: ReadonlyMap<number, ErrorCode> = new Map([
	[5, 'EDGE_STORAGE_LOCKED'],
	[11, 'EDGE_STORAGE_CORRUPT'],
	[13, 'EDGE_STORAGE_FULL'],
	[26, 'EDGE_STORAGE_CORRUPT'],
]);

export interface SqliteKeyValueStoreOptions {
	/** Size of the database file at which writes fail with EDGE_STORAGE_FULL. Default: the disk. */
	readonly maxBytes?: number;
	/** Milliseconds to wait for a process that is about to end and still has the file. Default 5000. */
	readonly lockTimeout?: number;
}

/**
 * A key-value store in one SQLite file.
 *
 * The file is in WAL mode with `synchronous=FULL`, so that every committed write survives a power
 * cut, and locked by one process: two hubs on one volume would spoil each other's data, and without
 * shared memory the WAL also works on network volumes.
 */
export class SqliteKeyValueStore implements KeyValueStore {
	readonly #path: string;
	readonly #database: DatabaseSync;
	readonly #get: StatementSync;
	readonly #set: StatementSync;
	readonly #delete: StatementSync;
	readonly #entries: StatementSync;
	readonly #freePages: StatementSync;
	#writes = 0;

	private constructor(path: string, database: DatabaseSync) {
		this.#path = path;
		this.#database = database;
		this.#get = database.prepare('SELECT value FROM entries WHERE collection = ? AND key = ?');
		this.#set = database.prepare(
			'INSERT INTO entries VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
		);
		this.#delete = database.prepare('DELETE FROM entries WHERE collection = ? AND key = ?');
		this.#entries = database.prepare(
			'SELECT key, value FROM entries WHERE collection = ? ORDER BY key',
		);
		this.#freePages = database.prepare('PRAGMA freelist_count');
	}

	/**
	 * Opens the file, or makes it.
	 * @throws EdgeError EDGE_STORAGE_LOCKED, EDGE_STORAGE_VERSION, EDGE_STORAGE_CORRUPT,
	 * EDGE_STORAGE_FULL or EDGE_STORAGE_FAILED.
	 */
	static open(path: string, options: SqliteKeyValueStoreOptions = {}): SqliteKeyValueStore {
		return attempt(path, () => {
			const database = new DatabaseSync(path, { timeout: options.lockTimeout ?? 5000 });
			try {
				prepare(path, database, options);
				return new SqliteKeyValueStore(path, database);
			} catch (error) {
				database.close();
				throw error;
			}
		});
	}

	get(collection: string, key: string): Uint8Array | undefined {
		const row = attempt(this.#path, () => this.#get.get(collection, key));
		return row === undefined ? undefined : (row['value'] as Uint8Array);
	}

	set(collection: string, key: string, value: Uint8Array): void {
		attempt(this.#path, () => this.#set.run(collection, key, value));
		this.#giveSpaceBack();
	}

	delete(collection: string, key: string): boolean {
		const { changes } = attempt(this.#path, () => this.#delete.run(collection, key));
		this.#giveSpaceBack();
		return changes > 0;
	}

	entries(collection: string): Iterable<readonly [key: string, value: Uint8Array]> {
		const rows = attempt(this.#path, () => this.#entries.all(collection));
		return rows.map((row) => [row['key'] as string, row['value'] as Uint8Array] as const);
	}

	transaction(action: () => void): void {
		if (this.#database.isTransaction) {
			action();
			return;
		}
		attempt(this.#path, () => this.#database.exec('BEGIN IMMEDIATE'));
		try {
			action();
			attempt(this.#path, () => this.#database.exec('COMMIT'));
		} catch (error) {
			// A full disk may have rolled the transaction back already.
			if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
			throw error;
		}
	}

	close(): void {
		if (this.#database.isOpen) this.#database.close();
	}

	/** Returns freed pages to the file system now and then, never inside a transaction. */
	#giveSpaceBack(): void {
		this.#writes += 1;
		if (this.#writes < writesBetweenVacuums || this.#database.isTransaction) return;
		this.#writes = 0;
		attempt(this.#path, () => {
			const free = Number(this.#freePages.get()?.['freelist_count'] ?? 0);
			if (free > freePagesKept) {
				this.#database.exec(`PRAGMA incremental_vacuum(${free - freePagesKept})`);
			}
		});
	}
}

function prepare(path: string, database: DatabaseSync, options: SqliteKeyValueStoreOptions): void {
	database.exec(`
		PRAGMA locking_mode = EXCLUSIVE;
		PRAGMA auto_vacuum = INCREMENTAL;
		PRAGMA journal_mode = WAL;
		PRAGMA synchronous = FULL;
		PRAGMA journal_size_limit = 4194304;
	`);
	if (options.maxBytes !== undefined) {
		const pageSize = Number(database.prepare('PRAGMA page_size').get()?.['page_size']);
		database.exec(`PRAGMA max_page_count = ${Math.floor(options.maxBytes / pageSize)}`);
	}
	const version = database.prepare('PRAGMA user_version').get()?.['user_version'];
	if (version !== 0 && version !== formatVersion) {
		throw new EdgeError('EDGE_STORAGE_VERSION', `The store has version ${version}.`, {
			where: path,
		});
	}
	// Nothing is written to open it: a program that fills the disk must start, to empty it again.
	if (version === formatVersion) return;
	database.exec(`
		BEGIN IMMEDIATE;
		CREATE TABLE IF NOT EXISTS entries (
			collection TEXT NOT NULL,
			key TEXT NOT NULL,
			value BLOB NOT NULL,
			PRIMARY KEY (collection, key)
		) STRICT, WITHOUT ROWID;
		PRAGMA user_version = ${formatVersion};
		COMMIT;
	`);
}

/** Runs an operation of SQLite; its errors leave as errors of the catalogue. */
function attempt<Result>(path: string, operation: () => Result): Result {
	try {
		return operation();
	} catch (error) {
		if (error instanceof EdgeError) throw error;
		const result = (error as { errcode?: number }).errcode ?? 0;
		// The low byte is the primary result code, the rest of the number only details it.
		const code = errorCodes.get(result & 0xff) ?? 'EDGE_STORAGE_FAILED';
		throw new EdgeError(code, `The store failed: ${messageOf(error)}.`, {
			where: path,
			cause: error,
		});
	}
}
