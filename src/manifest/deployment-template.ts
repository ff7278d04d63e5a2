import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { itemPath, memberPath } from './json-path.ts';
import { maxTextLength } from './json-text.ts';
import { commentEnd, stringEnd } from './nesting-depth.ts';
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
const barePlaceholder = /\$\{[^}\n]{0,256}\}|\$[A-Z_]\w*/y;
/**
 * Names of variables (`$CONTAINER_REGISTRY_USERNAME_myacr`), unlike those that stand in manifests
 * for something else: `$edgeHub`, `$upstream`, `$connectionModuleId`.
 */
const variableName = /^[A-Z][A-Z0-9]*(?:_\w*)?$/;

/**
 * Puts quotes around placeholders that stand where a number or a word does (`"order": ${ORDER}`):
 * the tools fill in the text of a template, and only then read it as JSON.
 */
export function quoteBarePlaceholders(text: string): string {
	const parts: string[] = [];
	let copied = 0;
	for (let at = 0; at < text.length; at += 1) {
		const code = text[at];
		if (code === '"') at = stringEnd(text, at);
		else if (code === '/') at = commentEnd(text, at);
		else if (code === '$') {
			barePlaceholder.lastIndex = at;
			const [found] = barePlaceholder.exec(text) ?? [];
			if (found === undefined) continue;
			parts.push(text.slice(copied, at), JSON.stringify(found));
			copied = at + found.length;
			at = copied - 1;
		}
	}
	return parts.join('') + text.slice(copied);
}

/** No device runs so many modules; each costs a look for its file. */
const maxReferences = 1000;

/** A module that a template refers to. */
export interface ModuleReference {
	/** As `TemplateValues.modules` names it. */
	readonly name: string;
	/** Its folder, relative to that of the template. */
	readonly folder: string;
}

/** The modules whose images a template names. */
export function moduleReferences(text: string): ModuleReference[] {
	const found = new Map<string, ModuleReference>();
	for (const [, reference = ''] of text.matchAll(/\$\{(MODULE(?:S\.|DIR<)[^}\n]{0,240})\}/g)) {
		const [, module] = moduleReference.exec(reference) ?? [];
		if (module !== undefined) found.set(module, { name: module, folder: `modules/${module}` });
		const [, folder] = /^MODULEDIR<([^>]+)>/.exec(reference) ?? [];
		const [, name] = folderReference.exec(reference) ?? [];
		if (folder !== undefined && name !== undefined) found.set(name, { name, folder });
	}
	return [...found.values()].slice(0, maxReferences);
}

/**
 * Fills in a deployment template of the Visual Studio Code tools: `${MODULES.filter.amd64}` (the
 * image of a module's `module.json`), `${MODULEDIR<path>.amd64}`, `${NAME}` and `$NAME` of the
 * environment, in member names as well. Unknown ones stay and are reported: a module that is not
 * there as an error, a variable, which whoever deploys may have, as a warning.
 */
export function expandTemplate(template: JsonValue, values: TemplateValues): ExpandedTemplate {
	const expansion = new Expansion(values);
	return { value: expansion.expand(template, '$'), problems: expansion.problems };
}

class Expansion {
	readonly problems: Problem[] = [];
	readonly #values: TemplateValues;
	/** Characters that values may still add: a short template must not become endless. */
	#budget = maxTextLength;

	constructor(values: TemplateValues) {
		this.#values = values;
	}

	expand(value: JsonValue, path: string): JsonValue {
		if (typeof value === 'string') return this.#expandText(value, path);
		if (Array.isArray(value)) {
			return value.map((item, index) => this.expand(item, itemPath(path, index)));
		}
		if (!isJsonObject(value)) return value;
		return Object.fromEntries(
			Object.entries(value).map(([name, member = null]) => {
				const place = memberPath(path, name);
				return [this.#expandText(name, place), this.expand(member, place)];
			}),
		);
	}

	#expandText(text: string, path: string): string {
		return text.replace(placeholder, (whole: string, braced?: string, bare?: string) => {
			const name = braced ?? bare ?? '';
			const value = imageOf(name, this.#values) ?? this.#values.environment.get(name);
			if (value !== undefined && value.length <= this.#budget) {
				this.#budget -= value.length;
				return value;
			}
			if (value !== undefined) this.problems.push(tooLong(name, path));
			else if (braced !== undefined || variableName.test(name)) {
				this.problems.push(unresolved(name, path));
			}
			return whole;
		});
	}
}

function tooLong(name: string, path: string): Problem {
	return {
		severity: 'error',
		code: 'EDGE_MANIFEST_TOO_LARGE',
		path,
		message: `The values of the placeholders, here of "${name}", are too long together.`,
	};
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
		severity: isModule ? 'error' : 'warning',
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
