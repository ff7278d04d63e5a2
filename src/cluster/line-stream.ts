/** How lines of a stream are cut. */
export interface LineOptions {
	/** No line holds more bytes than this. */
	readonly maxBytes: number;
	/** Called for a line beyond `maxBytes`: throws, or returns to have the line cut there. */
	readonly onTooLong: () => void;
}

const newline = 0x0a;

/**
 * Yields the lines of a byte stream without their ends (LF or CRLF), the unfinished last one
 * included. Bytes are decoded as UTF-8 a whole line at a time.
 */
export async function* linesOf(
	stream: AsyncIterable<Uint8Array>,
	options: LineOptions,
): AsyncGenerator<string> {
	let parts: Uint8Array[] = [];
	let size = 0;
	for await (const chunk of stream) {
		let start = 0;
		for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
			parts.push(chunk.subarray(start, end));
			yield textOf(parts);
			parts = [];
			size = 0;
			start = end + 1;
		}
		const rest = chunk.subarray(start);
		if (rest.length === 0) continue;
		parts.push(rest);
		size += rest.length;
		if (size <= options.maxBytes) continue;
		options.onTooLong();
		yield textOf(parts);
		parts = [];
		size = 0;
	}
	if (parts.length > 0) yield textOf(parts);
}

function textOf(parts: readonly Uint8Array[]): string {
	const text = Buffer.concat(parts).toString('utf8');
	return text.endsWith('\r') ? text.slice(0, -1) : text;
}
