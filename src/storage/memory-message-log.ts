import { EdgeError } from '../runtime/edge-error.ts';
import { allParts, type LogRecord, type MessageLog, type RecordContent } from './message-log.ts';

interface Entry {
	readonly header: Uint8Array;
	readonly body: Uint8Array;
	pending: number;
}

/** A message log in memory: for tests, and for a hub that is told not to persist. */
export class MemoryMessageLog implements MessageLog {
	readonly #ownLimit: number;
	#maxBytes: number;
	#evict: (bytes: number) => boolean = () => false;
	readonly #entries = new Map<number, Entry>();
	#next = 0;
	#bytes = 0;

	/** @param maxBytes headers and bodies of live records at most. */
	constructor(maxBytes: number = Number.POSITIVE_INFINITY) {
		this.#ownLimit = maxBytes;
		this.#maxBytes = maxBytes;
	}

	/** Finds what an earlier user of this object has left. */
	async open(
		recover: (record: LogRecord) => void,
		evict: (bytes: number) => boolean = () => false,
	): Promise<void> {
		this.#evict = evict;
		for (const [offset, { header, pending }] of [...this.#entries]) {
			recover({ offset, header, pending });
		}
	}

	limitTo(maxBytes: number | undefined): void {
		this.#maxBytes = Math.min(this.#ownLimit, maxBytes ?? Number.POSITIVE_INFINITY);
	}

	async append(header: Uint8Array, body: Uint8Array, parts = 1): Promise<number> {
		const pending = allParts(parts);
		const bytes = header.byteLength + body.byteLength;
		while (this.#bytes + bytes > this.#maxBytes && this.#evict(bytes)) {}
		if (this.#bytes + bytes > this.#maxBytes) {
			throw new EdgeError(
				'EDGE_STORAGE_FULL',
				`The message log is limited to ${this.#maxBytes} B.`,
			);
		}
		const offset = this.#next;
		this.#next += 1;
		this.#bytes += bytes;
		this.#entries.set(offset, { header: header.slice(), body: body.slice(), pending });
		return offset;
	}

	async read(offset: number): Promise<RecordContent> {
		const entry = this.#entries.get(offset);
		if (entry === undefined) throw new RangeError(`No record has the offset ${offset}.`);
		return entry;
	}

	release(offset: number, part = 0): void {
		const entry = this.#entries.get(offset);
		if (entry === undefined) return;
		entry.pending = (entry.pending & ~(1 << part)) >>> 0;
		if (entry.pending !== 0) return;
		this.#entries.delete(offset);
		this.#bytes -= entry.header.byteLength + entry.body.byteLength;
	}

	get size(): { readonly bytes: number; readonly records: number } {
		return { bytes: this.#bytes, records: this.#entries.size };
	}

	get damaged(): number {
		return 0;
	}

	async close(): Promise<void> {}
}
