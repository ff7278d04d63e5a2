import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';

const hidden = '<hidden>';

/** Names of values that are secrets, e.g. of environment variables. */
const secretName =
	/passw|secret|token|credential|connection_?string|shared_?access|access_?key|api_?key|private_?key|sas_?url/i;

/** Secrets within texts; what the first group holds stays. */
const secretTexts: readonly RegExp[] = [
	/(SharedAccessKey\s*=\s*)[^;"'\s]+/gi,
	/(AccountKey\s*=\s*)[^;"'\s]+/gi,
	/([?&\s]sig=)[^&"'\s]+/gi,
	/(\bBearer\s+)[A-Za-z0-9._~+/=-]{16,}/gi,
	/(-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----)[\s\S]*?(?=-----END)/g,
	/(\/\/[^\s:@/]+:)[^\s@/]+(?=@)/g,
];

/** A text without the keys, signatures and passwords that can be told from their form. */
export function redactedText(text: string): string {
	return secretTexts.reduce((rest, pattern) => rest.replace(pattern, `$1${hidden}`), text);
}

/**
 * JSON without secrets: members and environment variables with the name of a secret lose their
 * value, all other texts what `redactedText` takes out.
 */
export function redactedJson(value: JsonValue): JsonValue {
	if (typeof value === 'string') return redactedText(value);
	if (Array.isArray(value)) return value.map(redactedJson);
	return isJsonObject(value) ? redactedObject(value) : value;
}

function redactedObject(object: JsonObject): JsonObject {
	const named = object['name'];
	const isSecretVariable =
		typeof named === 'string' && secretName.test(named) && typeof object['value'] === 'string';
	const members = Object.entries(object).map(([name, value]): [string, JsonValue] => {
		const isText = typeof value === 'string';
		if (isText && (secretName.test(name) || (name === 'value' && isSecretVariable))) {
			return [name, hidden];
		}
		return [name, redactedJson(value ?? null)];
	});
	return Object.fromEntries(members);
}
