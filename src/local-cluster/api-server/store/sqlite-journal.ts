import { chmodSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { EdgeError, messageOf } from '../../../runtime/edge-error.ts';
import type { JournalContent, JournalRecord, ObjectJournal } from './object-journal.ts';

const schema = `
	PRAGMA journal_mode = WAL;
	PRAGMA synchronous = NORMAL;
	CREATE TABLE IF NOT EXISTS object (
		resource TEXT NOT NULL, key TEXT NOT NULL, json TEXT NOT NULL,
		PRIMARY KEY (resource, key)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS revision (id INTEGER PRIMARY KEY CHECK (id = 1), value INTEGER);
	INSERT OR IGNORE INTO revision VALUES (1, 0);
`;

/** SQLITE_CORRUPT and SQLITE_NOTADB (https://www.sqlite.org/rescode.html). */
const damageCodes: ReadonlySet<number> = new Set([11, 26]);

/**
 * Keeps objects in a SQLite file. In WAL mode a committed write is in the file system's hands, so
 * it outlives the process; only a power cut can take the last ones back, all in order.
 */
export class SqliteJournal implements ObjectJournal {
	readonly #path: string;
	readonly #database: DatabaseSync;
	readonly #put: StatementSync;
	readonly #remove: StatementSync;
	readonly #revision: StatementSync;

	/** @throws EdgeError EDGE_STORAGE_CORRUPT, also from `load`, when the file is not what was written. */
	constructor(path: string) {
		this.#path = path;
		this.#database = new DatabaseSync(path);
		chmodSync(path, 0o600);
		this.#attempt(() => this.#database.exec(schema));
		this.#put = this.#database.prepare('INSERT OR REPLACE INTO object VALUES (?, ?, ?)');
		this.#remove = this.#database.prepare('DELETE FROM object WHERE resource = ? AND key = ?');
		this.#revision = this.#database.prepare('UPDATE revision SET value = ?');
	}

	load(): JournalContent {
		const [row, rows] = this.#attempt(() => [
			this.#database.prepare('SELECT value FROM revision').get(),
			this.#database.prepare('SELECT resource, key, json FROM object').all(),
		]);
		const records = rows.map((record) => ({
			resource: String(record['resource']),
			key: String(record['key']),
			json: String(record['json']),
		}));
		return { revision: Number(row?.['value'] ?? 0), records };
	}

	put(record: JournalRecord, revision: number): void {
		this.#transaction(revision, () => {
			this.#put.run(record.resource, record.key, record.json);
		});
	}

	remove(resource: string, key: string, revision: number): void {
		this.#transaction(revision, () => {
			this.#remove.run(resource, key);
		});
	}

	close(): void {
		if (this.#database.isOpen) this.#database.close();
	}

	/** A damaged file must be named: the person who reads the error has to remove its folder. */
	#attempt<Result>(operation: () => Result): Result {
		try {
			return operation();
		} catch (error) {
			// The low byte is SQLite's primary result code.
			const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
			if (!damageCodes.has(code)) throw error;
			this.close();
			throw new EdgeError('EDGE_STORAGE_CORRUPT', `${messageOf(error)}.`, {
				where: this.#path,
				cause: error,
			});
		}
	}

	#transaction(revision: number, action: () => void): void {
		this.#database.exec('BEGIN');
		try {
			action();
			this.#revision.run(revision);
			this.#database.exec('COMMIT');
		} catch (error) {
			this.#database.exec('ROLLBACK');
			throw error;
		}
	}
}
