import type { RegistryIdentity } from '../../iot-hub-client/registry-identity.ts';
import type { Identity } from '../../protocol/identity.ts';

/** Edge devices above each other; IoT Hub allows five. */
const maxLayers = 6;

/**
 * The way from an identity up to this edge device: `[module, device, parent, …, this edge device]`.
 * A device whose parent nobody names, but which is in the scope, is taken as a child of this one.
 *
 * @returns undefined where the way does not lead here
 */
export function chainTo(
	edgeDeviceId: string,
	identity: Identity,
	get: (identity: Identity) => RegistryIdentity | undefined,
): readonly Identity[] | undefined {
	if (get(identity) === undefined) return undefined;
	const chain: Identity[] = identity.moduleId === undefined ? [] : [identity];
	let deviceId = identity.deviceId;
	for (let layer = 0; layer <= maxLayers; layer += 1) {
		chain.push({ deviceId });
		if (deviceId === edgeDeviceId) return chain;
		const parent = parentOf(get({ deviceId }), edgeDeviceId);
		if (parent === undefined) return undefined;
		const opened = get({ deviceId: parent.deviceId })?.deviceScope;
		// The scope of an edge device that was deleted and made again is another one.
		if (opened !== undefined && parent.scope !== undefined && opened !== parent.scope) {
			return undefined;
		}
		deviceId = parent.deviceId;
	}
	return undefined;
}

function parentOf(
	device: RegistryIdentity | undefined,
	edgeDeviceId: string,
): { readonly deviceId: string; readonly scope?: string } | undefined {
	if (device === undefined) return undefined;
	const scope = parentScopeOf(device);
	if (scope === undefined) return { deviceId: edgeDeviceId };
	const deviceId = /^ms-azure-iot-edge:\/\/(.+)-[^-]+$/.exec(scope)?.[1];
	return deviceId === undefined ? undefined : { deviceId, scope };
}

/** Of an edge device `deviceScope` is the scope that it opens, of any other one the scope it is in. */
function parentScopeOf(device: RegistryIdentity): string | undefined {
	const [first] = device.parentScopes;
	return first ?? (device.edgeCapable ? undefined : device.deviceScope);
}
