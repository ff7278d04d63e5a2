import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { itemPath, memberPath } from './json-path.ts';
import type { Problem } from './problem.ts';

/** What the placeholders of a template stand for. */
export interface TemplateValues {
	/** `module.json` of each module, by the name of its folder under `modules`. */
	readonly modules: ReadonlyMap<string, JsonObject>;
	/** Variables of the environment and of `.env`. */
	readonly environment: ReadonlyMap<string, string>;
	/** The platform of `${MODULES.filter}` without one. Default `amd64`. */
	readonly platform?: string;
}

/** A template with its placeholders filled in, and those that have no value. */
export interface ExpandedTemplate {
	readonly value: JsonValue;
	readonly problems: readonly Problem[];
}

const placeholder = /\$\{([^}]{0,256})\}|\$([A-Za-z_]\w*)/g;
const moduleReference = /^MODULES\.([^.]+)(?:\.([\w.-]+))?$/;
const folderReference = /^MODULEDIR<(?:.*\/)?([^/>]+)\/?>(?:\.([\w.-]+))?$/;
/** Names that stand in manifests and are no variables: `$edgeHub`, `$upstream`, `$connectionModuleId`. */
const variableName = /^[A-Z][A-Z0-9_]*$/;

/**
 * Fills in a deployment template of the Visual Studio Code tools: `${MODULES.filter.amd64}` (the
 * image of a module's `module.json`), `${MODULEDIR<path>.amd64}`, `${NAME}` and `$NAME` of the
 * environment, in member names as well. Unknown ones stay and are reported.
 */
export function expandTemplate(template: JsonValue, values: TemplateValues): ExpandedTemplate {
	const problems: Problem[] = [];
	return { value: expand(template, '$', values, problems), problems };
}

function expand(
	value: JsonValue,
	path: string,
	values: TemplateValues,
	problems: Problem[],
): JsonValue {
	if (typeof value === 'string') return expandText(value, path, values, problems);
	if (Array.isArray(value)) {
		return value.map((item, index) => expand(item, itemPath(path, index), values, problems));
	}
	if (!isJsonObject(value)) return value;
	return Object.fromEntries(
		Object.entries(value).map(([name, member = null]) => {
			const place = memberPath(path, name);
			const expanded = expandText(name, place, values, problems);
			return [expanded, expand(member, place, values, problems)];
		}),
	);
}

function expandText(
	text: string,
	path: string,
	values: TemplateValues,
	problems: Problem[],
): string {
	return text.replace(placeholder, (whole: string, braced?: string, bare?: string) => {
		const name = braced ?? bare ?? '';
		const value = imageOf(name, values) ?? values.environment.get(name);
		if (value !== undefined) return value;
		if (braced !== undefined || variableName.test(name)) problems.push(unresolved(name, path));
		return whole;
	});
}

function imageOf(
	name: string,
	{ modules, platform = 'amd64' }: TemplateValues,
): string | undefined {
	const [, folder, wanted = platform] =
		moduleReference.exec(name) ?? folderReference.exec(name) ?? [];
	const image = folder === undefined ? undefined : modules.get(folder)?.['image'];
	if (!isJsonObject(image) || typeof image['repository'] !== 'string') return undefined;
	const key = wanted === 'debug' ? `${platform}.debug` : wanted;
	const tag = image['tag'];
	const version = isJsonObject(tag) ? tag['version'] : undefined;
	return `${image['repository']}:${version ?? '0.0.1'}-${key}`;
}

function unresolved(name: string, path: string): Problem {
	const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
	const isModule = /^MODULE(S\.|DIR<)/.test(name);
	return {
		severity: 'error',
		code: 'EDGE_TEMPLATE_UNRESOLVED',
		path,
		message: `The placeholder "${shown}" has no value.`,
		remedy: isModule
			? 'Add the folder of the module with its module.json.'
			: `Set ${shown} in the environment or in .env.`,
	};
}

/**
 * Reads the text of a `.env` file: `NAME=value` lines, `export` before them, quotes around values,
 * `#` comments.
 */
export function parseEnvironmentFile(text: string): Map<string, string> {
	const variables = new Map<string, string>();
	for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
		const [, name, value] = /^\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
		if (name !== undefined && value !== undefined) variables.set(name, unquote(value));
	}
	return variables;
}

function unquote(value: string): string {
	const [, , quoted] = /^(["'])(.*)\1$/.exec(value) ?? [];
	return quoted ?? value.replace(/\s+#.*$/, '');
}
