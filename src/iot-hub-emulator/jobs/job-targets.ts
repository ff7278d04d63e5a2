import type { Identity } from '../../protocol/identity.ts';
import type { Hub } from '../hub.ts';
import { evaluate } from '../query/evaluate.ts';
import { queryRows } from '../query/query-collections.ts';
import type { Expression } from '../query/query-syntax.ts';

/** Devices or modules whose twins fulfil a condition. */
export function matchingIdentities(
	hub: Hub,
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
