import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';
import { memberPath } from './json-path.ts';
import type { Problem } from './problem.ts';

/**
 * A module's `env`: `{ NAME: { value } }` or, as some manifests have it, the bare value. Numbers
 * and booleans become their text, null the empty string.
 */
export function readEnvironment(
	env: JsonObject,
	path: string,
	problems: Problem[],
): ReadonlyMap<string, string> {
	const variables = new Map<string, string>();
	for (const [name, entry] of Object.entries(env)) {
		if (entry === undefined) continue;
		const place = memberPath(path, name);
		const value = variableValue(entry);
		if (isJsonObject(value) || Array.isArray(value)) {
			problems.push(wrongValue(place));
		} else if (value === undefined) {
			problems.push(noValue(place, entry));
		} else {
			variables.set(name, value === null ? '' : String(value));
		}
	}
	return variables;
}

function variableValue(entry: JsonValue): JsonValue | undefined {
	if (!isJsonObject(entry)) return entry;
	const name = Object.keys(entry).find((member) => member.toLowerCase() === 'value');
	return name === undefined ? undefined : entry[name];
}

function wrongValue(path: string): Problem {
	return {
		severity: 'error',
		code: 'EDGE_MANIFEST_FORM',
		path,
		message: 'The value of an environment variable is a list or an object.',
		remedy: 'Write a string, a number or a boolean; give structured values as JSON text.',
	};
}

function noValue(path: string, entry: JsonValue): Problem {
	const members = isJsonObject(entry) ? Object.keys(entry).slice(0, 5).join(', ') : '';
	return {
		severity: 'warning',
		code: 'EDGE_MANIFEST_MEMBER_UNKNOWN',
		path,
		message: `This environment variable has no "value"; it is left out.`,
		remedy: `Write \`{ "value": … }\`${members === '' ? '' : ` instead of ${members}`}.`,
	};
}
