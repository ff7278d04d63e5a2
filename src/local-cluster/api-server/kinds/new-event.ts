import type { JsonObject } from '../../../runtime/json.ts';
import type { KeptAs, ResourceKind } from './resource-kind.ts';

/** Members of an Event of `events.k8s.io/v1`, and what the core group calls them. */
const names: ReadonlyMap<string, string> = new Map([
	['note', 'message'],
	['regarding', 'involvedObject'],
	['reportingController', 'reportingComponent'],
	['deprecatedSource', 'source'],
	['deprecatedFirstTimestamp', 'firstTimestamp'],
	['deprecatedLastTimestamp', 'lastTimestamp'],
	['deprecatedCount', 'count'],
]);

const oldNames = new Map([...names].map(([name, old]) => [old, name]));

/** Events of the newer group, kept as those of the core group. */
export function newEventOf(kind: ResourceKind): KeptAs {
	return {
		kind,
		toKept: (event) => ({ ...renamed(event, names), apiVersion: 'v1' }),
		fromKept: (event) => ({ ...renamed(event, oldNames), apiVersion: 'events.k8s.io/v1' }),
		selector: (text) =>
			text
				.replace(/\bregarding\./g, 'involvedObject.')
				.replace(/\breportingController\b/g, 'reportingComponent'),
	};
}

function renamed(event: JsonObject, words: ReadonlyMap<string, string>): JsonObject {
	const members = Object.entries(event);
	return Object.fromEntries(members.map(([name, value]) => [words.get(name) ?? name, value]));
}
