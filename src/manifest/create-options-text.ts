import { isJsonObject, type JsonObject, type JsonValue, wellFormed } from '../runtime/json.ts';
import { parseLenientJson } from '../runtime/lenient-json.ts';
import { type ParsedText, parseJsonText } from './json-text.ts';
import type { Problem } from './problem.ts';

const chunkName = /^createoptions(\d*)$/i;
const maxChunks = 100;

/** The text or value that a module's createOptions members hold together. */
export type ChunkedValue = { readonly value: JsonValue } | { readonly error: string };

/** Whether a member of `settings` is createOptions or one of its chunks. */
export function isCreateOptionsMember(name: string): boolean {
	return chunkName.test(name);
}

/**
 * Joins `createOptions`, `createOptions01`, `createOptions02`… of a module's settings, in whatever
 * order and case they stand. Twins limit strings to 4 KB, so tools cut long options into pieces.
 * Source: Azure IoT Edge, chunked fields of the agent's configuration.
 */
export function joinChunks(settings: JsonObject): ChunkedValue {
	const chunks = Object.entries(settings)
		.filter(([name]) => isCreateOptionsMember(name))
		.map(([name, value]) => ({ name, number: chunkName.exec(name)?.[1] ?? '', value }))
		.sort((a, b) => Number(a.number) - Number(b.number) || a.number.length - b.number.length);
	if (chunks.length > maxChunks) return { error: `there are more than ${maxChunks} chunks.` };
	const misplaced = chunks.findIndex(({ number }, index) => {
		return index === 0 ? number !== '' : Number(number) !== index;
	});
	if (misplaced >= 0) {
		const expected = misplaced === 0 ? '' : String(misplaced).padStart(2, '0');
		return { error: `expected "createOptions${expected}", found "${chunks[misplaced]?.name}".` };
	}
	const [first] = chunks;
	if (chunks.length <= 1) return { value: first?.value ?? null };
	const other = chunks.find(({ value }) => typeof value !== 'string');
	if (other !== undefined) return { error: `"${other.name}" is not a string.` };
	return { value: chunks.map(({ value }) => value).join('') };
}

/** createOptions, and what is wrong with their text; empty where it cannot be read. */
export interface ReadCreateOptions {
	readonly options: JsonObject;
	readonly problems: readonly Problem[];
}

/**
 * Reads createOptions from what the manifest holds: an object, its JSON text, or nothing (absent,
 * null, blank, `"null"`). A text may be as loose as the agent of Azure IoT Edge takes it, with single
 * quotes, names without quotes, comments and trailing commas; that is a warning, as few other tools
 * read it.
 *
 * @param path JSON path of the createOptions.
 */
export function readCreateOptions(value: JsonValue, path: string): ReadCreateOptions {
	if (value === null || (typeof value === 'string' && /^\s*(null\s*)?$/.test(value))) {
		return { options: {}, problems: [] };
	}
	if (isJsonObject(value)) return { options: value, problems: [] };
	if (typeof value !== 'string') {
		return unreadable(path, 'it is neither an object nor its JSON text.');
	}
	const { value: parsed, problems } = parseLoosely(value, path);
	const error = problems.find(({ severity }) => severity === 'error');
	if (error !== undefined) return unreadable(path, error.message);
	if (typeof parsed === 'string' && /^\s*\{/.test(parsed)) {
		return unreadable(path, 'it is JSON text within JSON text, quoted once too often.');
	}
	if (!isJsonObject(parsed)) return unreadable(path, 'its text is no JSON object.');
	return { options: wellFormed(parsed), problems };
}

function parseLoosely(text: string, path: string): ParsedText {
	const parsed = parseJsonText(text, path);
	if (parsed.value !== undefined) {
		if (isStrictJson(text)) return parsed;
		return { ...parsed, problems: [...parsed.problems, loose(path, 'Comment or trailing comma.')] };
	}
	const fault = parsed.problems[0];
	if (fault?.code !== 'EDGE_MANIFEST_SYNTAX') return parsed;
	const value = parseLenientJson(text);
	if (value === undefined) return parsed;
	return { value, problems: [loose(path, fault.message)] };
}

function isStrictJson(text: string): boolean {
	try {
		JSON.parse(text.replace(/^\uFEFF/, ''));
		return true;
	} catch {
		return false;
	}
}

function loose(path: string, fault: string): Problem {
	return {
		severity: 'warning',
		code: 'EDGE_CREATE_OPTIONS_LOOSE',
		path,
		message: `createOptions are no strict JSON, and read as Azure IoT Edge does: ${fault}`,
		remedy: 'Write them with double quotes and without comments or trailing commas.',
	};
}

function unreadable(path: string, reason: string): ReadCreateOptions {
	const message = `createOptions cannot be read: ${reason}`;
	const code = 'EDGE_CREATE_OPTIONS_INVALID';
	return { options: {}, problems: [{ severity: 'error', code, path, message }] };
}
