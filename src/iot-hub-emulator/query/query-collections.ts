import { identityKey } from '../../protocol/identity.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Hub } from '../hub.ts';
import { hubTwinDocument } from '../twin/hub-twin-document.ts';
import type { Collection } from './query-syntax.ts';
import type { KeyedRow } from './run-query.ts';

/** The rows of what a query reads from, in order of their keys; made as they are read. */
export function queryRows(hub: Hub, from: Collection): Iterable<KeyedRow> {
	if (from === 'devices') return deviceRows(hub);
	return from === 'devices.modules' ? moduleRows(hub) : hub.jobs.queryRows();
}

function* deviceRows(hub: Hub): Generator<KeyedRow> {
	for (const { deviceId } of hub.registry.devices()) {
		yield [deviceId, hubTwinDocument(hub, { deviceId })];
	}
}

function* moduleRows(hub: Hub): Generator<KeyedRow> {
	for (const { deviceId, moduleId } of hub.registry.allModules()) {
		const identity = { deviceId, moduleId };
		yield [identityKey(identity), hubTwinDocument(hub, identity) satisfies JsonObject];
	}
}
