import { EventEmitter, once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Clock } from '../../runtime/clock.ts';

/** Size limits of one run's log. */
export interface ContainerLogSettings {
	readonly clock: Clock;
	/** Bytes of a file before it is put aside; one older file is kept. */
	readonly maxBytes: number;
}

/** Longer lines are cut in parts, marked as such, like container runtimes do. */
const maxLineBytes = 16 * 1024;
const newLine = Buffer.from('\n');

/**
 * The log of one run of a container: lines of `<RFC 3339 time> <stream> F <text>`, the format of
 * container runtimes, in a file that is put aside when it grows. Positions count from the first
 * byte ever written, so that a reader keeps its place when the file is put aside.
 */
export class ContainerLog {
	readonly file: string;
	readonly #settings: ContainerLogSettings;
	readonly #changes = new EventEmitter().setMaxListeners(0);
	readonly #rest = new Map<string, Buffer>();
	#stream: WriteStream | undefined;
	#olderStart = 0;
	#start = 0;
	#end = 0;
	#writing: Promise<void> = Promise.resolve();
	#ended = false;

	constructor(file: string, settings: ContainerLogSettings) {
		this.file = file;
		this.#settings = settings;
	}

	/** Begins, or goes on after what the file holds already. */
	async open(): Promise<void> {
		await mkdir(dirname(this.file), { recursive: true });
		await this.#measure();
		this.#stream = await openStream(this.file);
	}

	/** Makes the log of a run that is over readable. */
	async openEnded(): Promise<void> {
		await this.#measure();
		this.#ended = true;
	}

	/** Whether no more lines will come. */
	get ended(): boolean {
		return this.#ended;
	}

	/** The position of the first byte that is still there. */
	get oldest(): number {
		return this.#olderStart;
	}

	/** The position behind the last byte that can be read. */
	get position(): number {
		return this.#end;
	}

	/** Takes output of a container as it comes, and writes whole lines. */
	write(stream: 'stdout' | 'stderr', chunk: Buffer): void {
		const before = this.#rest.get(stream);
		let rest = before === undefined ? chunk : Buffer.concat([before, chunk]);
		const head = `${this.#time()} ${stream}`;
		const lines: Buffer[] = [];
		for (;;) {
			const end = rest.indexOf(10);
			if (end < 0 && rest.length <= maxLineBytes) break;
			const whole = end >= 0 && end <= maxLineBytes;
			const cut = whole ? end : maxLineBytes;
			lines.push(Buffer.from(`${head} ${whole ? 'F' : 'P'} `), rest.subarray(0, cut), newLine);
			rest = rest.subarray(whole ? cut + 1 : cut);
		}
		this.#rest.set(stream, Buffer.from(rest));
		if (lines.length > 0) this.#append(Buffer.concat(lines));
	}

	/** Writes what has no line end yet, and closes the file. */
	async end(): Promise<void> {
		if (this.#ended) return;
		for (const [stream, rest] of this.#rest) {
			if (rest.length === 0) continue;
			this.#append(Buffer.concat([Buffer.from(`${this.#time()} ${stream} F `), rest, newLine]));
		}
		await this.#writing;
		await closeStream(this.#stream);
		this.#ended = true;
		this.#changes.emit('change');
	}

	/** Resolves when something was written or the log has ended. */
	async changed(signal: AbortSignal): Promise<void> {
		await once(this.#changes, 'change', { signal });
	}

	/** The bytes from a position to the end of the log, or of the older part when it is there. */
	async *read(from: number): AsyncGenerator<Buffer> {
		const handle = await this.#openAt(from);
		if (handle === undefined) return;
		try {
			const { file, offset } = handle;
			yield* file.createReadStream({ start: offset, autoClose: false }) as AsyncIterable<Buffer>;
		} finally {
			await handle.file.close();
		}
	}

	/** Opening takes its turn with writing: a file is never opened while it is being put aside. */
	#openAt(from: number): Promise<{ file: FileHandle; offset: number } | undefined> {
		const opening = this.#writing.then(() => this.#openNow(from));
		this.#writing = opening.then(() => undefined);
		return opening;
	}

	async #openNow(from: number): Promise<{ file: FileHandle; offset: number } | undefined> {
		const older = from < this.#start;
		const file = await open(older ? rotatedFile(this.file) : this.file).catch(() => undefined);
		if (file === undefined) return undefined;
		return { file, offset: Math.max(0, from - (older ? this.#olderStart : this.#start)) };
	}

	#append(lines: Buffer): void {
		this.#writing = this.#writing.then(async () => {
			const stream = this.#stream;
			if (stream === undefined) return;
			await new Promise<void>((resolve) => stream.write(lines, () => resolve()));
			this.#end += lines.length;
			this.#changes.emit('change');
			if (this.#end - this.#start > this.#settings.maxBytes) await this.#rotate();
		});
	}

	async #rotate(): Promise<void> {
		await closeStream(this.#stream);
		await rename(this.file, rotatedFile(this.file)).catch(() => undefined);
		this.#olderStart = this.#start;
		this.#start = this.#end;
		this.#stream = await openStream(this.file);
	}

	async #measure(): Promise<void> {
		const [older, size] = await Promise.all([sizeOf(rotatedFile(this.file)), sizeOf(this.file)]);
		this.#olderStart = 0;
		this.#start = older;
		this.#end = older + size;
	}

	/** RFC 3339 with nanoseconds, of which the clock knows milliseconds. */
	#time(): string {
		return new Date(this.#settings.clock.now()).toISOString().replace('Z', '000000Z');
	}
}

/** Deletes the log of a run. */
export async function removeLog(file: string): Promise<void> {
	await rm(file, { force: true });
	await rm(rotatedFile(file), { force: true });
}

function rotatedFile(file: string): string {
	return `${file}.1`;
}

async function openStream(file: string): Promise<WriteStream | undefined> {
	const stream = createWriteStream(file, { flags: 'a' });
	try {
		await once(stream, 'open');
	} catch {
		return undefined;
	}
	// A full disk costs lines of a log, not the node.
	return stream.on('error', () => {});
}

async function closeStream(stream: WriteStream | undefined): Promise<void> {
	if (stream === undefined || stream.destroyed) return;
	await new Promise<void>((resolve) => stream.end(() => resolve()));
}

async function sizeOf(file: string): Promise<number> {
	return stat(file).then(
		({ size }) => size,
		() => 0,
	);
}
