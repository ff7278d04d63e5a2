import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../../runtime/json.ts';
import { methodFault, versionedPayload } from '../agent-methods.ts';
import { parseLogTime } from './log-time.ts';

/** Which lines of a log are wanted. */
export interface LogFilter {
	/** So many of the last lines, before the other filters. */
	readonly tail?: number;
	/** Wall time in milliseconds. */
	readonly since?: number;
	readonly until?: number;
	readonly level?: number;
	readonly pattern?: RegExp;
}

/** Which modules' logs are wanted. */
export interface LogItem {
	/** Matches somewhere in a module's name, in any case. */
	readonly module: RegExp;
	readonly filter: LogFilter;
}

/** The payload of `GetModuleLogs`. */
export interface LogRequest {
	readonly items: readonly LogItem[];
	readonly encoding: 'none' | 'gzip';
	readonly contentType: 'json' | 'text';
}

const maxItems = 100;
/** Longer patterns are no help to anybody and could keep the agent busy for long. */
const maxPatternLength = 256;

/** @throws EdgeError EDGE_METHOD_INVALID, EDGE_METHOD_SCHEMA */
export function parseLogRequest(payload: JsonValue, now: number): LogRequest {
	const { items, encoding, contentType } = versionedPayload(payload);
	const list = Array.isArray(items) ? items : [items];
	if (list.length === 0 || list.length > maxItems) {
		throw methodFault(`The payload must have 1 to ${maxItems} items.`);
	}
	return {
		items: list.map((item) => parseItem(item, now)),
		encoding: word('encoding', encoding, ['none', 'gzip']),
		contentType: word('contentType', contentType, ['json', 'text']),
	};
}

/**
 * Which item serves each module: the first that matches its name.
 *
 * @returns items by module, of the modules that are asked for.
 */
export function itemsByModule(
	items: readonly LogItem[],
	modules: readonly string[],
): Map<string, LogItem> {
	const found = new Map<string, LogItem>();
	for (const module of modules) {
		const item = items.find((candidate) => candidate.module.test(module));
		if (item !== undefined) found.set(module, item);
	}
	return found;
}

function parseItem(item: JsonValue | undefined, now: number): LogItem {
	if (!isJsonObject(item)) throw methodFault('An item is not a JSON object.');
	const { id, filter } = item;
	if (typeof id !== 'string' || id.trim() === '') throw methodFault('An item has no id.');
	const module = id.trim() === 'all' ? /^/ : patternOf(id);
	if (filter === undefined || filter === null) return { module, filter: {} };
	if (!isJsonObject(filter)) throw methodFault('A filter is not a JSON object.');
	return { module, filter: parseFilter(filter, now) };
}

function parseFilter(filter: JsonObject, now: number): LogFilter {
	const { tail, since, until, loglevel, regex } = filter;
	return {
		...(isAbsent(tail) ? {} : { tail: count('tail', tail, 100_000) }),
		...(isAbsent(since) ? {} : { since: parseLogTime(String(since), now) }),
		...(isAbsent(until) ? {} : { until: parseLogTime(String(until), now) }),
		...(isAbsent(loglevel) ? {} : { level: count('loglevel', loglevel, 7) }),
		...(isAbsent(regex) ? {} : { pattern: patternOf(regex) }),
	};
}

function isAbsent(value: JsonValue | undefined): value is undefined | null {
	return value === undefined || value === null;
}

function count(name: string, value: JsonValue, max: number): number {
	const number = typeof value === 'string' ? Number(value) : value;
	if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= max) {
		return number;
	}
	throw methodFault(`${name} is not a whole number from 0 to ${max}.`);
}

function patternOf(text: JsonValue): RegExp {
	if (typeof text !== 'string' || text.length > maxPatternLength) {
		throw methodFault(`A pattern is not a text of at most ${maxPatternLength} characters.`);
	}
	try {
		return new RegExp(text, 'i');
	} catch {
		throw methodFault(`The pattern "${text}" cannot be read.`);
	}
}

function word<const Word extends string>(
	name: string,
	value: JsonValue | undefined,
	words: readonly [Word, ...Word[]],
): Word {
	if (isAbsent(value)) return words[0];
	const found = words.find((each) => each === jsonText(value).toLowerCase());
	if (found === undefined) throw methodFault(`${name} must be one of ${words.join(', ')}.`);
	return found;
}
