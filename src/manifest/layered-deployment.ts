import { PropertyTree } from '../protocol/property-tree.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import { type DesiredMember, desiredMembers } from './desired-properties.ts';
import type { Problem } from './problem.ts';

/** One automatic deployment of a device: a base, or a layer over it. */
export interface Layer {
	readonly id: string;
	/** Higher wins. */
	readonly priority: number;
	/** The sections of its manifest: `Manifest.sections`. */
	readonly sections: JsonObject;
}

/** A property that a layer sets although one below it has set it already. */
export interface Override {
	/** The section: `$edgeAgent`, `filter`. */
	readonly section: string;
	/** Path below the section, as layers write it: `properties.desired.modules.filter`. */
	readonly member: string;
	/** Id of the layer whose value counts, unless a later override says otherwise. */
	readonly by: string;
	/** Id of the layer that had set it, the latest where parts are of several. */
	readonly of: string;
}

/** What a device gets: sections with whole desired properties, and what had no effect. */
export interface MergedLayers {
	readonly sections: JsonObject;
	/** In the order in which the layers are laid. */
	readonly overrides: readonly Override[];
	readonly problems: readonly Problem[];
}

/**
 * Merges automatic deployments as IoT Hub does. The base, which sets `properties.desired` of
 * `$edgeAgent` as a whole, is the one of highest priority; layers of higher priority are laid over
 * it in ascending order, each property as a whole: `properties.desired.modules.filter` of a layer
 * replaces that module, `properties.desired` of a module's twin replaces the twin's properties.
 * Layers of equal priority are ordered by their ids, so that the order of the list does not count.
 * Source: Azure IoT Edge documentation, "Understand IoT Edge automatic deployments".
 */
export function mergeLayers(layers: readonly Layer[]): MergedLayers {
	const sorted = [...layers].sort(byPriority);
	const base = sorted.findLastIndex(isBase);
	const ignored = sorted.slice(0, Math.max(0, base));
	const effective = sorted.slice(Math.max(0, base));
	const overlay = new Overlay();
	for (const layer of effective) {
		for (const [name, section] of Object.entries(layer.sections)) {
			if (isJsonObject(section)) overlay.add(layer.id, name, desiredMembers(section));
		}
	}
	return {
		sections: overlay.sections(),
		overrides: overlay.overrides,
		problems: base < 0 ? [noBase] : ignored.map((layer) => ignoredProblem(layer, sorted[base])),
	};
}

const noBase: Problem = {
	severity: 'error',
	code: 'EDGE_MANIFEST_FORM',
	path: '$',
	message: 'There is no base: none of the deployments sets "properties.desired" of "$edgeAgent".',
	remedy: 'Add the deployment that the layers are laid over.',
};

/** Lays sections of layers over each other, and notes what that replaces. */
class Overlay {
	readonly overrides: Override[] = [];
	readonly #sections = new Map<string, { properties: PropertyTree; authors: Authors }>();

	add(layer: string, section: string, members: readonly DesiredMember[]): void {
		const laid = this.#sections.get(section) ?? {
			properties: new PropertyTree(),
			authors: new Authors(),
		};
		this.#sections.set(section, laid);
		for (const { names, value } of members) {
			const of = laid.properties.has(names) ? laid.authors.latest(names) : undefined;
			if (of !== undefined && of !== layer) {
				const member = ['properties.desired', ...names].join('.');
				this.overrides.push({ section, member, by: layer, of });
			}
			laid.properties.set(names, value);
			laid.authors.note(names, layer);
		}
	}

	sections(): JsonObject {
		const wrapped = [...this.#sections].map(([name, { properties }]) => [
			name,
			{ 'properties.desired': properties.toJson() },
		]);
		return Object.fromEntries(wrapped);
	}
}

/** A layer, and at which turn it set something. */
interface Turn {
	readonly layer: string;
	readonly number: number;
}

interface AuthoredPlace {
	/** Who set this very property last. */
	own?: Turn;
	/** Who was the last to set it or a part of it. */
	within?: Turn;
	readonly parts: Map<string, AuthoredPlace>;
}

/** Which layer set which property of a section. */
class Authors {
	readonly #root: AuthoredPlace = { parts: new Map() };
	#turns = 0;

	note(names: readonly string[], layer: string): void {
		this.#turns += 1;
		const turn = { layer, number: this.#turns };
		let place = this.#root;
		place.within = turn;
		for (const name of names) {
			const next: AuthoredPlace = place.parts.get(name) ?? { parts: new Map() };
			place.parts.set(name, next);
			next.within = turn;
			place = next;
		}
		place.own = turn;
	}

	/** The layer that was the last to set a property, a part of it, or what it is a part of. */
	latest(names: readonly string[]): string | undefined {
		let place: AuthoredPlace | undefined = this.#root;
		let above: Turn | undefined;
		for (const name of names) {
			above = later(above, place.own);
			place = place.parts.get(name);
			if (place === undefined) return above?.layer;
		}
		return later(above, place.within)?.layer;
	}
}

function later(one: Turn | undefined, other: Turn | undefined): Turn | undefined {
	return (one?.number ?? 0) > (other?.number ?? 0) ? one : other;
}

function isBase({ sections }: Layer): boolean {
	const agent = Object.hasOwn(sections, '$edgeAgent') ? sections['$edgeAgent'] : undefined;
	return isJsonObject(agent) && desiredMembers(agent)[0]?.names.length === 0;
}

function byPriority(a: Layer, b: Layer): number {
	if (a.priority !== b.priority) return a.priority - b.priority;
	if (a.id !== b.id) return a.id < b.id ? -1 : 1;
	return JSON.stringify(a.sections) < JSON.stringify(b.sections) ? -1 : 1;
}

function ignoredProblem(layer: Layer, base: Layer | undefined): Problem {
	return {
		severity: 'warning',
		code: 'EDGE_LAYER_IGNORED',
		path: '$',
		message: `"${layer.id}" (priority ${layer.priority}) has no effect: the base "${base?.id}" has priority ${base?.priority}.`,
	};
}
