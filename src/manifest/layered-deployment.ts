import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import { type DesiredMember, desiredMembers, setProperty } from './desired-properties.ts';
import type { Problem } from './problem.ts';

/** One automatic deployment of a device: a base, or a layer over it. */
export interface Layer {
	readonly id: string;
	/** Higher wins. */
	readonly priority: number;
	/** The sections of its manifest: `Manifest.sections`. */
	readonly sections: JsonObject;
}

/** What a device gets: sections with whole desired properties, and the layers that had no effect. */
export interface MergedLayers {
	readonly sections: JsonObject;
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
	const sections = new Map<string, JsonObject>();
	for (const layer of effective) {
		for (const [name, section] of Object.entries(layer.sections)) {
			if (!isJsonObject(section)) continue;
			const properties = desiredMembers(section).reduce(applyMember, sections.get(name) ?? {});
			sections.set(name, properties);
		}
	}
	const wrapped = [...sections].map(([name, desired]) => [name, { 'properties.desired': desired }]);
	return {
		sections: Object.fromEntries(wrapped),
		problems: ignored.map((layer) => ignoredProblem(layer, sorted[base])),
	};
}

function applyMember(properties: JsonObject, { names, value }: DesiredMember): JsonObject {
	return setProperty(properties, names, value);
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
