import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import type { Twin } from '../twin/twin.ts';
import type { TwinSection } from '../twin/twin-section.ts';

/** Marks an object of a twin as a component (IoT Plug and Play documentation, "Conventions"). */
const componentMark = '__t';

/**
 * A twin as a digital twin of its model: values that the device has reported, components apart, and
 * in `$metadata` what was asked for and how the device has answered (IoT Plug and Play documentation,
 * "Digital twin example").
 */
export function digitalTwin(deviceId: string, twin: Twin): JsonObject {
	const { desired, reported, modelId } = twin;
	const level = levelOf(
		{ values: desired.values, metadata: desired.metadata, version: desired.version },
		{ values: reported.values, metadata: reported.metadata, version: reported.version },
	);
	const names = componentNames(desired.values, reported.values);
	const components = names.map((name) => [
		name,
		levelOf(part(desired, name), part(reported, name)),
	]);
	const { $metadata, ...values } = level;
	return {
		$dtId: deviceId,
		...values,
		...Object.fromEntries(components),
		$metadata: { $model: modelId, ...asObject($metadata) },
	};
}

function componentNames(...levels: readonly JsonObject[]): string[] {
	const names = levels.flatMap((level) =>
		Object.entries(level).flatMap(([name, value]) => (isComponent(value) ? [name] : [])),
	);
	return [...new Set(names)].sort();
}

function part({ values, metadata, version }: TwinSection, name: string): TwinSection {
	return { values: asObject(values[name]), metadata: asObject(metadata[name]), version };
}

function levelOf(desired: TwinSection, reported: TwinSection): JsonObject {
	const values = new Map<string, JsonValue>();
	const metadata = new Map<string, JsonValue>();
	const names = new Set([...Object.keys(reported.values), ...Object.keys(desired.values)]);
	for (const name of [...names].sort()) {
		const said = reported.values[name];
		const wanted = desired.values[name];
		if (name === componentMark || isComponent(said) || isComponent(wanted)) continue;
		const answer = answerOf(said);
		const value = answer === undefined ? said : answer['value'];
		if (value !== undefined) values.set(name, value);
		metadata.set(name, {
			...(wanted === undefined
				? {}
				: { desiredValue: wanted, desiredVersion: desiredVersion(desired, name) }),
			...(answer === undefined ? {} : acknowledgement(answer)),
			lastUpdateTime: lastUpdated(said === undefined ? desired : reported, name),
		});
	}
	return { ...Object.fromEntries(values), $metadata: Object.fromEntries(metadata) };
}

/** How a device answers a desired property: `{value, ac, av, ad?}`. */
function answerOf(value: JsonValue | undefined): JsonObject | undefined {
	return isJsonObject(value) && 'value' in value && 'ac' in value && 'av' in value
		? value
		: undefined;
}

function acknowledgement({ ac, av, ad }: JsonObject): JsonObject {
	return {
		...(av === undefined ? {} : { ackVersion: av }),
		...(ac === undefined ? {} : { ackCode: ac }),
		...(ad === undefined ? {} : { ackDescription: ad }),
	};
}

function desiredVersion({ metadata, version }: TwinSection, name: string): JsonValue {
	return asObject(metadata[name])['$lastUpdatedVersion'] ?? version;
}

function lastUpdated({ metadata }: TwinSection, name: string): JsonValue {
	return asObject(metadata[name])['$lastUpdated'] ?? null;
}

function isComponent(value: JsonValue | undefined): value is JsonObject {
	return isJsonObject(value) && value[componentMark] === 'c';
}

function asObject(value: JsonValue | undefined): JsonObject {
	return isJsonObject(value) ? value : {};
}
