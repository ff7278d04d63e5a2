import type { Identity } from '../../protocol/identity.ts';
import type { CloudToDeviceQueues } from '../cloud-to-device/cloud-to-device-queues.ts';
import type { DeviceConnections } from '../connections/device-connections.ts';
import type { IdentityCircumstances } from './identity-document.ts';

/** Parts of the hub that see identities at work. */
export interface CircumstanceSources {
	readonly cloudToDevice: CloudToDeviceQueues;
	readonly connections: DeviceConnections;
}

/** What the hub knows of an identity besides its record. */
export function circumstancesOf(
	hub: CircumstanceSources,
	identity: Identity,
): IdentityCircumstances {
	const messages = identity.moduleId === undefined ? hub.cloudToDevice.count(identity.deviceId) : 0;
	return { ...hub.connections.activity(identity), messages };
}
