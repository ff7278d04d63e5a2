import type { Deployment } from '../../manifest/deployment.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { ModuleStatus } from '../status/module-status.ts';

/** `ModuleDetails` of every module of a deployment. Source: Azure/iotedge, "edgelet/api". */
export function moduleDetails(
	deployment: Deployment | undefined,
	statuses: ReadonlyMap<string, ModuleStatus> | undefined,
): JsonValue[] {
	return (deployment?.modules ?? []).map((module) => ({
		id: 'id',
		name: module.name,
		type: 'docker',
		config: { settings: { image: module.image }, env: [] },
		status: statusOf(statuses?.get(module.name)),
	}));
}

function statusOf(status: ModuleStatus | undefined): JsonObject {
	const { lastStartTimeUtc, lastExitTimeUtc, exitCode = 0 } = status ?? {};
	return {
		...(lastStartTimeUtc === undefined ? {} : { startTime: lastStartTimeUtc }),
		...(lastExitTimeUtc === undefined
			? {}
			: { exitStatus: { exitTime: lastExitTimeUtc, statusCode: String(exitCode) } }),
		runtimeStatus: { status: status?.runtimeStatus ?? 'unknown' },
	};
}
