import { readConfiguration } from '../edge-hub/configuration.ts';
import { memberPath } from '../manifest/json-path.ts';
import type { Manifest } from '../manifest/manifest.ts';
import { suggestion } from '../manifest/nearest-name.ts';
import type { Problem } from '../manifest/problem.ts';
import { isJsonObject, type JsonValue } from '../runtime/json.ts';

/** What a layer leaves to its base. */
const baseHub = { schemaVersion: '1.1', routes: {}, storeAndForwardConfiguration: {} };

/** What the hub and the agent read of it. */
const hubMembers = ['schemaVersion', 'routes', 'storeAndForwardConfiguration', 'integrity'];
const storeMembers = ['timeToLiveSecs'];

/** What the edge hub would say of its section, and what it would not read. */
export function hubProblems({ hub, layered }: Manifest): Problem[] {
	if (hub === undefined) return [];
	const desired = layered && !hub.whole ? { ...baseHub, ...hub.desired } : hub.desired;
	const outcome = readConfiguration(desired, { edgeDeviceId: 'edge-device' });
	const rejected = 'problems' in outcome ? outcome.problems : [];
	const errors = rejected.map(({ path, message }) => ({
		severity: 'error' as const,
		code: 'EDGE_HUB_CONFIGURATION',
		path: `${hub.path}${plainPath(path)}`,
		message,
		module: 'edgeHub',
	}));
	return [
		...errors,
		...unreadMembers(desired, hubMembers, hub.path),
		...unreadMembers(
			desired['storeAndForwardConfiguration'],
			storeMembers,
			memberPath(hub.path, 'storeAndForwardConfiguration'),
		),
	];
}

function unreadMembers(
	object: JsonValue | undefined,
	known: readonly string[],
	path: string,
): Problem[] {
	return Object.keys(isJsonObject(object) ? object : {})
		.filter((name) => !known.includes(name) && !name.startsWith('$'))
		.map((name) => unreadMember(name, memberPath(path, name), known));
}

function unreadMember(name: string, path: string, known: readonly string[]): Problem {
	const isBroker = name === 'mqttBroker';
	return {
		severity: 'warning',
		code: 'EDGE_MANIFEST_MEMBER_UNKNOWN',
		path,
		message: isBroker
			? 'The MQTT broker left Azure IoT Edge with version 1.3; its configuration has no effect.'
			: `"${name.slice(0, 80)}" is not a member that the runtime knows; it is ignored.`,
		remedy: isBroker
			? 'Let modules send to outputs and inputs, connected by routes, and remove it.'
			: suggestion(name, known) || `Remove it. Known here: ${known.join(', ')}.`,
		module: 'edgeHub',
	};
}

/** `$.routes["all"]` as other problems write it: `.routes.all`. */
function plainPath(path: string): string {
	return path.slice(1).replace(/\["([A-Za-z_$][\w$-]*)"\]/g, '.$1');
}
