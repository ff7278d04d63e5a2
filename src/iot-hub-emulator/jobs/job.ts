import { type MethodRequest, parseMethodRequest } from '../../protocol/direct-method.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { parseTargetCondition } from '../configuration/target-condition.ts';
import { IotHubError } from '../iot-hub-error.ts';
import type { Expression } from '../query/query-syntax.ts';

/** How far a job is (IoT Hub documentation, "Schedule jobs on multiple devices"). */
export type JobStatus = 'scheduled' | 'queued' | 'running' | 'completed' | 'failed' | 'cancelled';

/** A job on many devices, as it is kept and shown. */
export interface Job {
	readonly jobId: string;
	readonly type: 'scheduleDeviceMethod' | 'scheduleUpdateTwin';
	readonly queryCondition: string;
	readonly cloudToDeviceMethod?: JsonObject;
	readonly updateTwin?: JsonObject;
	/** ISO 8601, as all times here. */
	readonly createdTime: string;
	readonly startTime: string;
	readonly endTime?: string;
	readonly maxExecutionTimeInSeconds: number;
	readonly status: JobStatus;
	readonly failureReason?: string;
}

/** What one device, or module, has to do with a job. */
export interface DeviceJob {
	readonly jobId: string;
	readonly jobType: Job['type'];
	readonly deviceId: string;
	readonly moduleId?: string;
	readonly status: 'pending' | 'running' | 'completed' | 'failed' | 'canceled';
	readonly createdDateTimeUtc: string;
	readonly lastUpdatedDateTimeUtc: string;
	readonly startTimeUtc?: string;
	readonly endTimeUtc?: string;
	readonly outcome?: JsonObject;
	readonly error?: { readonly code: string; readonly description: string };
}

const defaultExecutionSeconds = 3600;

/**
 * Reads the body of `PUT /jobs/v2/{id}`.
 *
 * @throws IotHubError ArgumentInvalid; EdgeError EDGE_METHOD_INVALID
 */
export function jobFrom(jobId: string, body: unknown, now: number): Job {
	if (!/^[A-Za-z0-9\-_.:]{1,64}$/.test(jobId)) {
		throw invalid('the id is not 1 to 64 letters, digits and -_.:');
	}
	if (!isJsonObject(body)) throw invalid('the body is not a JSON object');
	const { type, queryCondition, cloudToDeviceMethod, updateTwin } = body;
	if (type !== 'scheduleDeviceMethod' && type !== 'scheduleUpdateTwin') {
		throw invalid('type is not scheduleDeviceMethod or scheduleUpdateTwin');
	}
	if (typeof queryCondition !== 'string') throw invalid('queryCondition is not a string');
	jobCondition(queryCondition);
	if (type === 'scheduleDeviceMethod') parseMethodRequest(cloudToDeviceMethod);
	else if (!isJsonObject(updateTwin)) throw invalid('updateTwin is not an object');
	return {
		jobId,
		type,
		queryCondition,
		...(isJsonObject(cloudToDeviceMethod) ? { cloudToDeviceMethod } : {}),
		...(isJsonObject(updateTwin) ? { updateTwin } : {}),
		createdTime: new Date(now).toISOString(),
		startTime: startTimeFrom(body['startTime'], now),
		maxExecutionTimeInSeconds: secondsFrom(body['maxExecutionTimeInSeconds']),
		status: 'queued',
	};
}

/** The method that a job calls. */
export function methodOf(job: Job): MethodRequest {
	return parseMethodRequest(job.cloudToDeviceMethod);
}

/** What a job runs on. @throws IotHubError ArgumentInvalid */
export function jobCondition(text: string): {
	readonly from: 'devices' | 'devices.modules';
	readonly condition: Expression;
} {
	const condition = text.trim().replace(/^(select\s+\*\s+)(?=from\s)/i, '');
	if (/^from\s+devices\.modules\b/i.test(condition)) {
		return {
			from: 'devices.modules',
			condition: parseTargetCondition(condition, 'moduleContent'),
		};
	}
	const bare = condition.replace(/^(from\s+devices\s+)?where\s+/i, '');
	return { from: 'devices', condition: parseTargetCondition(bare, 'deviceContent') };
}

/** Whether nothing more will come of a job or device job. */
export function isOver(status: JobStatus | DeviceJob['status']): boolean {
	return ['completed', 'failed', 'cancelled', 'canceled'].includes(status);
}

function startTimeFrom(value: unknown, now: number): string {
	if (value === undefined || value === null || value === '') return new Date(now).toISOString();
	const time = typeof value === 'string' ? Date.parse(value) : Number.NaN;
	if (Number.isNaN(time)) throw invalid('startTime is not an ISO 8601 time');
	return new Date(time).toISOString();
}

function secondsFrom(value: unknown): number {
	const seconds = value ?? defaultExecutionSeconds;
	if (typeof seconds === 'number' && Number.isInteger(seconds) && seconds > 0) return seconds;
	throw invalid('maxExecutionTimeInSeconds is not a whole number from 1 on');
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid job: ${message}.`);
}
