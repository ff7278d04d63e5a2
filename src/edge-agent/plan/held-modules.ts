import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { holdAnnotation, moduleLabel, type Translation } from '../translation/translation.ts';
import { isWorkload } from './desired-object.ts';

/**
 * Module label values of modules that nothing may be written of: the manifest holds them (`hold` in
 * k8s-extensions), or somebody has annotated what runs. A module that does not run yet is not held.
 */
export function heldModules(
	{ modules }: Pick<Translation, 'modules'>,
	actual: readonly KubernetesObject[],
): ReadonlySet<string> {
	const running = new Set<string>();
	const annotated = new Set<string>();
	for (const object of actual) {
		const { labels, annotations, deletionTimestamp } = object.metadata;
		const module = labels?.[moduleLabel];
		if (!isWorkload(object) || module === undefined || deletionTimestamp !== undefined) continue;
		running.add(module);
		if (annotations?.[holdAnnotation] === 'true') annotated.add(module);
	}
	const held = modules
		.filter(
			({ objectName, held }) => running.has(objectName) && (held || annotated.has(objectName)),
		)
		.map(({ objectName }) => objectName);
	return new Set(held);
}
