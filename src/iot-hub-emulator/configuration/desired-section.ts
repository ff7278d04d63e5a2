import { PropertyTree } from '../../protocol/property-tree.ts';
import { twinLimits } from '../../protocol/twin-validation.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';

/** A value for a place in desired properties. */
export interface DesiredSection {
	/** Names below `properties.desired`; none for all of it. */
	readonly path: readonly string[];
	readonly value: JsonValue;
}

const prefix = 'properties.desired';

/**
 * Reads content such as `{"properties.desired": {…}}` or `{"properties.desired.modules.filter": …}`:
 * names below `properties.desired` are parted by dots (IoT Edge documentation, "Layered deployment").
 *
 * @param what names the content in errors
 * @throws IotHubError InvalidConfigurationContent
 */
export function desiredSectionsFrom(what: string, content: unknown): DesiredSection[] {
	if (!isJsonObject(content)) throw invalid(`${what} is not an object.`);
	return Object.entries(content).map(([key, value]) => {
		const path = pathOf(what, key);
		if (path.length === 0 && !isJsonObject(value ?? {})) {
			throw invalid(`"${prefix}" of ${what} is not an object.`);
		}
		return { path, value: value ?? {} };
	});
}

/** Puts sections into desired properties, one after the other; a value takes the place of the old. */
export function withSections(desired: JsonObject, sections: readonly DesiredSection[]): JsonObject {
	const properties = new PropertyTree(desired);
	for (const { path, value } of sections) properties.set(path, value);
	return properties.toJson();
}

function pathOf(what: string, key: string): string[] {
	if (key === prefix) return [];
	const names = key.startsWith(`${prefix}.`) ? key.slice(prefix.length + 1).split('.') : [''];
	if (names.length > twinLimits.maxDepth) {
		throw invalid(`${what} leads deeper than ${twinLimits.maxDepth} levels.`);
	}
	if (!names.includes('')) return names;
	throw invalid(`${what} has the member ${key}, not one of "${prefix}".`);
}

function invalid(message: string): IotHubError {
	return new IotHubError('InvalidConfigurationContent', message);
}
