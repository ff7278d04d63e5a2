import type { Identity } from '../../protocol/identity.ts';
import type { Hub } from '../hub.ts';
import type { IdentityCircumstances } from './identity-document.ts';

/** What the hub knows of an identity besides its record. */
export function circumstancesOf(hub: Hub, identity: Identity): IdentityCircumstances {
	const messages = identity.moduleId === undefined ? hub.cloudToDevice.count(identity.deviceId) : 0;
	return { ...hub.connections.activity(identity), messages };
}
