import { twinLimits } from '../../protocol/twin-validation.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';

/** Bytes of JSON that the document of `fitTwin` has at most: the limit of a twin, and some air. */
export const maxDocumentBytes = 30_000;

/** One way to make the document smaller, and what then stands in its `omitted` member. */
interface Saving {
	readonly note: string | undefined;
	readonly apply: (document: JsonObject) => JsonObject;
}

/** In the order in which they are tried; each keeps what those before it saved. */
const savings: readonly Saving[] = [
	{ note: undefined, apply: (document) => withShortDescriptions(document, 512) },
	{ note: undefined, apply: (document) => withShortDescriptions(document, 128) },
	{ note: 'createOptions, env', apply: withoutRepetition },
	{ note: 'createOptions, env, imageHash', apply: withoutImageHashes },
];

/**
 * Makes the reported properties of `$edgeAgent` fit a twin: texts of at most 4096 bytes, names that
 * IoT Hub takes, 32 KB in all. Descriptions are shortened first, then what merely repeats the
 * deployment is left out, at last the modules at the end; `omitted` says what is missing. Otherwise
 * one long text would make IoT Hub refuse the whole report.
 */
export function fitTwin(document: JsonObject): JsonObject {
	let fitted = asObject(withTwinTexts(document));
	for (const { note, apply } of savings) {
		if (fits(fitted)) return fitted;
		fitted = apply(fitted);
		if (note !== undefined) fitted = { ...fitted, omitted: note };
	}
	return fits(fitted) ? fitted : withFewerModules(fitted);
}

function fits(document: JsonObject): boolean {
	return sizeOf(document) <= maxDocumentBytes;
}

function sizeOf(value: JsonValue): number {
	return Buffer.byteLength(JSON.stringify(value));
}

/** Shortens every text that a twin would not take, and leaves out members whose names it would not. */
function withTwinTexts(value: JsonValue): JsonValue {
	if (typeof value === 'string') return shortened(value, twinLimits.maxValueBytes);
	if (Array.isArray(value)) return value.map(withTwinTexts);
	if (!isJsonObject(value)) return value;
	const members = Object.entries(value).filter(([name]) => isTwinName(name));
	return Object.fromEntries(members.map(([name, member]) => [name, withTwinTexts(member ?? null)]));
}

function isTwinName(name: string): boolean {
	return name !== '' && Buffer.byteLength(name) <= 1024 && !/[\p{Cc}\s.$#]/u.test(name);
}

function withShortDescriptions(document: JsonObject, maxBytes: number): JsonObject {
	const status = asObject(document['lastDesiredStatus']);
	return mapModules(
		{ ...document, lastDesiredStatus: shortMember(status, 'description', maxBytes * 4) },
		(module) => shortMember(module, 'statusDescription', maxBytes),
	);
}

function shortMember(object: JsonObject, name: string, maxBytes: number): JsonObject {
	const text = object[name];
	return typeof text === 'string' ? { ...object, [name]: shortened(text, maxBytes) } : object;
}

function withoutRepetition(document: JsonObject): JsonObject {
	return mapModules(document, ({ env: _, ...module }) => ({
		...module,
		settings: without(asObject(module['settings']), (name) => /^createOptions/i.test(name)),
	}));
}

function withoutImageHashes(document: JsonObject): JsonObject {
	return mapModules(document, (module) => ({
		...module,
		settings: without(asObject(module['settings']), (name) => name === 'imageHash'),
	}));
}

function withFewerModules(document: JsonObject): JsonObject {
	const modules = Object.entries(asObject(document['modules']));
	const total = modules.length;
	let room = maxDocumentBytes - sizeOf({ ...document, modules: {} }) - 200;
	const kept = modules.filter(([name, module]) => {
		room -= sizeOf({ [name]: module ?? null });
		return room >= 0;
	});
	const missing = `${total - kept.length} of ${total} modules`;
	return {
		...document,
		modules: Object.fromEntries(kept),
		omitted: `${document['omitted']}, ${missing}`,
	};
}

function mapModules(document: JsonObject, change: (module: JsonObject) => JsonObject): JsonObject {
	const mapped = (section: JsonValue | undefined) =>
		Object.fromEntries(
			Object.entries(asObject(section)).map(([name, module]) => [name, change(asObject(module))]),
		);
	return {
		...document,
		systemModules: mapped(document['systemModules']),
		modules: mapped(document['modules']),
	};
}

function without(object: JsonObject, isLeftOut: (name: string) => boolean): JsonObject {
	return Object.fromEntries(Object.entries(object).filter(([name]) => !isLeftOut(name)));
}

/** At most so many bytes, cut at the end of a character and marked as cut. */
function shortened(text: string, maxBytes: number): string {
	if (Buffer.byteLength(text) <= maxBytes) return text;
	const mark = '…';
	const cut = Buffer.from(text).subarray(0, maxBytes - Buffer.byteLength(mark));
	return `${new TextDecoder().decode(cut).replace(/\uFFFD$/, '')}${mark}`;
}

function asObject(value: JsonValue | undefined): JsonObject {
	return isJsonObject(value) ? value : {};
}
