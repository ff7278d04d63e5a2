import type { Identity } from '../../protocol/identity.ts';
import type { JsonObject } from '../../runtime/json.ts';
import { type CircumstanceSources, circumstancesOf } from '../registry/identity-circumstances.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import type { Twin } from './twin.ts';
import { twinDocument } from './twin-document.ts';
import type { Twins } from './twins.ts';

/** Parts of the hub that know something of a twin. */
export interface TwinSources extends CircumstanceSources {
	readonly registry: IdentityRegistry;
	readonly twins: Twins;
	readonly configurations: {
		readonly statusOf: (identity: Identity) => Parameters<typeof twinDocument>[1]['configurations'];
	};
}

/**
 * The twin of an identity with all that the hub knows of it, as services read and query it.
 *
 * @throws IotHubError DeviceNotFound, ModuleNotFound
 */
export function hubTwinDocument(
	hub: TwinSources,
	identity: Identity,
	twin: Twin = hub.twins.get(identity),
): JsonObject {
	const { deviceId, moduleId } = identity;
	const { messages, ...activity } = circumstancesOf(hub, identity);
	const document = twinDocument(twin, {
		device: hub.registry.device(deviceId),
		...(moduleId === undefined ? {} : { module: hub.registry.module({ deviceId, moduleId }) }),
		activity,
		messages,
		configurations: hub.configurations.statusOf(identity),
	});
	// All of it is JSON, read-only or not.
	return document as unknown as JsonObject;
}
