import type { DesiredProperties } from './desired-properties.ts';
import { memberPath } from './json-path.ts';

/**
 * Where properties that a layered deployment sets stand in its file: `$.$edgeHub.routes.a` is the
 * member `$.$edgeHub["properties.desired.routes.a"]` there.
 */
export class DottedPlaces {
	readonly #properties: DesiredProperties;
	/** Paths of dotted members by where they lead to. */
	readonly #members = new Map<string, string>();
	/** The same by what is on the way there, the first member of each. */
	readonly #ancestors = new Map<string, string>();

	constructor(properties: DesiredProperties) {
		this.#properties = properties;
		for (const names of properties.dotted) this.#add(names);
	}

	/** The path in the file of a path below the desired properties; others are as they were. */
	of(path: string): string {
		if (this.#members.size === 0 || !path.startsWith(this.#properties.path)) return path;
		for (let end = path.length; end > this.#properties.path.length; end = boundary(path, end)) {
			const member = this.#members.get(path.slice(0, end));
			if (member !== undefined) return `${member}${path.slice(end)}`;
		}
		return this.#ancestors.get(path) ?? path;
	}

	#add(names: readonly string[]): void {
		const { path, section } = this.#properties;
		const member = memberPath(section, ['properties.desired', ...names].join('.'));
		let place = path;
		for (const name of names) {
			place = memberPath(place, name);
			if (!this.#ancestors.has(place)) this.#ancestors.set(place, member);
		}
		this.#members.set(place, member);
	}
}

/** Where the last name of a path begins; names in brackets may have dots. */
function boundary(path: string, end: number): number {
	return Math.max(path.lastIndexOf('.', end - 1), path.lastIndexOf('[', end - 1));
}
