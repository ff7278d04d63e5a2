import { compileBodyQuery, findInTwin } from '../../conditions/body-query.ts';
import { isJsonObject, type JsonObject, jsonText } from '../../runtime/json.ts';
import { listAt, type Misfits } from './misfits.ts';

/** An application property that messages to some endpoints get. */
export interface EnrichmentDocument {
	readonly key: string;
	/** A text, `$iothubname`, or a path into the sender's twin: `$twin.tags.site`. */
	readonly value: string;
	readonly endpointNames: readonly string[];
}

const maxEnrichments = 10;
const enrichmentKey = /^[A-Za-z0-9._-]+$/;
const twinPath = /^\$twin\.((?:tags|properties\.(?:desired|reported))\..+)$/i;

export function readEnrichments(
	document: JsonObject,
	endpoints: ReadonlySet<string>,
	misfits: Misfits,
): EnrichmentDocument[] {
	return listAt(document, 'enrichments', maxEnrichments, misfits).map((value, index) => {
		const entry = isJsonObject(value) ? value : {};
		const place = `enrichments[${index}]`;
		const key = jsonText(entry['key'] ?? '');
		if (!enrichmentKey.test(key)) {
			misfits.add(`${place}.key`, 'is not letters, digits, dots, dashes or underscores');
		}
		if (typeof entry['value'] !== 'string' || entry['value'] === '') {
			misfits.add(`${place}.value`, 'is not a text');
		}
		const given = entry['endpointNames'];
		const names = Array.isArray(given) ? given.map(jsonText) : [];
		if (names.length === 0 || names.some((name) => !endpoints.has(name))) {
			const known = [...endpoints].join(', ');
			misfits.add(`${place}.endpointNames`, `is not a list of some of the endpoints ${known}`);
		}
		return { key, value: jsonText(entry['value'] ?? ''), endpointNames: names };
	});
}

/**
 * The value that a message gets. A path that leads to nothing, or to more than one value, is stamped
 * as it is written (IoT Hub documentation, "Message enrichments").
 */
export function enrichedValue(
	value: string,
	{ hubName, twin }: { readonly hubName: string; readonly twin: JsonObject | undefined },
): string {
	if (value.toLowerCase() === '$iothubname') return hubName;
	const [, path] = twinPath.exec(value) ?? [];
	if (path === undefined || twin === undefined) return value;
	const query = compileBodyQuery(path);
	const found = 'fault' in query ? undefined : findInTwin(twin, query);
	return found === undefined || typeof found === 'object' ? value : jsonText(found);
}
