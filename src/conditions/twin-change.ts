import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import { type BodyQuery, compileBodyQuery, findInBody } from './body-query.ts';
import type { Expression } from './expression.ts';
import type { Evaluate } from './static-type.ts';

/** The function that asks a change of a twin what it is about; only routes of such changes know it. */
export const twinChangeFunction = 'twin_change_includes';

/** What a twin has: sections that a change can be about. */
const sections = ['properties.reported.', 'properties.desired.', 'tags.'];
const reported = 'properties.reported.';

/**
 * Compiles `twin_change_includes(properties.reported.x)`: whether a change touches what the path names
 * (IoT Hub documentation, "Message routing query syntax").
 *
 * @returns undefined for what is no path into a twin
 */
export function compileTwinChangeIncludes(given: readonly Expression[]): Evaluate | undefined {
	const [argument] = given;
	if (given.length !== 1 || argument?.kind !== 'property') return undefined;
	const path = argument.name;
	const section = sections.find((each) => path.toLowerCase().startsWith(each));
	const query = compileBodyQuery(path);
	if (section === undefined || 'fault' in query) return undefined;
	const below = section === reported ? query.slice(2) : undefined;
	return ({ body }) => (body === undefined ? undefined : includes(body, query, below));
}

/** A change at the edge is the patch of reported properties itself, without what it lies in. */
function includes(body: JsonObject, query: BodyQuery, below: BodyQuery | undefined): boolean {
	const whole = isJsonObject(body['properties']) || isJsonObject(body['tags']);
	const path = whole ? query : below;
	return path !== undefined && findInBody(body, path) !== undefined;
}
