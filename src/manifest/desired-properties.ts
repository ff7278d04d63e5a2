import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { memberPath } from './json-path.ts';
import { suggestion } from './nearest-name.ts';
import type { Problem } from './problem.ts';

const whole = 'properties.desired';

/** Desired properties that a section of a manifest sets. */
export interface DesiredProperties {
	readonly desired: JsonObject;
	/** JSON path of the properties, or of the section where it has only dotted members. */
	readonly path: string;
	/** Whether the section replaces the properties as a whole, as a layer's does not. */
	readonly whole: boolean;
}

/** One member of a section: which properties it sets, as path below the desired ones. */
export interface DesiredMember {
	readonly names: readonly string[];
	readonly value: JsonValue;
}

/**
 * The members of a manifest's section, those that set more first: `properties.desired`, then
 * `properties.desired.modules`, then `properties.desired.modules.filter`.
 */
export function desiredMembers(section: JsonObject): DesiredMember[] {
	const members: DesiredMember[] = [];
	for (const [name, value] of Object.entries(section)) {
		if (value === undefined) continue;
		if (name === whole) members.push({ names: [], value });
		else if (name.startsWith(`${whole}.`)) {
			members.push({ names: name.slice(whole.length + 1).split('.'), value });
		}
	}
	return members.sort((a, b) => a.names.length - b.names.length);
}

/** Sets a property, and makes the objects on the way to it; what stood there is replaced. */
export function setProperty(
	properties: JsonObject,
	names: readonly string[],
	value: JsonValue,
): JsonObject {
	const [first, ...rest] = names;
	if (first === undefined) return isJsonObject(value) ? value : {};
	const members = new Map(Object.entries(properties));
	const old = members.get(first);
	const child = isJsonObject(old) ? old : {};
	members.set(first, rest.length === 0 ? value : setProperty(child, rest, value));
	return Object.fromEntries(members);
}

/** The desired properties that one section sets, and what is wrong with its members. */
export function readSection(
	section: JsonObject,
	path: string,
	problems: Problem[],
): DesiredProperties | undefined {
	const members = desiredMembers(section);
	for (const name of Object.keys(section)) {
		if (name === whole || name.startsWith(`${whole}.`)) continue;
		problems.push({
			severity: 'warning',
			code: 'EDGE_MANIFEST_MEMBER_UNKNOWN',
			path: memberPath(path, name),
			message: 'A section of a manifest sets "properties.desired" or a property below it.',
			remedy: suggestion(name, [whole]) || 'Remove this member; it has no effect.',
		});
	}
	const [first] = members;
	if (first === undefined) return undefined;
	if (first.names.length === 0 && !isJsonObject(first.value)) {
		problems.push({
			severity: 'error',
			code: 'EDGE_MANIFEST_FORM',
			path: memberPath(path, whole),
			message: 'Desired properties are an object.',
		});
		return undefined;
	}
	const desired = members.reduce<JsonObject>(
		(properties, { names, value }) => setProperty(properties, names, value),
		{},
	);
	const isWhole = first.names.length === 0;
	const place = Object.hasOwn(section, whole) ? memberPath(path, whole) : path;
	return { desired, path: place, whole: isWhole };
}
