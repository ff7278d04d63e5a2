import { EdgeError } from '../runtime/edge-error.ts';
import { encodeStrict } from './sas-token.ts';

/**
 * Reads the property bag at the end of an MQTT topic: `k=v&k2=v2`, percent-encoded. `k` and `k=`
 * both mean null; the last of several equal keys wins; a `/` ends the bag.
 *
 * @throws EdgeError EDGE_PROPERTY_BAG_INVALID for an empty key, a second bare `=`, a trailing `&`,
 * a broken percent sequence.
 */
export function parsePropertyBag(text: string): Map<string, string | null> {
	const slash = text.indexOf('/');
	const bag = slash < 0 ? text : text.slice(0, slash);
	const properties = new Map<string, string | null>();
	if (bag === '') return properties;
	for (const part of bag.split('&')) {
		const equals = part.indexOf('=');
		const key = equals < 0 ? part : part.slice(0, equals);
		const value = equals < 0 ? '' : part.slice(equals + 1);
		if (key === '') throw invalid('A property has no name.');
		if (value.includes('=')) throw invalid('A property value has a bare "=".');
		properties.set(decode(key), value === '' ? null : decode(value));
	}
	return properties;
}

function decode(text: string): string {
	if (!text.includes('%')) return text;
	try {
		return decodeURIComponent(text);
	} catch (cause) {
		throw invalid('A property is not percent-encoded as it should be.', cause);
	}
}

function invalid(message: string, cause?: unknown): EdgeError {
	return new EdgeError('EDGE_PROPERTY_BAG_INVALID', message, { cause });
}

/** The text that `parsePropertyBag` reads back. */
export function formatPropertyBag(entries: Iterable<readonly [string, string | null]>): string {
	const parts: string[] = [];
	for (const [key, value] of entries) {
		parts.push(value === null ? encodeStrict(key) : `${encodeStrict(key)}=${encodeStrict(value)}`);
	}
	return parts.join('&');
}
