import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';

/** Desired or reported properties: values, when each was written, and how often all were. */
export interface TwinSection {
	readonly values: JsonObject;
	/** Mirrors `values`; every node has `$lastUpdated`, of desired ones `$lastUpdatedVersion` too. */
	readonly metadata: JsonObject;
	readonly version: number;
}

/** When a change was made. */
export interface ChangeStamp {
	/** ISO 8601. */
	readonly time: string;
	/** The section's version after the change. Only desired properties show it in their metadata. */
	readonly version: number;
	readonly showVersion: boolean;
}

interface Node {
	readonly values: JsonObject;
	readonly metadata: JsonObject;
}

/** A section as it is when a twin is made. */
export function newTwinSection(time: string, showVersion: boolean): TwinSection {
	const stamp = { time, version: 1, showVersion };
	return { values: {}, metadata: leaf(stamp), version: 1 };
}

/**
 * Lays a merge patch over a section [RFC 7396]: a null deletes, objects merge, everything else is
 * replaced; nulls in objects that are new vanish. Metadata of every node on the way is renewed.
 */
export function patchSection(section: TwinSection, patch: JsonObject, stamp: ChangeStamp) {
	const node = patchNode(section, withoutSystemNames(patch), stamp);
	return { ...node, version: stamp.version };
}

/** Puts new values in the place of all that were there. Metadata of equal values is not kept. */
export function replaceSection(values: JsonObject, stamp: ChangeStamp): TwinSection {
	const empty = { values: {}, metadata: leaf(stamp) };
	return { ...patchNode(empty, withoutSystemNames(values), stamp), version: stamp.version };
}

/** A section as the service's REST interface shows it. */
export function sectionWithMetadata({ values, metadata, version }: TwinSection): JsonObject {
	return { ...values, $metadata: metadata, $version: version };
}

/** A section as its device reads it. */
export function sectionForDevice({ values, version }: TwinSection): JsonObject {
	return { ...values, $version: version };
}

/** Clients may send back what they have read: what the hub itself adds is no property. */
export function withoutSystemNames(values: JsonObject): JsonObject {
	if (!('$version' in values) && !('$metadata' in values)) return values;
	return Object.fromEntries(
		Object.entries(values).filter(([name]) => name !== '$version' && name !== '$metadata'),
	);
}

function patchNode(node: Node, patch: JsonObject, stamp: ChangeStamp): Node {
	const values = new Map(Object.entries(node.values));
	const metadata = new Map(Object.entries(node.metadata));
	for (const [name, value] of Object.entries(leaf(stamp))) metadata.set(name, value);
	for (const [name, value] of Object.entries(patch)) {
		if (value === undefined) continue;
		if (value === null) {
			values.delete(name);
			metadata.delete(name);
			continue;
		}
		const [newValue, newMetadata] = patchValue(values.get(name), metadata.get(name), value, stamp);
		values.set(name, newValue);
		metadata.set(name, newMetadata);
	}
	return { values: Object.fromEntries(values), metadata: Object.fromEntries(metadata) };
}

function patchValue(
	old: JsonValue | undefined,
	oldMetadata: JsonValue | undefined,
	value: JsonValue,
	stamp: ChangeStamp,
): [JsonValue, JsonValue] {
	if (!isJsonObject(value)) return [value, leaf(stamp)];
	const node = {
		values: isJsonObject(old) ? old : {},
		metadata: isJsonObject(old) && isJsonObject(oldMetadata) ? oldMetadata : {},
	};
	const patched = patchNode(node, value, stamp);
	return [patched.values, patched.metadata];
}

function leaf({ time, version, showVersion }: ChangeStamp): JsonObject {
	return showVersion
		? { $lastUpdated: time, $lastUpdatedVersion: version }
		: { $lastUpdated: time };
}
