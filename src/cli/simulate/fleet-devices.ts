import type * as iothub from 'azure-iothub';
import { formatConnectionString } from '../../protocol/connection-string.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { asked, type HubSession } from '../hub/hub-session.ts';

/** How devices of fleets are found or made. */
export interface FleetDevicesOptions {
	readonly deviceIds: readonly string[];
	/** The edge device above them. */
	readonly parent?: string;
	/** Host, with its port where it is not 8883, of the edge hub they connect to. */
	readonly gateway?: string;
}

/** Requests to the registry at the same time. */
const atOnce = 10;

/**
 * Connection strings of devices by id; those that the hub does not know are created. They hold
 * secrets.
 *
 * @throws EdgeError as `asked`
 */
export async function fleetDevices(
	{ registry, access: { hostName } }: HubSession,
	{ deviceIds, parent, gateway }: FleetDevicesOptions,
): Promise<Map<string, string>> {
	const scope = parent === undefined ? undefined : scopeOf(await asked(registry.get(parent)));
	const strings = new Map<string, string>();
	const queue = deviceIds.values();
	const worker = async () => {
		for (const deviceId of queue) {
			const device = await findOrCreate(registry, deviceId, scope);
			const sharedAccessKey = device.authentication?.symmetricKey?.primaryKey;
			if (!sharedAccessKey) {
				const message = 'The device has no symmetric key.';
				throw new EdgeError('EDGE_HUB_REFUSED', message, { where: deviceId });
			}
			const direct = { hostName, deviceId, sharedAccessKey };
			const through = gateway === undefined ? {} : { gatewayHostName: gateway };
			strings.set(deviceId, formatConnectionString({ ...direct, ...through }));
		}
	};
	await Promise.all(Array.from({ length: atOnce }, worker));
	return strings;
}

async function findOrCreate(
	registry: iothub.Registry,
	deviceId: string,
	deviceScope: string | undefined,
): Promise<iothub.Device> {
	const found = await registry.get(deviceId).catch((error: unknown) => {
		if (Reflect.get(Object(error), 'name') === 'DeviceNotFoundError') return undefined;
		throw error;
	});
	if (found !== undefined) return found.responseBody;
	const scope = deviceScope === undefined ? {} : { deviceScope };
	return asked(registry.create({ deviceId, status: 'enabled', ...scope }));
}

function scopeOf(device: object): string | undefined {
	const scope: unknown = Reflect.get(device, 'deviceScope');
	return typeof scope === 'string' ? scope : undefined;
}
