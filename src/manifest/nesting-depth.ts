const quote = 0x22;
const backslash = 0x5c;
const slash = 0x2f;
const star = 0x2a;

/**
 * How deep a JSON text, comments allowed, nests arrays and objects. Counting stops above the
 * limit. Linear in time, so that a parser that recurses can be guarded by it.
 */
export function nestingDepth(text: string, limit: number): number {
	let depth = 0;
	let deepest = 0;
	for (let at = 0; at < text.length && deepest <= limit; at += 1) {
		const code = text.charCodeAt(at);
		if (code === quote) at = stringEnd(text, at);
		else if (code === slash) at = commentEnd(text, at);
		else if (code === 0x7b || code === 0x5b) depth += 1;
		else if (code === 0x7d || code === 0x5d) depth -= 1;
		if (depth > deepest) deepest = depth;
	}
	return deepest;
}

/** The closing quote of a JSON string whose opening one is at `start`; the text's end without one. */
export function stringEnd(text: string, start: number): number {
	for (let at = start + 1; at < text.length; at += 1) {
		const code = text.charCodeAt(at);
		if (code === backslash) at += 1;
		else if (code === quote) return at;
	}
	return text.length;
}

/** The last character of a comment that starts here; `start` where none does. */
export function commentEnd(text: string, start: number): number {
	const next = text.charCodeAt(start + 1);
	if (next !== slash && next !== star) return start;
	const end = next === slash ? text.indexOf('\n', start + 2) : text.indexOf('*/', start + 2) + 1;
	return end <= 0 ? text.length : end;
}
