import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';

/**
 * Turns a JSON patch of a digital twin [RFC 6902: add, replace, remove] into a merge patch of desired
 * properties. A path names a property, a component, or a property of a component.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function desiredPatchOf(operations: unknown): JsonObject {
	if (!Array.isArray(operations) || operations.length === 0) {
		throw invalid('the body is not a list of operations');
	}
	const patch = new Map<string, JsonValue>();
	for (const operation of operations as unknown[]) {
		if (!isJsonObject(operation)) throw invalid('an operation is not an object');
		const [name, property] = pathOf(operation['path']);
		const value = patchValue(operation);
		if (property === undefined) patch.set(name, value);
		else {
			const before = patch.get(name);
			const component = isJsonObject(before) ? before : {};
			patch.set(name, { ...component, __t: 'c', [property]: value });
		}
	}
	return Object.fromEntries(patch);
}

function pathOf(path: JsonValue | undefined): [string, string?] {
	if (typeof path !== 'string' || !path.startsWith('/')) throw invalid('an operation has no path');
	const [name = '', property, ...rest] = path
		.slice(1)
		.split('/')
		.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'));
	if (name === '' || property === '' || rest.length > 0) {
		throw invalid(`the path ${path} does not lead to a property or component`);
	}
	return property === undefined ? [name] : [name, property];
}

/** A component is written with an empty `$metadata`, which marks it. */
function patchValue({ op, value }: JsonObject): JsonValue {
	if (op === 'remove') return null;
	if (op !== 'add' && op !== 'replace') throw invalid(`there is no operation ${String(op)}`);
	if (value === undefined) throw invalid('an operation has no value');
	if (!isJsonObject(value) || !('$metadata' in value)) return value;
	const { $metadata, ...properties } = value;
	return { ...properties, __t: 'c' };
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid digital twin patch: ${message}.`);
}
