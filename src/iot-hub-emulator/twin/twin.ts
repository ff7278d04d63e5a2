import { diff } from '../../protocol/twin.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { requireTwinLimits } from './twin-limits.ts';
import {
	newTwinSection,
	patchSection,
	replaceSection,
	type TwinSection,
	withoutSystemNames,
} from './twin-section.ts';

/** What the hub keeps of a twin. */
export interface Twin {
	readonly tags: JsonObject;
	readonly desired: TwinSection;
	readonly reported: TwinSection;
	/** Counts every change. */
	readonly version: number;
	/** Counts changes from the service side; its ETag. */
	readonly serviceVersion: number;
	readonly modelId: string;
}

/** A twin after a change, and what its device must be told of it. */
export interface TwinChange {
	readonly twin: Twin;
	/** Merge patch of the desired properties, `$version` included. */
	readonly desiredPatch?: JsonObject;
}

/** The twin of a new identity. */
export function newTwin(time: string): Twin {
	return {
		tags: {},
		desired: newTwinSection(time, true),
		reported: newTwinSection(time, false),
		version: 2,
		serviceVersion: 1,
		modelId: '',
	};
}

/**
 * Applies the body of `PATCH /twins/…`: `{tags?, properties?: {desired?}}`. Null in the place of
 * tags or desired properties clears them.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function patchTwin(twin: Twin, body: unknown, time: string): TwinChange {
	const { tags, desired } = readParts(body);
	let change: TwinChange = { twin };
	if (tags !== undefined) change = { twin: withTags(twin, tags ?? clearing(twin.tags)) };
	if (desired !== undefined) {
		change = withDesired(change.twin, desired ?? clearing(twin.desired.values), time);
	}
	return { ...change, twin: count(change.twin) };
}

/**
 * Applies the body of `PUT /twins/…`: tags and desired properties become exactly what is given. The
 * device is told the difference.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function replaceTwin(twin: Twin, body: unknown, time: string): TwinChange {
	const { tags, desired } = readParts(body);
	const retagged = withTags({ ...twin, tags: {} }, tags ?? {});
	const change = replaceDesired(retagged, desired ?? {}, time);
	return { ...change, twin: count(change.twin) };
}

/** Puts desired properties in the place of all that were there, as applying a configuration does. */
export function setDesired(twin: Twin, values: JsonObject, time: string): TwinChange {
	const change = replaceDesired(twin, values, time);
	return { ...change, twin: count(change.twin) };
}

/** Applies a device's patch of its reported properties. @throws IotHubError ArgumentInvalid */
export function patchReported(twin: Twin, patch: JsonObject, time: string): Twin {
	const version = twin.reported.version + 1;
	const stamp = { time, version, showVersion: false };
	const reported = patchSection(twin.reported, patch, stamp);
	requireTwinLimits('reported', patch, reported.values);
	return { ...twin, reported, version: twin.version + 1 };
}

interface TwinBody {
	/** Null clears, undefined leaves alone. */
	readonly tags: JsonObject | null | undefined;
	readonly desired: JsonObject | null | undefined;
}

function readParts(body: unknown): TwinBody {
	if (!isJsonObject(body)) throw invalid('The twin is not a JSON object.');
	const properties = body['properties'] ?? {};
	if (!isJsonObject(properties)) throw invalid('properties is not an object.');
	return { tags: part(body, 'tags'), desired: part(properties, 'desired') };
}

function part(object: JsonObject, name: string): JsonObject | null | undefined {
	const value: JsonValue | undefined = object[name];
	if (value === undefined || value === null) return value;
	if (!isJsonObject(value)) throw invalid(`${name} is not an object.`);
	return withoutSystemNames(value);
}

function withTags(twin: Twin, patch: JsonObject): Twin {
	const section = { values: twin.tags, metadata: {}, version: 0 };
	const stamp = { time: '', version: 0, showVersion: false };
	const tags = patchSection(section, patch, stamp).values;
	requireTwinLimits('tags', patch, tags);
	return { ...twin, tags };
}

function withDesired(twin: Twin, patch: JsonObject, time: string): TwinChange {
	const version = twin.desired.version + 1;
	const desired = patchSection(twin.desired, patch, { time, version, showVersion: true });
	requireTwinLimits('desired', patch, desired.values);
	return { twin: { ...twin, desired }, desiredPatch: { ...patch, $version: version } };
}

function replaceDesired(twin: Twin, values: JsonObject, time: string): TwinChange {
	const version = twin.desired.version + 1;
	const desired = replaceSection(values, { time, version, showVersion: true });
	requireTwinLimits('desired', withoutSystemNames(values), desired.values);
	const patch = diff(twin.desired.values, desired.values);
	return { twin: { ...twin, desired }, desiredPatch: { ...patch, $version: version } };
}

function count(twin: Twin): Twin {
	return { ...twin, version: twin.version + 1, serviceVersion: twin.serviceVersion + 1 };
}

function clearing(values: JsonObject): JsonObject {
	return Object.fromEntries(Object.keys(values).map((name) => [name, null]));
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', message);
}
