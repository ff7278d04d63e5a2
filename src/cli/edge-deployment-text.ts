import { parseAllDocuments } from 'yaml';
import { edgeDeploymentKind } from '../edge-agent/sources/edge-deployment-definition.ts';
import { type ParsedManifest, readManifest } from '../manifest/manifest.ts';
import type { Problem } from '../manifest/problem.ts';
import { messageOf } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';

const { kind } = edgeDeploymentKind;
const mark = new RegExp(`^kind:\\s*["']?${kind}\\b`, 'm');
/** Nodes that aliases may multiply a document by. */
const maxAliases = 100;

/**
 * Reads an EdgeDeployment in YAML, as it lies in a repository, alone or among other objects. Plain
 * manifests are JSON and never read as YAML.
 *
 * @returns undefined for text without one.
 */
export function parseEdgeDeployment(text: string, file: string): ParsedManifest | undefined {
	if (!mark.test(text)) return undefined;
	try {
		const found = edgeDeploymentsIn(text);
		const [first] = found;
		if (found.length === 1 && first !== undefined) return readManifest(first, file);
		const message = `There are ${found.length} objects of kind ${kind} in it; one is expected.`;
		return { problems: [problem('EDGE_MANIFEST_FORM', message)] };
	} catch (error) {
		return { problems: [problem('EDGE_MANIFEST_SYNTAX', `This is no YAML: ${messageOf(error)}`)] };
	}
}

/** @throws YAMLParseError */
function edgeDeploymentsIn(text: string): JsonObject[] {
	const documents = parseAllDocuments(text).map((document) => {
		const [error] = document.errors;
		if (error !== undefined) throw error;
		return document.toJS({ maxAliasCount: maxAliases }) as unknown;
	});
	return documents.filter(isJsonObject).filter((object) => object['kind'] === kind);
}

function problem(code: string, message: string): Problem {
	return { severity: 'error', code, path: '$', message };
}
