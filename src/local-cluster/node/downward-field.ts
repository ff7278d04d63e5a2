import { quantityValue } from '../../cluster/quantity.ts';
import type { Container, Pod } from '../workloads/pod.ts';

/** Resources of the node, which are the limits of containers that declare none. */
export type NodeResources = Readonly<Record<string, number>>;

/**
 * The value of a `fieldRef`: a field of the pod as text.
 *
 * @returns `undefined` for a path that Kubernetes does not offer.
 */
export function podField(pod: Pod, path: string): string | undefined {
	const entry = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(path);
	if (entry !== null) {
		const [, member, key = ''] = entry;
		return pod.metadata[member as 'labels' | 'annotations']?.[key] ?? '';
	}
	return fields[path]?.(pod);
}

const fields: Readonly<Record<string, (pod: Pod) => string>> = {
	'metadata.name': (pod) => pod.metadata.name,
	'metadata.namespace': (pod) => pod.metadata.namespace ?? '',
	'metadata.uid': (pod) => pod.metadata.uid ?? '',
	'metadata.labels': (pod) => propertyLines(pod.metadata.labels),
	'metadata.annotations': (pod) => propertyLines(pod.metadata.annotations),
	'spec.nodeName': (pod) => pod.spec.nodeName ?? '',
	'spec.serviceAccountName': (pod) => pod.spec.serviceAccountName ?? 'default',
	'status.hostIP': (pod) => pod.status?.hostIP ?? '',
	'status.hostIPs': (pod) => pod.status?.hostIP ?? '',
	'status.podIP': (pod) => pod.status?.podIP ?? '',
	'status.podIPs': (pod) => pod.status?.podIP ?? '',
};

/** The value of a `resourceFieldRef`: `limits.memory` and the like, divided and rounded up. */
export function resourceField(
	container: Container,
	reference: { resource: string; divisor?: string },
	node: NodeResources,
): string {
	const [kind = '', ...rest] = reference.resource.split('.');
	const name = rest.join('.');
	const { limits = {}, requests = {} } = container.resources ?? {};
	const declared = kind === 'requests' ? (requests[name] ?? limits[name]) : limits[name];
	const fallback = kind === 'requests' ? 0 : (node[name] ?? 0);
	const value = declared === undefined ? fallback : quantityValue(declared);
	const divisor = quantityValue(reference.divisor ?? '1') || 1;
	return String(Math.ceil(value / divisor));
}

function propertyLines(values: Readonly<Record<string, string>> = {}): string {
	return Object.entries(values)
		.sort(([one], [other]) => (one < other ? -1 : 1))
		.map(([key, value]) => `${key}=${JSON.stringify(value)}`)
		.join('\n');
}
