import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import { IotHubError } from '../iot-hub-error.ts';

/** What is wrong with routing that somebody has sent, told all at once. */
export class Misfits {
	readonly #found: string[] = [];

	/** @param fault as in "routes[0].name is …" */
	add(place: string, fault: string): void {
		this.#found.push(`${place} ${fault.replace(/\.$/, '')}.`);
	}

	requireUnique(place: string, entries: readonly { readonly name: string }[]): void {
		const names = new Set<string>();
		for (const [index, { name }] of entries.entries()) {
			if (names.has(name.toLowerCase())) {
				this.add(`${place}[${index}].name`, 'is that of another one');
			}
			names.add(name.toLowerCase());
		}
	}

	/** @throws IotHubError ArgumentInvalid */
	throwIfAny(): void {
		if (this.#found.length === 0) return;
		throw new IotHubError('ArgumentInvalid', this.#found.join(' '));
	}
}

/** A list of routing; empty where there is none. */
export function listAt(
	document: JsonObject,
	name: string,
	limit: number,
	misfits: Misfits,
): JsonValue[] {
	const value = document[name] ?? [];
	if (!Array.isArray(value)) misfits.add(name, 'is not a list');
	else if (value.length > limit) misfits.add(name, `has more than ${limit} entries`);
	else return value;
	return [];
}
