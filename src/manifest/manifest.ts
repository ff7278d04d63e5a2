import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { type DesiredProperties, readSection } from './desired-properties.ts';
import { memberPath } from './json-path.ts';
import { parseJsonText } from './json-text.ts';
import { findContent, type ManifestContent } from './manifest-content.ts';
import { nestedManifests } from './nested-manifests.ts';
import type { Problem } from './problem.ts';

/** A deployment manifest: the desired properties of every module twin that it sets. */
export interface Manifest {
	/** Desired properties of `$edgeAgent`: the deployment. */
	readonly agent?: DesiredProperties;
	/** Desired properties of `$edgeHub`: routes and store-and-forward. Handed on as they are. */
	readonly hub?: DesiredProperties;
	/** Desired properties of other modules by module name. */
	readonly twins: ReadonlyMap<string, DesiredProperties>;
	/** The sections as they stand, for layering. */
	readonly sections: JsonObject;
	/** Whether it only adds to a base deployment: dotted members instead of whole properties. */
	readonly layered: boolean;
	/** Of an exported automatic deployment: its id and priority, as far as they are there. */
	readonly configuration: { readonly id?: string; readonly priority?: number };
}

/** A manifest, unless its text has errors; all problems together. */
export interface ParsedManifest {
	readonly manifest?: Manifest;
	readonly problems: readonly Problem[];
}

/**
 * Reads a deployment manifest in any form that Azure's tools write: manifest, exported deployment,
 * layered deployment, module twin, bare desired properties.
 *
 * @param source.file The file's name, for messages.
 */
export function parseManifest(
	text: string,
	source: { readonly file?: string } = {},
): ParsedManifest {
	const { value, problems } = parseJsonText(text);
	if (value === undefined) return { problems };
	if (!isJsonObject(value)) {
		const problem = formProblem('A manifest is a JSON object.', source.file, value);
		return { problems: [...problems, problem] };
	}
	const read = readManifest(value, source.file);
	return { ...read, problems: [...problems, ...read.problems] };
}

/** Reads a manifest that is parsed already. */
export function readManifest(document: JsonObject, file?: string): ParsedManifest {
	const content = findContent(document);
	if (content === undefined) {
		return { problems: [formProblem('There is no "modulesContent" in it.', file, document)] };
	}
	const problems: Problem[] = [];
	const found = readSections(content, problems);
	const agent = found.get('$edgeAgent');
	const hub = found.get('$edgeHub');
	const twins = new Map([...found].filter(([name]) => !/^\$edge(Agent|Hub)$/.test(name)));
	const manifest: Manifest = {
		...(agent && { agent }),
		...(hub && { hub }),
		twins,
		sections: content.sections,
		layered: [...found.values()].some((properties) => !properties.whole),
		configuration: configurationOf(document),
	};
	return { manifest, problems };
}

function configurationOf(document: JsonObject): Manifest['configuration'] {
	const { id, priority } = isJsonObject(document['configuration'])
		? document['configuration']
		: document;
	return {
		...(typeof id === 'string' && id !== '' && { id }),
		...(typeof priority === 'number' && { priority }),
	};
}

function readSections(
	{ sections, path, bare }: ManifestContent,
	problems: Problem[],
): Map<string, DesiredProperties> {
	const found = new Map<string, DesiredProperties>();
	for (const [name, section] of Object.entries(sections)) {
		if (!isJsonObject(section)) continue;
		const properties = readSection(section, memberPath(path, name), problems);
		if (properties !== undefined) found.set(name, bare ? { ...properties, path } : properties);
	}
	return found;
}

function formProblem(message: string, file: string | undefined, document: JsonValue): Problem {
	const nested = nestedManifests(document);
	const [first] = nested;
	return {
		severity: 'error',
		code: 'EDGE_MANIFEST_FORM',
		path: '$',
		message: file === undefined ? message : `${file}: ${message}`,
		...(first !== undefined && {
			remedy: `It holds ${nested.length}, the first at ${first}: take one out.`,
		}),
	};
}
