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
	return sections.reduce(
		(values, { path, value }) =>
			path.length === 0 ? asObject(value) : withValue(values, path, value),
		desired,
	);
}

function withValue(object: JsonObject, path: readonly string[], value: JsonValue): JsonObject {
	const [name = '', ...rest] = path;
	const old = Object.hasOwn(object, name) ? object[name] : undefined;
	const next = rest.length === 0 ? value : withValue(asObject(old), rest, value);
	return { ...object, [name]: next };
}

function asObject(value: JsonValue | undefined): JsonObject {
	return isJsonObject(value) ? value : {};
}

function pathOf(what: string, key: string): string[] {
	if (key === prefix) return [];
	const names = key.startsWith(`${prefix}.`) ? key.slice(prefix.length + 1).split('.') : [''];
	if (!names.includes('')) return names;
	throw invalid(`${what} has the member ${key}, not one of "${prefix}".`);
}

function invalid(message: string): IotHubError {
	return new IotHubError('InvalidConfigurationContent', message);
}
