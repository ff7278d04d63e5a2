import { readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
	expandTemplate,
	moduleReferences,
	parseEnvironmentFile,
	quoteBarePlaceholders,
} from '../manifest/deployment-template.ts';
import { parseJsonText } from '../manifest/json-text.ts';
import type { Problem } from '../manifest/problem.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';

/** Where values of placeholders come from besides the files beside the template. */
export interface TemplateSources {
	/** Variables; they win over those of `.env`. */
	readonly environment: Readonly<Record<string, string | undefined>>;
	/** The platform of `${MODULES.filter}`, e.g. `arm64v8`. */
	readonly platform?: string;
}

/** A template as the JSON it becomes. */
export interface FilledTemplate {
	readonly value?: JsonValue;
	readonly problems: readonly Problem[];
}

/** Files beside a template that are larger are not what they seem to be. Bytes. */
const maxFileSize = 1024 * 1024;

/** Whether a file is a template of the Visual Studio Code tools, by its name or its content. */
export function isTemplate(file: string, text: string): boolean {
	return /\.template(\.[\w-]+)?\.json$/i.test(file) || /"\$schema-template"\s*:/.test(text);
}

/**
 * Fills in a template as the Visual Studio Code tools do: images from `modules/<name>/module.json`
 * beside it, variables from the environment and from `.env` beside it.
 */
export async function fillTemplate(
	file: string,
	text: string,
	{ environment, platform }: TemplateSources,
): Promise<FilledTemplate> {
	const asIs = parseJsonText(text);
	const parsed = asIs.value === undefined ? parseJsonText(quoteBarePlaceholders(text)) : asIs;
	if (parsed.value === undefined) return { problems: asIs.problems };
	const folder = dirname(resolve(file));
	const variables = await variablesFor(folder, environment);
	const { modules, problems } = await modulesFor(folder, text, variables);
	const values = { modules, environment: variables };
	const expanded = expandTemplate(
		parsed.value,
		platform === undefined ? values : { ...values, platform },
	);
	return {
		value: expanded.value,
		problems: [...parsed.problems, ...problems, ...expanded.problems],
	};
}

async function variablesFor(
	folder: string,
	environment: TemplateSources['environment'],
): Promise<ReadonlyMap<string, string>> {
	const variables = parseEnvironmentFile((await textOf(join(folder, '.env'))) ?? '');
	for (const [name, value] of Object.entries(environment)) {
		if (value !== undefined) variables.set(name, value);
	}
	return variables;
}

async function modulesFor(
	folder: string,
	template: string,
	environment: ReadonlyMap<string, string>,
): Promise<{ modules: ReadonlyMap<string, JsonObject>; problems: readonly Problem[] }> {
	const modules = new Map<string, JsonObject>();
	const problems: Problem[] = [];
	for (const { name, folder: own } of moduleReferences(template)) {
		const path = join(own, 'module.json');
		const text = await textOf(resolve(folder, path));
		if (text === undefined) continue;
		const parsed = parseJsonText(text);
		const expanded = expandTemplate(parsed.value ?? null, { modules: new Map(), environment });
		problems.push(...[...parsed.problems, ...expanded.problems].map((one) => within(path, one)));
		if (isJsonObject(expanded.value)) modules.set(name, expanded.value);
	}
	return { modules, problems };
}

function within(file: string, problem: Problem): Problem {
	return { ...problem, message: `${file}: ${problem.message}` };
}

async function textOf(path: string): Promise<string | undefined> {
	try {
		const { size } = await stat(path);
		return size > maxFileSize ? undefined : await readFile(path, 'utf8');
	} catch {
		return undefined;
	}
}
