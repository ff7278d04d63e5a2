import { isJsonObject, type JsonValue } from '../runtime/json.ts';
import { itemPath, memberPath } from './json-path.ts';

/** How deep exports of whole hubs nest the manifests that they hold. */
const maxDepth = 8;

/**
 * JSON paths of manifests deeper in a document than one manifest has them: lists of deployments and
 * exports of a whole hub hold several.
 */
export function nestedManifests(document: JsonValue): string[] {
	const found: string[] = [];
	collect(document, '$', 0, found);
	return found;
}

function collect(value: JsonValue, path: string, depth: number, found: string[]): void {
	if (depth > maxDepth || typeof value !== 'object' || value === null) return;
	if (Array.isArray(value)) {
		for (const [index, item] of value.entries()) {
			collect(item, itemPath(path, index), depth + 1, found);
		}
		return;
	}
	for (const [name, member] of Object.entries(value)) {
		if (member === undefined) continue;
		const place = memberPath(path, name);
		if (name === 'modulesContent' && isJsonObject(member)) found.push(place);
		else collect(member, place, depth + 1, found);
	}
}
