import { parseAuthChain } from '../../protocol/auth-chain.ts';
import { IotHubError } from '../iot-hub-error.ts';
import type { DeviceRecord } from './identity-record.ts';
import type { IdentityRegistry } from './identity-registry.ts';

/**
 * Reads an authentication chain `leaf;edge2;edge1`: from whom something is asked about up to the edge
 * hub that asks IoT Hub. Entries may name modules; every device must be a child of the next one.
 *
 * @param actor id of the edge device that asks
 * @returns the device at the chain's beginning
 * @throws IotHubError ArgumentInvalid, IotHubUnauthorizedAccess
 */
export function deviceAtChainStart(
	registry: IdentityRegistry,
	chain: unknown,
	actor: string,
): DeviceRecord {
	if (typeof chain !== 'string' || chain === '') {
		throw new IotHubError('ArgumentInvalid', 'The request has no authChain.');
	}
	const entries = (parseAuthChain(chain) ?? []).map(({ deviceId }) => deviceId);
	const ids = entries.filter((id, index) => id !== entries[index + 1]);
	const devices = ids.map((id) => registry.findDevice(id));
	const [first] = devices;
	const linked = devices.every((device, index) =>
		isChildOf(device, devices[index + 1], index, ids),
	);
	if (first !== undefined && linked && ids.at(-1) === actor) return first;
	throw new IotHubError('IotHubUnauthorizedAccess', 'The authChain does not lead to who asks.');
}

function isChildOf(
	device: DeviceRecord | undefined,
	parent: DeviceRecord | undefined,
	index: number,
	ids: readonly string[],
): boolean {
	if (device === undefined) return false;
	if (index === ids.length - 1) return true;
	return parent?.deviceScope !== undefined && device.parentScopes.includes(parent.deviceScope);
}
