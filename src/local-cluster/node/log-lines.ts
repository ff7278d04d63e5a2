/** Which lines of a container's log, and how. */
export interface LogSelection {
	readonly tailLines?: number;
	/** Only lines at or after this time; Unix time in milliseconds. */
	readonly since?: number;
	/** Each line with its time before it. */
	readonly timestamps?: boolean;
}

/** Splits a stream of bytes into lines without their ends. */
export class LineSplitter {
	#rest: Buffer = Buffer.alloc(0);

	push(chunk: Buffer): Buffer[] {
		const lines: Buffer[] = [];
		let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
		for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10)) {
			lines.push(bytes.subarray(0, end));
			bytes = bytes.subarray(end + 1);
		}
		this.#rest = Buffer.from(bytes);
		return lines;
	}
}

/**
 * The text of one stored line, as `kubectl logs` shows it.
 *
 * @returns `undefined` when the line is before `since`.
 */
export function shownLine(stored: Buffer, selection: LogSelection): Buffer | undefined {
	const timeEnd = stored.indexOf(32);
	const streamEnd = stored.indexOf(32, timeEnd + 1);
	if (timeEnd < 0 || streamEnd < 0) return undefined;
	const { since, timestamps } = selection;
	if (since !== undefined && Date.parse(stored.toString('latin1', 0, timeEnd)) < since) {
		return undefined;
	}
	const text = stored.subarray(streamEnd + 3);
	// A part of a long line goes on in the next one.
	const end = stored[streamEnd + 1] === 80 ? '' : '\n';
	const time = timestamps ? stored.subarray(0, timeEnd + 1) : Buffer.alloc(0);
	return Buffer.concat([time, text, Buffer.from(end)]);
}
