import type { HubNetwork } from '../../iot-hub-client/hub-network.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { AgentMethod } from './agent-methods.ts';
import { getModuleLogs, type ModuleLogsOptions } from './module-logs/module-logs.ts';
import { uploadModuleLogs } from './module-logs/upload-module-logs.ts';
import { reprovision } from './reprovision.ts';
import { type RestartModuleOptions, restartModule } from './restart-module.ts';
import { uploadSupportBundle } from './support-bundle/upload-support-bundle.ts';
import { getTaskStatus, type TaskTable } from './tasks/task-table.ts';

/** What the methods of `$edgeAgent` work on. */
export interface EdgeAgentMethodsOptions
	extends Omit<ModuleLogsOptions, 'client'>,
		RestartModuleOptions {
	readonly tasks: TaskTable;
	/** The way to the storage of uploads. */
	readonly network: HubNetwork;
	/** Asks DPS again; false where the device does not come from there. */
	readonly reprovision: () => boolean;
	/** How the edge is now, for support bundles. */
	readonly status: () => JsonValue;
}

/**
 * Every direct method of `$edgeAgent`. Source: Azure IoT Edge documentation, "Communicate with
 * edgeAgent using built-in direct methods". `Reprovision` is our own.
 */
export function edgeAgentMethods(options: EdgeAgentMethodsOptions): Record<string, AgentMethod> {
	return {
		ping: async () => null,
		RestartModule: restartModule(options),
		GetModuleLogs: getModuleLogs(options),
		UploadModuleLogs: uploadModuleLogs(options),
		UploadSupportBundle: uploadSupportBundle(options),
		GetTaskStatus: getTaskStatus(options.tasks),
		Reprovision: reprovision(options.reprovision),
	};
}
