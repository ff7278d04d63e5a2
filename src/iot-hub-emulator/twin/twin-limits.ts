import { validateTwinPatch } from '../../protocol/twin-validation.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';

/** Bytes that each part of a twin may have (IoT Hub documentation, "Device twin size"). */
export const twinPartLimits = { tags: 8_192, desired: 32_768, reported: 32_768 } as const;

/** Part of a twin. */
export type TwinPart = keyof typeof twinPartLimits;

/**
 * Checks names, values and nesting of a patch, and the size of what it would lead to.
 *
 * @throws IotHubError ArgumentInvalid with the first rule that is broken
 */
export function requireTwinLimits(part: TwinPart, patch: JsonObject, result: JsonObject): void {
	const [fault] = validateTwinPatch(patch);
	if (fault !== undefined) throw new IotHubError('ArgumentInvalid', `${fault.message}.`);
	const size = twinSize(result);
	const limit = twinPartLimits[part];
	if (size <= limit) return;
	const what = part === 'tags' ? part : `${part} properties`;
	const message = `The ${what} of the twin have ${size} bytes, more than the ${limit} allowed.`;
	throw new IotHubError('ArgumentInvalid', message);
}

/**
 * The size of twin properties as IoT Hub counts it: names and strings their UTF-8 bytes without
 * control characters, a number 8, a boolean 4; braces, quotes and commas nothing (IoT Hub
 * documentation, "Device twin size").
 */
export function twinSize(value: JsonValue | undefined): number {
	if (typeof value === 'string') return Buffer.byteLength(value.replace(/\p{Cc}/gu, ''));
	if (typeof value === 'number') return 8;
	if (typeof value === 'boolean') return 4;
	if (value === null || value === undefined) return 0;
	if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + twinSize(item), 0);
	return Object.entries(value).reduce(
		(sum, [name, member]) => sum + Buffer.byteLength(name) + twinSize(member),
		0,
	);
}
