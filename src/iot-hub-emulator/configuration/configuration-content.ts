import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';

/**
 * Reads the body of `applyConfigurationContent`: `{modulesContent: {<module id>:
 * {"properties.desired": {…}}}}`.
 *
 * @returns desired properties by module id
 * @throws IotHubError InvalidConfigurationContent
 */
export function modulesContentFrom(body: unknown): Map<string, JsonObject> {
	if (!isJsonObject(body)) throw invalid('The content is not a JSON object.');
	const content = body['modulesContent'];
	if (!isJsonObject(content) || Object.keys(content).length === 0) {
		throw invalid('The content has no modulesContent.');
	}
	const desired = new Map<string, JsonObject>();
	for (const [moduleId, part] of Object.entries(content)) {
		desired.set(moduleId, desiredFrom(moduleId, part));
	}
	return desired;
}

function desiredFrom(moduleId: string, part: unknown): JsonObject {
	if (!isJsonObject(part)) throw invalid(`modulesContent.${moduleId} is not an object.`);
	const other = Object.keys(part).find((name) => name !== 'properties.desired');
	if (other !== undefined) {
		throw invalid(`modulesContent.${moduleId} has the member ${other}, not "properties.desired".`);
	}
	const desired = part['properties.desired'] ?? {};
	if (!isJsonObject(desired)) {
		throw invalid(`"properties.desired" of ${moduleId} is not an object.`);
	}
	return desired;
}

function invalid(message: string): IotHubError {
	return new IotHubError('InvalidConfigurationContent', message);
}
