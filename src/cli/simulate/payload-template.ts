import { isJsonObject, type JsonValue } from '../../runtime/json.ts';

/** What a placeholder may name. */
export interface TemplateContext {
	readonly deviceId: string;
	/** Number of the device within its fleet, from 1. */
	readonly index: number;
	/** Number of the message of this device, from 1. */
	readonly sequence: number;
	/** Milliseconds since the epoch. */
	readonly now: number;
	/** From 0 to 1, as `Math.random`. */
	readonly random: () => number;
}

/** A template that is ready to be filled in. */
export type Template = (context: TemplateContext) => JsonValue;

/** A placeholder that cannot be filled in. */
export interface TemplateFault {
	/** JSON path. */
	readonly path: string;
	/** One sentence. */
	readonly message: string;
}

type Make = (args: readonly string[]) => Template | string;

const placeholders: Readonly<Record<string, Make>> = {
	deviceId: plain(({ deviceId }) => deviceId),
	index: plain(({ index }) => index),
	sequence: plain(({ sequence }) => sequence),
	now: plain(({ now }) => new Date(now).toISOString()),
	timestamp: plain(({ now }) => now),
	random: range((from, to, random) => Math.round((from + (to - from) * random) * 1000) / 1000),
	integer: range((from, to, random) => from + Math.floor((to - from + 1) * random)),
	pick: (args) => {
		if (args.length === 0) return 'It needs at least one word to pick.';
		return ({ random }) => args[Math.floor(random() * args.length)] ?? '';
	},
};

/** `${name}` or `${name(argument, argument)}` */
const placeholder = /\$\{\s*([A-Za-z]+)\s*(?:\(([^)]*)\))?\s*\}/g;

/**
 * Compiles a JSON value whose texts may hold placeholders. A text that is one placeholder becomes
 * its value, a number where it is one; within a text it is written out.
 *
 * @param faults receives what cannot be filled in.
 */
export function compileTemplate(value: JsonValue, path: string, faults: TemplateFault[]): Template {
	if (typeof value === 'string') return compileText(value, path, faults);
	if (Array.isArray(value)) {
		const items = value.map((item, index) => compileTemplate(item, `${path}[${index}]`, faults));
		return (context) => items.map((item) => item(context));
	}
	if (!isJsonObject(value)) return () => value;
	const members = Object.entries(value).map(([name, member]): [string, Template] => [
		name,
		compileTemplate(member ?? null, `${path}.${name}`, faults),
	]);
	return (context) => Object.fromEntries(members.map(([name, make]) => [name, make(context)]));
}

function compileText(text: string, path: string, faults: TemplateFault[]): Template {
	const parts: (string | Template)[] = [];
	let end = 0;
	for (const match of text.matchAll(placeholder)) {
		parts.push(text.slice(end, match.index));
		parts.push(compilePlaceholder(match[1] ?? '', match[2], path, faults));
		end = match.index + match[0].length;
	}
	parts.push(text.slice(end));
	const used = parts.filter((part) => part !== '');
	const [only] = used;
	if (used.length === 1 && only !== undefined && typeof only !== 'string') return only;
	return (context) =>
		used.map((part) => (typeof part === 'string' ? part : String(part(context)))).join('');
}

function compilePlaceholder(
	name: string,
	list: string | undefined,
	path: string,
	faults: TemplateFault[],
): Template {
	const make = Object.hasOwn(placeholders, name) ? placeholders[name] : undefined;
	const args = list?.split(',').map((argument) => argument.trim()) ?? [];
	const known = Object.keys(placeholders).join(', ');
	const made = make === undefined ? `There are: ${known}.` : make(args);
	if (typeof made !== 'string') return made;
	faults.push({ path, message: `\${${name}} cannot be filled in. ${made}` });
	return () => null;
}

function plain(value: (context: TemplateContext) => JsonValue): Make {
	return (args) => (args.length === 0 ? value : 'It takes no arguments.');
}

function range(value: (from: number, to: number, random: number) => number): Make {
	return (args) => {
		const [from = Number.NaN, to = Number.NaN] = args.map(Number);
		if (args.length !== 2 || !Number.isFinite(from + to)) return 'It needs two numbers.';
		return ({ random }) => value(from, to, random());
	};
}
