import { isJsonObject, type JsonObject, type JsonValue, wellFormed } from '../runtime/json.ts';
import { parseJsonText } from './json-text.ts';

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

/**
 * Reads createOptions from what the manifest holds: an object, its JSON text, or nothing (absent,
 * null, blank, `"null"`).
 */
export function readCreateOptions(
	value: JsonValue,
): { readonly options: JsonObject } | { readonly error: string } {
	if (value === null || (typeof value === 'string' && /^\s*(null\s*)?$/.test(value))) {
		return { options: {} };
	}
	if (isJsonObject(value)) return { options: value };
	if (typeof value !== 'string') return { error: 'it is neither an object nor its JSON text.' };
	const parsed = parseJsonText(value);
	const error = parsed.problems.find(({ severity }) => severity === 'error');
	if (error !== undefined) return { error: error.message };
	return isJsonObject(parsed.value)
		? { options: wellFormed(parsed.value) }
		: { error: 'its text is no JSON object.' };
}
