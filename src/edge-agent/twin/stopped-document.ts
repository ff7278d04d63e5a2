import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';

/**
 * What `$edgeAgent` reports when it stops: nobody knows any longer how the modules are. All else
 * stays as it was, so that the next start has only as much to write. Source: Azure IoT Edge,
 * properties of the edge agent, status 406.
 */
export function stoppedDocument(document: JsonObject): JsonObject {
	return {
		...document,
		lastDesiredStatus: { code: 406, description: 'Agent is not running' },
		...unknown('systemModules', document),
		...unknown('modules', document),
	};
}

function unknown(section: string, document: JsonObject): JsonObject {
	const modules = document[section];
	if (!isJsonObject(modules)) return {};
	const members = Object.entries(modules).map(([name, module]): [string, JsonValue] => {
		return [name, isJsonObject(module) ? { ...module, runtimeStatus: 'unknown' } : null];
	});
	return { [section]: Object.fromEntries(members) };
}
