import { messageOf } from './edge-error.ts';
import type { LogLevel } from './logger.ts';

/** One setting of a program: everything its code and its documentation need to know. */
export interface Setting<Value> {
	/** Name of the environment variable. */
	readonly env: string;
	/** What holds where the variable is absent or empty, as text; absent: the setting is required. */
	readonly default?: string;
	/** Of a number, e.g. `s`, `ms`, `MiB`. */
	readonly unit?: string;
	/** One sentence for the table in `docs/configuration.md`. */
	readonly description: string;
	/** Whether the value must never be shown. */
	readonly secret?: boolean;
	/** Reads the text. @throws RangeError with a sentence that says what form the value must have. */
	readonly parse: (text: string) => Value;
}

/** The settings of one program by the names that its code uses. */
export type SettingsTable = Readonly<Record<string, Setting<unknown>>>;

/** What `readSettings` makes of a table. */
export type SettingsOf<Table extends SettingsTable> = {
	readonly [Name in keyof Table]: ReturnType<Table[Name]['parse']>;
};

/** One setting that cannot be used. */
export interface SettingProblem {
	readonly env: string;
	/** One sentence. Never contains the value of a secret. */
	readonly message: string;
}

/** All settings, or everything that is wrong with them. */
export type SettingsResult<Table extends SettingsTable> =
	| { readonly settings: SettingsOf<Table>; readonly problems?: never }
	| { readonly settings?: never; readonly problems: readonly SettingProblem[] };

/** Reads every setting of a table. An empty variable counts as absent. */
export function readSettings<Table extends SettingsTable>(
	table: Table,
	env: Readonly<Record<string, string | undefined>>,
): SettingsResult<Table> {
	const problems: SettingProblem[] = [];
	const settings: Record<string, unknown> = {};
	for (const [name, setting] of Object.entries(table)) {
		const text = env[setting.env] || setting.default;
		if (text === undefined) {
			problems.push({ env: setting.env, message: 'The setting is required.' });
			continue;
		}
		try {
			settings[name] = setting.parse(text);
		} catch (error) {
			const shown = setting.secret ? '' : ` It is ${JSON.stringify(text)}.`;
			problems.push({ env: setting.env, message: `${messageOf(error)}${shown}` });
		}
	}
	if (problems.length > 0) return { problems };
	return { settings: settings as SettingsOf<Table> };
}

/**
 * The variables of a table under the case of its names, whatever case they have been written in. One
 * that is there in the table's own case comes first.
 */
export function regardlessOfCase(
	table: SettingsTable,
	env: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
	const folded = new Map(Object.entries(env).map(([name, value]) => [name.toLowerCase(), value]));
	const names = Object.values(table).map((setting) => setting.env);
	return Object.fromEntries(
		names.map((name) => [name, env[name] ?? folded.get(name.toLowerCase())]),
	);
}

/** Any text. */
export function text(value: string): string {
	return value;
}

/** Text, or undefined where the default is the empty text. */
export function optionalText(value: string): string | undefined {
	return value === '' ? undefined : value;
}

/** A whole number within limits, both included. */
export function integer(limits: { readonly min?: number; readonly max?: number } = {}) {
	const { min = 0, max = Number.MAX_SAFE_INTEGER } = limits;
	return (value: string): number => {
		const number = Number(value);
		if (/^-?\d{1,16}$/.test(value.trim()) && number >= min && number <= max) return number;
		throw new RangeError(`The value must be a whole number from ${min} to ${max}.`);
	};
}

/** A whole number, or undefined where the default is the empty text. */
export function optionalInteger(limits: { readonly min?: number; readonly max?: number } = {}) {
	const parse = integer(limits);
	return (value: string): number | undefined => (value === '' ? undefined : parse(value));
}

/** `true` or `false`, in any case. */
export function flag(value: string): boolean {
	const lower = value.trim().toLowerCase();
	if (lower === 'true' || lower === 'false') return lower === 'true';
	throw new RangeError('The value must be true or false.');
}

/** One of some words, in any case. */
export function choice<const Word extends string>(...words: readonly Word[]) {
	return (value: string): Word => {
		const lower = value.trim().toLowerCase();
		const found = words.find((word) => word.toLowerCase() === lower);
		if (found !== undefined) return found;
		throw new RangeError(`The value must be one of ${words.join(', ')}.`);
	};
}

/** Words separated by commas; blanks around them do not count. */
export function wordList(value: string): readonly string[] {
	const words = value.split(',').map((word) => word.trim());
	return words.filter((word) => word !== '');
}

/** Names of levels in Azure IoT Edge's `RuntimeLogLevel`, and ours; each stands for the nearest of ours. */
const logLevels: Readonly<Record<string, LogLevel>> = {
	verbose: 'debug',
	debug: 'debug',
	information: 'info',
	info: 'info',
	warning: 'warn',
	warn: 'warn',
	error: 'error',
	fatal: 'error',
	silent: 'silent',
};

/** The least severe level that is logged, by its name here or in Azure IoT Edge. */
export function logLevel(value: string): LogLevel {
	const word = choice(...Object.keys(logLevels))(value);
	return logLevels[word] ?? 'info';
}
