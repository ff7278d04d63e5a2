import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';

/** Members that the Kubernetes API takes as numbers. */
const numbers = new Set([
	'averageUtilization',
	'defaultMode',
	'expirationSeconds',
	'failureThreshold',
	'initialDelaySeconds',
	'maxSkew',
	'minDomains',
	'mode',
	'periodSeconds',
	'stabilizationWindowSeconds',
	'successThreshold',
	'terminationGracePeriodSeconds',
	'timeoutSeconds',
	'tolerationSeconds',
	'weight',
]);
/** Members that it takes as a number or a text: a port or its name, a count or a percentage. */
const numbersOrTexts = new Set(['maxSurge', 'maxUnavailable', 'minAvailable', 'port']);
const booleans = new Set(['optional', 'readOnly']);
/** Quantities: texts, which people write as numbers. */
const texts = new Set(['averageValue', 'divisor', 'sizeLimit', 'storage']);
/** Objects whose members are the author's own names, with texts for values. */
const labels = new Set([
	'annotations',
	'labels',
	'matchLabels',
	'nodeSelector',
	'volumeAttributes',
]);

/**
 * A part of a Kubernetes object as the API takes it: tools that write manifests make strings of
 * numbers and booleans, and null of what is absent, which the API refuses.
 */
export function apiValue(value: JsonValue): JsonValue {
	if (Array.isArray(value)) return value.map(apiValue);
	return isJsonObject(value) ? apiObject(value) : value;
}

/** As `apiValue`. */
export function apiObject(object: JsonObject): JsonObject {
	const members = Object.entries(object).filter(([, value]) => value !== null);
	return Object.fromEntries(members.map(([name, value]) => [name, apiMember(name, value)]));
}

function apiMember(name: string, value: JsonValue | undefined): JsonValue | undefined {
	if (isJsonObject(value)) return labels.has(name) ? textMembers(value) : apiObject(value);
	if (Array.isArray(value)) return value.map(apiValue);
	if (booleans.has(name)) return jsonText(value).toLowerCase() === 'true';
	if (texts.has(name)) return jsonText(value);
	const isNumeric = /^\s*-?\d+\s*$/.test(jsonText(value));
	return isNumeric && (numbers.has(name) || numbersOrTexts.has(name)) ? Number(value) : value;
}

/** An object whose scalar values are texts, as those of labels and annotations are. */
export function textMembers(object: JsonObject): Record<string, string> {
	const scalars = Object.entries(object).filter(([, value]) => {
		return value !== null && value !== undefined && typeof value !== 'object';
	});
	return Object.fromEntries(scalars.map(([name, value]) => [name, jsonText(value)]));
}
