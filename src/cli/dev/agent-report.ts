import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import type { EdgeSnapshot, ModuleSnapshot } from './edge-snapshot.ts';
import type { HubCounts } from './hub-counters.ts';

/** Both halves of the `$edgeAgent` twin. */
interface AgentTwin {
	readonly desired: JsonObject;
	readonly reported: JsonObject;
}

/**
 * What the agent has reported to IoT Hub, with what the edge hub has counted.
 *
 * @param since when this run began (milliseconds since the epoch): an agent that started earlier
 * has not reported on this run yet, and what it said then is not shown as today's state.
 */
export function readAgentReport(
	twin: AgentTwin,
	counts: HubCounts,
	since: number,
): Pick<EdgeSnapshot, 'deployment' | 'modules'> {
	const fresh = startedAfter(twin.reported, since);
	const reported = fresh ? modulesIn(twin.reported) : new Map<string, JsonObject>();
	const modules = [...modulesIn(twin.desired)].map(([name, desired]) =>
		moduleSnapshot(name, desired, reported.get(name), counts),
	);
	return { deployment: fresh ? deploymentIn(twin.reported) : undefined, modules };
}

function startedAfter(reported: JsonObject, since: number): boolean {
	const agent = modulesIn(reported).get('edgeAgent');
	const started = Date.parse(text(agent?.['lastStartTimeUtc']));
	// Times of containers have whole seconds.
	return started >= since - 1000;
}

/** System modules first, as `iotedge list` has them. */
function modulesIn(properties: JsonObject): Map<string, JsonObject> {
	const found = new Map<string, JsonObject>();
	for (const section of [properties['systemModules'], properties['modules']]) {
		for (const [name, module] of Object.entries(isJsonObject(section) ? section : {})) {
			if (isJsonObject(module)) found.set(name, module);
		}
	}
	return found;
}

function moduleSnapshot(
	name: string,
	desired: JsonObject,
	reported: JsonObject | undefined,
	counts: HubCounts,
): ModuleSnapshot {
	const count = counts.modules.get(name);
	return {
		name,
		status: text(reported?.['runtimeStatus']) || 'unknown',
		description: text(reported?.['statusDescription']),
		restarts: Number(reported?.['restartCount'] ?? 0),
		wanted: text(desired['status']).toLowerCase() !== 'stopped' && !hasFinished(desired, reported),
		messagesIn: count?.in ?? 0,
		messagesOut: count?.out ?? 0,
	};
}

/** A module that may end has ended well: that it does not run any more is as it should be. */
function hasFinished(desired: JsonObject, reported: JsonObject | undefined): boolean {
	const mayEnd = ['never', 'on-failure'].includes(text(desired['restartPolicy']).toLowerCase());
	return mayEnd && reported?.['runtimeStatus'] === 'stopped' && reported['exitCode'] === 0;
}

function deploymentIn(reported: JsonObject): EdgeSnapshot['deployment'] {
	const status = reported['lastDesiredStatus'];
	if (!isJsonObject(status)) return undefined;
	return {
		version: Number(reported['lastDesiredVersion'] ?? 0),
		code: Number(status['code'] ?? 0),
		description: text(status['description']),
	};
}

function text(value: JsonValue | undefined): string {
	return typeof value === 'string' ? value : '';
}
