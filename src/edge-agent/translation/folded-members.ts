import { memberPath } from '../../manifest/json-path.ts';
import { suggestion } from '../../manifest/nearest-name.ts';
import type { ErrorCode } from '../../runtime/edge-error.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { ModuleProblems } from './module-problems.ts';

/**
 * The known members of an object under their canonical names, found without regard to case; nulls
 * are left out, others are reported as unknown.
 */
export function foldedMembers<Name extends string>(
	object: JsonObject,
	names: readonly Name[],
	path: string,
	problems: ModuleProblems,
	code: ErrorCode,
): ReadonlyMap<Name, JsonValue> {
	const members = new Map<Name, JsonValue>();
	for (const [name, value] of Object.entries(object)) {
		if (value === null || value === undefined) continue;
		const known = names.find((one) => one.toLowerCase() === name.toLowerCase());
		if (known !== undefined) {
			members.set(known, value);
			continue;
		}
		const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
		problems.warn(
			code,
			memberPath(path, name),
			`"${shown}" is unknown here; it has no effect.`,
			suggestion(name, names) || `Known here: ${names.join(', ')}.`,
		);
	}
	return members;
}
