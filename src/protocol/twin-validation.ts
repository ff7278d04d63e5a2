import { isJsonObject, type JsonObject, type JsonValue } from '../runtime/json.ts';

/** Limits of twin properties (IoT Hub documentation, "Device twins: size and format"). */
export const twinLimits = {
	maxNameBytes: 1024,
	maxValueBytes: 4096,
	maxDepth: 10,
	maxSectionBytes: 32_768,
	minInteger: -4503599627370496,
	maxInteger: 4503599627370495,
} as const;

/** From here on JavaScript writes numbers with an exponent, which makes them floating point for IoT Hub. */
const firstWithExponent = 1e21;

/** A rule that a patch of twin properties breaks. */
export interface TwinFault {
	/** Names from the top, e.g. `['status', 'battery']`. */
	readonly path: readonly string[];
	/** One sentence in the words that Azure IoT Edge uses. */
	readonly message: string;
}

/** @returns every rule for names, values and nesting that a patch breaks, none for a good one. */
export function validateTwinPatch(patch: JsonObject): TwinFault[] {
	const faults: TwinFault[] = [];
	checkObject(patch, [], false, faults);
	return faults;
}

/**
 * Checks a patch as Azure IoT Edge does, which limits the length of the patch itself, too.
 *
 * @returns every rule of `twinLimits` that a patch of reported properties breaks, none for a good one
 */
export function validateReportedPatch(patch: JsonObject): TwinFault[] {
	const faults = validateTwinPatch(patch);
	const size = Buffer.byteLength(JSON.stringify(patch));
	if (size > twinLimits.maxSectionBytes) {
		const message = `Twin properties size ${size} exceeds maximum ${twinLimits.maxSectionBytes}`;
		faults.push({ path: [], message });
	}
	return faults;
}

function checkObject(
	object: JsonObject,
	path: readonly string[],
	inArray: boolean,
	faults: TwinFault[],
): void {
	if (path.length > twinLimits.maxDepth) {
		const message = `Nested depth of twin property exceeds ${twinLimits.maxDepth}`;
		faults.push({ path, message });
		return;
	}
	for (const [name, value] of Object.entries(object)) {
		const at = [...path, name];
		checkName(name, at, faults);
		if (value === null && inArray) {
			const message = `Property ${name} of an object in an array cannot be 'null'`;
			faults.push({ path: at, message });
		}
		checkValue(name, value ?? null, at, inArray, faults);
	}
}

function checkValue(
	name: string,
	value: JsonValue,
	path: readonly string[],
	inArray: boolean,
	faults: TwinFault[],
): void {
	if (isJsonObject(value)) checkObject(value, path, inArray, faults);
	else if (Array.isArray(value)) checkArray(name, value, path, faults);
	else if (typeof value === 'number') checkNumber(name, value, path, faults);
	else if (typeof value === 'string') checkText(name, value, path, faults);
}

function checkArray(
	name: string,
	items: readonly JsonValue[],
	path: readonly string[],
	faults: TwinFault[],
): void {
	if (path.length > twinLimits.maxDepth) {
		const message = `Nested depth of twin property exceeds ${twinLimits.maxDepth}`;
		faults.push({ path, message });
		return;
	}
	for (const [index, item] of items.entries()) {
		const at = [...path, String(index)];
		if (item === null) faults.push({ path: at, message: "Arrays cannot contain 'null' as value" });
		else checkValue(name, item, at, true, faults);
	}
}

function checkNumber(
	name: string,
	value: number,
	path: readonly string[],
	faults: TwinFault[],
): void {
	const { minInteger, maxInteger } = twinLimits;
	const isFloat = !Number.isInteger(value) || Math.abs(value) >= firstWithExponent;
	if (isFloat || (value >= minInteger && value <= maxInteger)) return;
	const message = `Property ${name} has an out of bound value. Valid values are between ${minInteger} and ${maxInteger}`;
	faults.push({ path, message });
}

function checkText(
	name: string,
	value: string,
	path: readonly string[],
	faults: TwinFault[],
): void {
	const length = Buffer.byteLength(value);
	if (length <= twinLimits.maxValueBytes) return;
	const message = `Value associated with property name ${shorten(name)} has length ${length} that exceeds maximum length of ${twinLimits.maxValueBytes}`;
	faults.push({ path, message });
}

function checkName(name: string, path: readonly string[], faults: TwinFault[]): void {
	if (Buffer.byteLength(name) > twinLimits.maxNameBytes) {
		const message = `Length of property name ${shorten(name)} exceeds maximum length of ${twinLimits.maxNameBytes}`;
		faults.push({ path, message });
	}
	const invalid = /[\p{Cc}\s.$#]/u.exec(name);
	if (invalid !== null) {
		const message = `Property name ${shorten(name)} contains invalid character '${invalid[0]}'`;
		faults.push({ path, message });
	}
}

function shorten(name: string): string {
	return name.length > 10 ? `${name.slice(0, 10)}..` : name;
}
