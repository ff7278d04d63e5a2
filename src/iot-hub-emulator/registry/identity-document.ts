import type { Activity } from '../connections/device-connections.ts';
import type { DeviceRecord, ModuleRecord } from './identity-record.ts';

/** What is known of an identity besides its record. */
export interface IdentityCircumstances extends Activity {
	/** Cloud-to-device messages that wait. */
	readonly messages: number;
}

/** A device as the identity registry's REST interface shows it. */
export function deviceDocument(device: DeviceRecord, circumstances: IdentityCircumstances) {
	return {
		deviceId: device.deviceId,
		generationId: device.generationId,
		etag: device.etag,
		connectionState: circumstances.connectionState,
		status: device.status,
		statusReason: device.statusReason,
		connectionStateUpdatedTime: circumstances.connectionStateUpdatedTime,
		statusUpdatedTime: device.statusUpdatedTime,
		lastActivityTime: circumstances.lastActivityTime,
		cloudToDeviceMessageCount: circumstances.messages,
		authentication: device.authentication,
		capabilities: device.capabilities,
		...(device.deviceScope === undefined ? {} : { deviceScope: device.deviceScope }),
		parentScopes: device.parentScopes,
	};
}

/** A module as the identity registry's REST interface shows it. */
export function moduleDocument(module: ModuleRecord, circumstances: IdentityCircumstances) {
	return {
		moduleId: module.moduleId,
		managedBy: module.managedBy,
		deviceId: module.deviceId,
		generationId: module.generationId,
		etag: module.etag,
		connectionState: circumstances.connectionState,
		connectionStateUpdatedTime: circumstances.connectionStateUpdatedTime,
		lastActivityTime: circumstances.lastActivityTime,
		cloudToDeviceMessageCount: circumstances.messages,
		authentication: module.authentication,
	};
}
