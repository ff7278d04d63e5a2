import type { Readable } from 'node:stream';

/**
 * The lines of a UTF-8 text as it comes in, one at a time, however long the text. A line ends with a
 * line feed and with nothing else: JSON may have U+2028 within a string. A byte order mark in front of
 * the text belongs to no line.
 */
export async function* textLines(input: Readable): AsyncGenerator<string> {
	const decoder = new TextDecoder();
	let rest = '';
	for await (const chunk of input) {
		const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
		const [first = '', ...others] = decoder.decode(bytes, { stream: true }).split('\n');
		const lines = [rest + first, ...others];
		rest = lines.pop() ?? '';
		yield* lines;
	}
	rest += decoder.decode();
	if (rest !== '') yield rest;
}
