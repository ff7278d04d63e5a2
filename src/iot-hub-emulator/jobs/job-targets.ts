import type { Identity } from '../../protocol/identity.ts';
import { evaluate } from '../query/evaluate.ts';
import { type QuerySources, queryRows } from '../query/query-collections.ts';
import type { Expression } from '../query/query-syntax.ts';

/** Devices or modules whose twins fulfil a condition. */
export function matchingIdentities(
	hub: QuerySources,
	from: 'devices' | 'devices.modules',
	condition: Expression,
): Identity[] {
	const identities: Identity[] = [];
	for (const [, twin] of queryRows(hub, from)) {
		if (evaluate(condition, twin) !== true) continue;
		const { deviceId, moduleId } = twin as { deviceId: string; moduleId?: string };
		identities.push(moduleId === undefined ? { deviceId } : { deviceId, moduleId });
	}
	return identities;
}
