import type { DeviceRecord, ModuleRecord } from './identity-record.ts';
import type { IdentityRegistry } from './identity-registry.ts';

/** A part of an edge device's scope. */
export interface ScopePage {
	readonly devices: readonly DeviceRecord[];
	/** All modules of these devices. */
	readonly modules: readonly ModuleRecord[];
	/** Where the next page begins; absent on the last one. */
	readonly next?: string;
}

/** Where a page begins, and how long it is. */
export interface ScopeCursor {
	readonly size: number;
	/** Id of the last device of the page before. */
	readonly after: string;
}

/** Some of the devices of a scope, in order of their ids. */
export function scopePage(
	registry: IdentityRegistry,
	devices: Iterable<DeviceRecord>,
	{ size, after }: ScopeCursor,
): ScopePage {
	const rest = [...devices]
		.filter((device) => device.deviceId > after)
		.sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1));
	const page = rest.slice(0, size);
	const last = page.at(-1);
	return {
		devices: page,
		modules: page.flatMap((device) => registry.modules(device.deviceId)),
		...(rest.length > size && last !== undefined ? { next: last.deviceId } : {}),
	};
}

/** An edge device and those that have it as their parent; what is below these is in their own scopes. */
export function scopeChildren(registry: IdentityRegistry, edge: DeviceRecord): DeviceRecord[] {
	return [edge, ...(childrenByScope(registry).get(edge.deviceScope ?? '') ?? [])];
}

/** Everything below an edge device by device id, itself included. */
export function scopeMembers(
	registry: IdentityRegistry,
	edge: DeviceRecord,
): Map<string, DeviceRecord> {
	const children = childrenByScope(registry);
	const members = new Map<string, DeviceRecord>();
	const open = [edge];
	for (let device = open.pop(); device !== undefined; device = open.pop()) {
		if (members.has(device.deviceId)) continue;
		members.set(device.deviceId, device);
		const { capabilities, deviceScope } = device;
		if (capabilities.iotEdge && deviceScope) open.push(...(children.get(deviceScope) ?? []));
	}
	return members;
}

function childrenByScope(registry: IdentityRegistry): Map<string, DeviceRecord[]> {
	const children = new Map<string, DeviceRecord[]>();
	for (const device of registry.devices()) {
		for (const scope of device.parentScopes) {
			const siblings = children.get(scope) ?? [];
			siblings.push(device);
			children.set(scope, siblings);
		}
	}
	return children;
}
