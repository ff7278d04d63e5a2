import type { Identity } from '../../protocol/identity.ts';
import type { JsonObject } from '../../runtime/json.ts';
import { asIotHubError } from '../iot-hub-error.ts';
import type { DirectMethods } from '../methods/direct-methods.ts';
import type { Twins } from '../twin/twins.ts';
import { type DeviceJob, type Job, methodOf } from './job.ts';

/** Parts of the hub that reach devices. */
export interface DeviceJobServices {
	readonly methods: DirectMethods;
	readonly twins: Twins;
}

/** Does a job's work on one device or module. What goes wrong is part of the result. */
export async function runDeviceJob(
	hub: DeviceJobServices,
	job: Job,
	{ deviceId, moduleId }: Identity,
	signal: AbortSignal,
): Promise<Pick<DeviceJob, 'status' | 'outcome' | 'error'>> {
	const identity = moduleId === undefined ? { deviceId } : { deviceId, moduleId };
	try {
		if (job.type === 'scheduleDeviceMethod') {
			const response = await hub.methods.invoke(identity, methodOf(job), signal);
			return { status: 'completed', outcome: { deviceMethodResponse: { ...response } } };
		}
		updateTwin(hub, identity, job.updateTwin ?? {});
		return { status: 'completed' };
	} catch (error) {
		const { code, message } = asIotHubError(error);
		return { status: 'failed', error: { code, description: message } };
	}
}

/** The SDKs put the tag that a twin must have into the body. */
function updateTwin(
	hub: DeviceJobServices,
	identity: Identity,
	{ etag, ...patch }: JsonObject,
): void {
	hub.twins.patch(identity, patch, typeof etag === 'string' ? etag : undefined);
}
