import type { Identity } from '../../protocol/identity.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Hub } from '../hub.ts';
import { asIotHubError } from '../iot-hub-error.ts';
import { type DeviceJob, type Job, methodOf } from './job.ts';

/** Does a job's work on one device or module. What goes wrong is part of the result. */
export async function runDeviceJob(
	hub: Hub,
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
function updateTwin(hub: Hub, identity: Identity, { etag, ...patch }: JsonObject): void {
	hub.twins.patch(identity, patch, typeof etag === 'string' ? etag : undefined);
}
