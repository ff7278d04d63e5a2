import type { Configuration } from './configuration.ts';
import { contentOf } from './configuration.ts';
import type { DesiredSection } from './desired-section.ts';

/** What of several configurations that target the same becomes of it. */
export interface Layers {
	/** Ids of those that have an effect. */
	readonly applied: ReadonlySet<string>;
	/** Sections by module in the order in which they are laid over each other. */
	readonly sections: ReadonlyMap<string, readonly DesiredSection[]>;
}

/**
 * Orders configurations so that the later one wins: by priority, of equal ones the one that was
 * created last (IoT Edge documentation, "Understand automatic deployments").
 */
export function inOrder(configurations: readonly Configuration[]): Configuration[] {
	return configurations.toSorted(
		(a, b) =>
			a.priority - b.priority || compare(a.createdTimeUtc, b.createdTimeUtc) || compare(a.id, b.id),
	);
}

/**
 * The deployment of an IoT Edge device: the base that wins, with the layers above it. A base says all
 * of `$edgeAgent`'s desired properties; without one, layers have nothing to lie on.
 */
export function deploymentLayers(targeting: readonly Configuration[]): Layers {
	const ordered = inOrder(targeting);
	const base = ordered.findLastIndex(isBase);
	return base < 0 ? { applied: new Set(), sections: new Map() } : merged(ordered.slice(base));
}

/** The configuration of a device or module: every section counts, the later one wins. */
export function deviceLayers(targeting: readonly Configuration[]): Layers {
	const ordered = inOrder(targeting);
	const { sections } = merged(ordered);
	return { applied: new Set(ordered.filter(isVisible).map(({ id }) => id)), sections };
}

/** Whether a configuration has a section that no later one takes the place of. */
function isVisible(
	configuration: Configuration,
	index: number,
	ordered: readonly Configuration[],
): boolean {
	const later = ordered.slice(index + 1).flatMap(({ content }) => contentOf(content).get('') ?? []);
	const own = contentOf(configuration.content).get('') ?? [];
	return own.some(({ path }) => !later.some((other) => covers(other.path, path)));
}

function covers(outer: readonly string[], inner: readonly string[]): boolean {
	return outer.every((name, index) => inner[index] === name);
}

function isBase({ content }: Configuration): boolean {
	const agent = contentOf(content).get('$edgeAgent') ?? [];
	return agent.some(({ path }) => path.length === 0);
}

function merged(ordered: readonly Configuration[]): Layers {
	const sections = new Map<string, DesiredSection[]>();
	for (const { content } of ordered) {
		for (const [moduleId, added] of contentOf(content)) {
			sections.set(moduleId, [...(sections.get(moduleId) ?? []), ...added]);
		}
	}
	return { applied: new Set(ordered.map(({ id }) => id)), sections };
}

function compare(a: string, b: string): number {
	if (a === b) return 0;
	return a < b ? -1 : 1;
}
