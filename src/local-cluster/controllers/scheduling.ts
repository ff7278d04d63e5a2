import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { quantityValue } from '../../cluster/quantity.ts';
import { matchesRequirement } from '../workloads/label-selector.ts';
import { isPodFinished, type Pod, type Toleration } from '../workloads/pod.ts';

/** A node as the scheduler reads it. */
export interface ClusterNode extends KubernetesObject {
	kind: 'Node';
	spec?: NodeSpec;
	status?: NodeStatus;
}

export type NodeSpec = { unschedulable?: boolean; taints?: Taint[] };
export type NodeStatus = { allocatable?: Record<string, string> };

export type Taint = { key: string; value?: string; effect: string };

/** Why a pod does not fit a node, in the words of the Kubernetes scheduler; nothing when it does. */
export function unfitness(pod: Pod, node: ClusterNode, pods: readonly Pod[]): string[] {
	const others = pods.filter(
		(other) => other.spec.nodeName === node.metadata.name && !isPodFinished(other),
	);
	return [
		...(node.spec?.unschedulable === true ? ['node(s) were unschedulable'] : []),
		...(matchesNode(pod, node) ? [] : ["node(s) didn't match Pod's node affinity/selector"]),
		...untolerated(pod, node).map(({ key, value }) => {
			const taint = value === undefined ? key : `${key}: ${value}`;
			return `node(s) had untolerated taint {${taint}}`;
		}),
		...missingResources(pod, node, others),
		...(takenPort(pod, others)
			? ["node(s) didn't have free ports for the requested pod ports"]
			: []),
	];
}

/** The message of an unschedulable pod. */
export function unschedulableMessage(nodes: number, reasons: readonly string[]): string {
	if (nodes === 0) return 'no nodes available to schedule pods';
	const counted = new Map<string, number>();
	for (const reason of reasons) counted.set(reason, (counted.get(reason) ?? 0) + 1);
	const listed = [...counted].map(([reason, count]) => `${count} ${reason}`);
	return `0/${nodes} nodes are available: ${listed.join(', ')}.`;
}

/** What a pod asks for: the sum of its containers, or its largest init container. */
export function requestsOf(pod: Pod): Map<string, number> {
	const total = new Map<string, number>();
	const add = (name: string, value: number) => total.set(name, (total.get(name) ?? 0) + value);
	for (const container of pod.spec.containers) {
		const { requests = {}, limits = {} } = container.resources ?? {};
		for (const [name, value] of Object.entries({ ...limits, ...requests })) {
			add(name, quantityValue(value));
		}
	}
	for (const container of pod.spec.initContainers ?? []) {
		const { requests = {}, limits = {} } = container.resources ?? {};
		for (const [name, value] of Object.entries({ ...limits, ...requests })) {
			const amount = quantityValue(value);
			if (container.restartPolicy === 'Always') add(name, amount);
			else total.set(name, Math.max(total.get(name) ?? 0, amount));
		}
	}
	return total;
}

function matchesNode(pod: Pod, node: ClusterNode): boolean {
	const { labels = {}, name } = node.metadata;
	const selected = Object.entries(pod.spec.nodeSelector ?? {});
	if (!selected.every(([key, value]) => labels[key] === value)) return false;
	const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
	if (required === undefined) return true;
	const known = { ...labels, 'metadata.name': name };
	return required.nodeSelectorTerms.some(({ matchExpressions = [] }) => {
		return (
			matchExpressions.length > 0 &&
			matchExpressions.every((expression) => matchesRequirement(expression, known))
		);
	});
}

function untolerated(pod: Pod, node: ClusterNode): Taint[] {
	const hard = (node.spec?.taints ?? []).filter((taint) => taint.effect !== 'PreferNoSchedule');
	return hard.filter(
		(taint) => !(pod.spec.tolerations ?? []).some((toleration) => tolerates(toleration, taint)),
	);
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
	const { key, operator = 'Equal', value = '', effect } = toleration;
	if (effect !== undefined && effect !== '' && effect !== taint.effect) return false;
	if (key !== undefined && key !== '' && key !== taint.key) return false;
	return operator === 'Exists' || value === (taint.value ?? '');
}

function missingResources(pod: Pod, node: ClusterNode, others: readonly Pod[]): string[] {
	const allocatable = node.status?.allocatable ?? {};
	const used = new Map<string, number>();
	for (const other of others) {
		for (const [name, value] of requestsOf(other)) used.set(name, (used.get(name) ?? 0) + value);
	}
	const missing = [...requestsOf(pod)]
		.filter(([, value]) => value > 0)
		.filter(([name, value]) => {
			return value + (used.get(name) ?? 0) > quantityValue(allocatable[name] ?? '0');
		})
		.map(([name]) => `Insufficient ${name}`);
	const full = others.length + 1 > quantityValue(allocatable['pods'] ?? '110');
	return full ? ['Too many pods', ...missing] : missing;
}

function takenPort(pod: Pod, others: readonly Pod[]): boolean {
	const wanted = new Set(hostPortsOf(pod));
	return others.some((other) => hostPortsOf(other).some((port) => wanted.has(port)));
}

function hostPortsOf(pod: Pod): string[] {
	const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
	return ports
		.map(({ hostPort, containerPort, protocol = 'TCP' }) => {
			const port = pod.spec.hostNetwork === true ? containerPort : hostPort;
			return port === undefined ? '' : `${protocol}/${port}`;
		})
		.filter((port) => port !== '');
}
