import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';

/**
 * The spelling of members by the place they stand in: a nested object for a known member, `*` for
 * members with free names.
 */
export interface Spelling {
	readonly [member: string]: Spelling | null;
}

/**
 * A copy without nulls, whose known members have their canonical spelling. The agent of Azure IoT
 * Edge matches names without regard to case, and the portal writes null for what is absent. The
 * exact spelling wins where both occur.
 */
export function canonicalMembers(object: JsonObject, spelling: Spelling): JsonObject {
	const known = new Map(Object.keys(spelling).map((name) => [name.toLowerCase(), name]));
	const members = new Map<string, JsonValue>();
	for (const [name, value] of Object.entries(object)) {
		if (value === null || value === undefined) continue;
		const canonical = known.get(name.toLowerCase());
		if (canonical === undefined || canonical === '*') {
			members.set(name, deepen(value, spelling['*']));
		} else if (name === canonical || !Object.hasOwn(object, canonical)) {
			members.set(canonical, deepen(value, spelling[canonical]));
		}
	}
	return Object.fromEntries(members);
}

function deepen(value: JsonValue, spelling: Spelling | null | undefined): JsonValue {
	return isJsonObject(value) && spelling ? canonicalMembers(value, spelling) : value;
}
