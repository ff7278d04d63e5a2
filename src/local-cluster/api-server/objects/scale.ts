import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject } from '../../../runtime/json.ts';
import { ensureObject, numberAt, valueAt } from '../json-reading.ts';
import type { ScalePaths } from '../kinds/resource-kind.ts';
import { formatLabelSelector } from '../selectors/label-selector.ts';
import { asJson } from './object-writer.ts';

/** The `scale` subresource of an object. */
export function scaleOf(object: KubernetesObject, paths: ScalePaths): KubernetesObject {
	const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
	const found = paths.selector === undefined ? undefined : valueAt(object, ...paths.selector);
	const selector = isJsonObject(found) ? formatLabelSelector(found) : found;
	const metadata = { name, namespace, uid, resourceVersion, creationTimestamp };
	return {
		kind: 'Scale',
		apiVersion: 'autoscaling/v1',
		metadata: metadata as KubernetesObject['metadata'],
		spec: { replicas: numberAt(object, ...paths.specReplicas) ?? 0 },
		status: {
			replicas: numberAt(object, ...paths.statusReplicas) ?? 0,
			...(typeof selector === 'string' ? { selector } : {}),
		},
	};
}

/** A copy of an object with the number of replicas that a Scale asks for. */
export function scaledObject(
	object: KubernetesObject,
	scale: KubernetesObject,
	paths: ScalePaths,
): KubernetesObject {
	const copy: JsonObject = structuredClone(asJson(object));
	const last = paths.specReplicas.at(-1) ?? 'replicas';
	const parent = ensureObject(copy, ...paths.specReplicas.slice(0, -1));
	parent[last] = numberAt(scale, 'spec', 'replicas') ?? 0;
	const version = scale.metadata.resourceVersion;
	const scaled = copy as unknown as KubernetesObject;
	if (version !== undefined && version !== '') scaled.metadata.resourceVersion = version;
	return scaled;
}
