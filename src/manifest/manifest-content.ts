import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import { memberPath } from './json-path.ts';

/** The part of a document that holds the modules' sections: `{ "$edgeAgent": …, "$edgeHub": …, … }`. */
export interface ManifestContent {
	readonly sections: JsonObject;
	/** JSON path of the sections within the document. */
	readonly path: string;
	/** Whether the document is the desired properties of one section alone; `path` is theirs. */
	readonly bare: boolean;
}

/** Where tools put the sections; in the order of preference. */
const wrappers = [
	['modulesContent'],
	['content', 'modulesContent'],
	['moduleContent'],
	['content', 'moduleContent'],
	['configuration', 'content', 'modulesContent'],
	['deploymentManifest', 'modulesContent'],
	// Of an EdgeDeployment.
	['spec', 'modulesContent'],
];
const agentMembers = ['systemModules', 'modules', 'runtime'];

/**
 * Finds the sections of a manifest: under `modulesContent` (a manifest), `content.modulesContent`
 * (an exported deployment or a request body), `spec.modulesContent`
 * (an EdgeDeployment), the older `moduleContent`, or at the top. A module
 * twin of `$edgeAgent` or `$edgeHub`, or just its desired properties, count as that one section.
 */
export function findContent(document: JsonObject): ManifestContent | undefined {
	for (const names of wrappers) {
		const sections = names.reduce<unknown>(memberOf, document);
		if (isJsonObject(sections))
			return { sections, path: names.reduce(memberPath, '$'), bare: false };
	}
	if (Object.keys(document).some((name) => /^\$edge(Agent|Hub)$/i.test(name))) {
		return { sections: document, path: '$', bare: false };
	}
	const desired = memberOf(memberOf(document, 'properties'), 'desired');
	if (isJsonObject(desired)) return bareSection(desired, '$.properties.desired');
	return bareSection(document, '$');
}

function bareSection(desired: JsonObject, path: string): ManifestContent | undefined {
	const isAgent = agentMembers.some((name) => isJsonObject(memberOf(desired, name)));
	const isHub = isJsonObject(memberOf(desired, 'routes'));
	if (!isAgent && !isHub) return undefined;
	const section = { 'properties.desired': desired };
	return { sections: { [isAgent ? '$edgeAgent' : '$edgeHub']: section }, path, bare: true };
}

function memberOf(value: unknown, name: string): unknown {
	return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}
