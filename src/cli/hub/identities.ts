import type * as iothub from 'azure-iothub';
import { formatConnectionString } from '../../protocol/connection-string.ts';
import { exitCode } from '../exit-code.ts';
import { plainText } from '../plain-text.ts';
import type { Terminal } from '../terminal.ts';
import type { HubOptions } from './hub-access.ts';
import { printResult, type ResultOptions } from './hub-result.ts';
import { asked, type HubSession, openHub, targetOf, understood } from './hub-session.ts';

const pageSize = 100;

/** A row of a query on devices. */
interface ListedDevice {
	readonly deviceId: string;
	readonly status: string;
	readonly connectionState: string;
	readonly lastActivityTime: string;
	readonly capabilities?: { readonly iotEdge?: boolean };
}

/** Lists all devices. */
export async function listDevices(
	options: HubOptions & ResultOptions,
	terminal: Terminal,
): Promise<number> {
	const { registry } = await openHub(options);
	const fields = 'deviceId, status, connectionState, lastActivityTime, capabilities';
	const query = registry.createQuery(`SELECT ${fields} FROM devices`, pageSize);
	const devices: ListedDevice[] = [];
	while (query.hasMoreResults) {
		const { result } = await understood(query.next());
		devices.push(...(result as unknown as ListedDevice[]));
	}
	const headings = ['DEVICE', 'EDGE', 'STATUS', 'CONNECTION', 'LAST ACTIVITY'];
	const rows = devices.map((device) => [
		device.deviceId,
		device.capabilities?.iotEdge === true ? 'yes' : '',
		device.status,
		device.connectionState,
		activity(device.lastActivityTime),
	]);
	printResult(devices, { headings, rows }, options, terminal);
	return exitCode.ok;
}

/** IoT Hub's year 1 means never. */
function activity(time: string): string {
	return time.startsWith('0001') ? '' : time.replace(/\.\d+Z?$/, 'Z');
}

/** Shows a device or module, with its connection string. */
export async function showIdentity(
	id: string,
	options: HubOptions & ResultOptions,
	terminal: Terminal,
): Promise<number> {
	const hub = await openHub(options);
	const { deviceId, moduleId } = targetOf(id);
	const identity =
		moduleId === undefined
			? await asked(hub.registry.get(deviceId))
			: await asked(hub.registry.getModule(deviceId, moduleId));
	printIdentity(hub, identity, options, terminal);
	return exitCode.ok;
}

/** Creates a device or module with generated keys. */
export async function createIdentity(
	id: string,
	options: HubOptions & ResultOptions & { readonly edge?: boolean; readonly parent?: string },
	terminal: Terminal,
): Promise<number> {
	const hub = await openHub(options);
	const { deviceId, moduleId } = targetOf(id);
	if (moduleId === undefined) await createDevice(hub, deviceId, options);
	else await asked(hub.registry.addModule({ deviceId, moduleId }));
	return showIdentity(id, options, terminal);
}

async function createDevice(
	{ registry }: HubSession,
	deviceId: string,
	{ edge = false, parent }: { readonly edge?: boolean; readonly parent?: string },
): Promise<void> {
	const scope = parent === undefined ? undefined : await scopeOf(registry, parent);
	const parents = edge ? { parentScopes: [scope] } : { deviceScope: scope };
	await asked(
		registry.create({
			deviceId,
			status: 'enabled',
			capabilities: { iotEdge: edge },
			...(scope === undefined ? {} : parents),
		} as iothub.Registry.DeviceDescription),
	);
}

/** The SDK hands on the scope but does not know of it. */
async function scopeOf(registry: iothub.Registry, deviceId: string): Promise<string | undefined> {
	const device: object = await asked(registry.get(deviceId));
	const scope: unknown = Reflect.get(device, 'deviceScope');
	return typeof scope === 'string' ? scope : undefined;
}

/** Deletes devices or modules. */
export async function deleteIdentities(
	ids: readonly string[],
	options: HubOptions & ResultOptions,
	terminal: Terminal,
): Promise<number> {
	const { registry } = await openHub(options);
	for (const id of ids) {
		const { deviceId, moduleId } = targetOf(id);
		if (moduleId === undefined) await understood(registry.delete(deviceId));
		else await understood(registry.removeModule(deviceId, moduleId));
	}
	const rows = ids.map((id) => [plainText(id)]);
	printResult({ deleted: ids }, { headings: ['DELETED'], rows }, options, terminal);
	return exitCode.ok;
}

/** Lists the modules of a device. */
export async function listModules(
	deviceId: string,
	options: HubOptions & ResultOptions,
	terminal: Terminal,
): Promise<number> {
	const { registry } = await openHub(options);
	const modules = await asked(registry.getModulesOnDevice(deviceId));
	const rows = modules.map((module) => [
		module.moduleId,
		module.managedBy ?? '',
		module.connectionState ?? '',
		activity(module.lastActivityTime ?? '0001'),
	]);
	const headings = ['MODULE', 'MANAGED BY', 'CONNECTION', 'LAST ACTIVITY'];
	printResult(modules, { headings, rows }, options, terminal);
	return exitCode.ok;
}

function printIdentity(
	{ access: { hostName } }: HubSession,
	identity: iothub.Device | iothub.Module,
	options: ResultOptions,
	terminal: Terminal,
): void {
	const { deviceId, authentication } = identity;
	const moduleId = 'moduleId' in identity ? identity.moduleId : undefined;
	const { type, symmetricKey }: { type?: string; symmetricKey?: { primaryKey?: string } } =
		authentication ?? {};
	const { primaryKey } = symmetricKey ?? {};
	const connectionString = primaryKey
		? formatConnectionString({
				hostName,
				deviceId,
				...(moduleId === undefined ? {} : { moduleId }),
				sharedAccessKey: primaryKey,
			})
		: '';
	const shown = {
		deviceId,
		...(moduleId === undefined ? {} : { moduleId }),
		...('status' in identity ? { status: identity.status } : {}),
		connectionState: identity.connectionState,
		...('capabilities' in identity ? { iotEdge: identity.capabilities?.iotEdge === true } : {}),
		authentication: type,
		generationId: identity.generationId,
		connectionString,
	};
	const rows = Object.entries(shown).map(([name, value]) => [name, String(value ?? '')]);
	printResult(shown, { headings: ['MEMBER', 'VALUE'], rows }, options, terminal);
}
