import type { Activity } from '../connections/device-connections.ts';
import { etagOfCounter } from '../registry/etag.ts';
import type { DeviceRecord, ModuleRecord } from '../registry/identity-record.ts';
import { never } from '../registry/identity-record.ts';
import type { Twin } from './twin.ts';
import { sectionWithMetadata } from './twin-section.ts';

/** What a twin document shows besides the twin. */
export interface TwinOwner {
	readonly device: DeviceRecord;
	/** Absent for a device's own twin. */
	readonly module?: ModuleRecord;
	readonly activity: Activity;
	/** Cloud-to-device messages that wait. */
	readonly messages: number;
	/** Automatic configurations that target it, by id. */
	readonly configurations: Readonly<Record<string, { readonly status: string }>>;
}

/** A twin as the service's REST interface shows it. */
export function twinDocument(twin: Twin, owner: TwinOwner) {
	const { device, module, activity, messages, configurations } = owner;
	const record = module ?? device;
	return {
		deviceId: record.deviceId,
		...(module === undefined ? {} : { moduleId: module.moduleId }),
		etag: etagOfCounter(twin.serviceVersion),
		deviceEtag: record.etag,
		status: device.status,
		statusUpdateTime: utc(module === undefined ? device.statusUpdatedTime : never),
		connectionState: activity.connectionState,
		lastActivityTime: utc(activity.lastActivityTime),
		cloudToDeviceMessageCount: messages,
		authenticationType: record.authentication.type,
		x509Thumbprint: record.authentication.x509Thumbprint,
		modelId: twin.modelId,
		version: twin.version,
		tags: twin.tags,
		properties: {
			desired: sectionWithMetadata(twin.desired),
			reported: sectionWithMetadata(twin.reported),
		},
		...(Object.keys(configurations).length === 0 ? {} : { configurations }),
		...(module === undefined ? deviceMembers(device) : {}),
	};
}

/** Twins write every time with its zone, identities leave it out of `never`. */
function utc(time: string): string {
	return time === never ? `${never}Z` : time;
}

function deviceMembers(device: DeviceRecord) {
	return {
		capabilities: device.capabilities,
		...(device.deviceScope === undefined ? {} : { deviceScope: device.deviceScope }),
		...(device.parentScopes.length === 0 ? {} : { parentScopes: device.parentScopes }),
	};
}
