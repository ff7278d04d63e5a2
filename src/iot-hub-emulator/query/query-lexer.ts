import { IotHubError } from '../iot-hub-error.ts';

/** A piece of a query's text. `name` is what stood in double square brackets. */
export interface Token {
	readonly kind: 'word' | 'name' | 'string' | 'number' | 'symbol' | 'end';
	/** Without quotes and escapes. */
	readonly text: string;
	/** Index of its first character. */
	readonly at: number;
}

/** Characters of a query at most: what the recursion over its parts can take is bounded by it. */
export const maxQueryLength = 8_192;

type Rule = readonly [
	kind: Token['kind'] | 'space',
	form: RegExp,
	read?: (text: string, at: number) => string,
];

const rules: readonly Rule[] = [
	['space', /\s+/y],
	['name', /\[\[[^\]]+\]\]/y, (text) => text.slice(2, -2).trim()],
	['word', /[\p{L}_$][\p{L}\p{N}_$]*/uy],
	['number', /(?:\d+(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?/iy],
	['string', /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"/y, unquoted],
	['symbol', /!=|<>|<=|>=|[=<>+\-*/%(),.[\]]/y],
];

/**
 * Cuts a query into tokens; the last one is `end`.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function tokensOf(query: string): Token[] {
	if (query.length > maxQueryLength) {
		throw invalidQuery(`it is longer than ${maxQueryLength} characters`);
	}
	const tokens: Token[] = [];
	for (let at = 0; at < query.length; ) {
		const [kind, text, read] = match(query, at);
		if (kind !== 'space') tokens.push({ kind, text: read?.(text, at) ?? text, at });
		at += text.length;
	}
	tokens.push({ kind: 'end', text: 'the end', at: query.length });
	return tokens;
}

function match(query: string, at: number): [Rule[0], string, Rule[2]] {
	for (const [kind, form, read] of rules) {
		form.lastIndex = at;
		const [text] = form.exec(query) ?? [];
		if (text !== undefined) return [kind, text, read];
	}
	throw invalidQuery(`${query[at]} at position ${at} cannot be read`);
}

/** Allowed are \' \" \\ and \uXXXX, and a doubled quote. */
function unquoted(text: string, at: number): string {
	const quote = text.charAt(0);
	return text
		.slice(1, -1)
		.replace(/\\u([0-9a-f]{4})|\\([\s\S])|''|""/gi, (found, code, escaped) => {
			if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
			if (escaped === undefined) return found.startsWith(quote) ? quote : found;
			if (`'"\\`.includes(escaped)) return escaped;
			throw invalidQuery(`the string at position ${at} has the unknown escape \\${escaped}`);
		});
}

/** A refusal of a query. */
export function invalidQuery(reason: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `The query is not valid: ${reason}.`);
}
