import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { definedMembers } from './defined-members.ts';
import { metadataOf, podMetadata } from './module-metadata.ts';
import { isEdgeHub, type ModuleScope, podSelector } from './module-scope.ts';
import { shortHash, withSuffix } from './object-name.ts';
import { rollbackAnnotation, trustMarkAnnotation } from './translation.ts';

/** The parts of a module's workload. */
export interface WorkloadParts {
	readonly podSpec: JsonObject;
	/** Whether a second pod could not start beside the first. */
	readonly exclusive: boolean;
	/** Whether its container requests CPU. */
	readonly reservesCpu: boolean;
}

/** Restarts that the agent of Azure IoT Edge grants a module before it gives up. */
const maxRestarts = 20;

/**
 * What runs a module: a Deployment where the module is to run for good, a Job where it may end
 * (`on-failure`, `never`). A Job's template cannot change, so its name carries a hash of it: a
 * changed module is a new Job, tied to the module by the same labels.
 */
export function workload(scope: ModuleScope, parts: WorkloadParts): KubernetesObject {
	const { restartPolicy } = scope.module;
	return restartPolicy === 'on-failure' || restartPolicy === 'never'
		? job(scope, parts)
		: deployment(scope, parts);
}

function deployment(scope: ModuleScope, { podSpec, exclusive }: WorkloadParts): KubernetesObject {
	const { extension, module } = scope;
	const isScaled = extension.object('autoscaling') !== undefined;
	const replicas = module.status === 'stopped' ? 0 : (extension.integer('replicas') ?? 1);
	if (podSpec['hostNetwork'] === true && (isScaled || replicas > 1)) warnOfOneAddress(scope);
	const annotations = extension.boolean('rollback') ? { [rollbackAnnotation]: 'true' } : undefined;
	const metadata = metadataOf(scope, scope.objectName);
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { ...metadata, annotations: { ...metadata.annotations, ...annotations } },
		spec: {
			...((!isScaled || module.status === 'stopped') && { replicas: Math.max(0, replicas) }),
			selector: { matchLabels: podSelector(scope) },
			strategy: strategyOf(scope, exclusive),
			...definedMembers({ progressDeadlineSeconds: extension.integer('progressDeadlineSeconds') }),
			template: { metadata: markedPod(scope), spec: { ...podSpec, restartPolicy: 'Always' } },
		},
	};
}

/**
 * A module reads once, when it starts, what it should trust: another mark starts it anew. The edge hub
 * goes on reading, and a Job that has ended would be run again.
 */
function markedPod(scope: ModuleScope): ReturnType<typeof podMetadata> {
	const metadata = podMetadata(scope);
	const { trustMark } = scope.context;
	if (trustMark === undefined || isEdgeHub(scope)) return metadata;
	const annotations = { ...metadata.annotations, [trustMarkAnnotation]: trustMark };
	return { ...metadata, annotations };
}

/** The edge hub tells the pods of a module apart by their addresses. */
function warnOfOneAddress({ extension, problems }: ModuleScope): void {
	const path = extension.pathOf('replicas') || extension.pathOf('autoscaling');
	const message =
		'Replicas on one node’s network have one address and push each other off the hub.';
	const remedy = 'Do without the host’s network, or keep them on different nodes.';
	problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message, remedy);
}

function job(scope: ModuleScope, { podSpec }: WorkloadParts): KubernetesObject {
	const { module, objectName, problems, extension } = scope;
	for (const name of ['replicas', 'autoscaling', 'strategy', 'disruptionBudget'] as const) {
		const path = extension.pathOf(name);
		if (path === '') continue;
		const message = `A module with restart policy "${module.restartPolicy}" is a Job, which has no ${name}.`;
		problems.warn('EDGE_EXTENSION_INVALID', path, message);
	}
	const never = module.restartPolicy === 'never';
	const spec = {
		parallelism: 1,
		completions: 1,
		backoffLimit: never ? 0 : maxRestarts,
		template: {
			metadata: podMetadata(scope),
			spec: { ...podSpec, restartPolicy: never ? 'Never' : 'OnFailure' },
		},
	};
	const name = withSuffix(objectName, shortHash(JSON.stringify(spec)));
	return {
		apiVersion: 'batch/v1',
		kind: 'Job',
		metadata: metadataOf(scope, name),
		spec: { suspend: module.status === 'stopped', ...spec },
	};
}

/**
 * How a new version replaces the old: the extension's word, else Recreate where both cannot run
 * side by side. Every field is set, so that a change of strategy removes those of the other.
 */
function strategyOf({ extension, problems }: ModuleScope, exclusive: boolean): JsonObject {
	const own = extension.object('strategy');
	if (own === undefined) {
		return exclusive
			? { type: 'Recreate' }
			: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
	}
	const type = /^recreate$/i.test(jsonText(own['type'])) ? 'Recreate' : 'RollingUpdate';
	if (own['type'] !== undefined && !/^(recreate|rollingupdate)$/i.test(jsonText(own['type']))) {
		const message = 'The strategy is Recreate or RollingUpdate; RollingUpdate is used.';
		problems.warn('EDGE_EXTENSION_INVALID', extension.pathOf('strategy'), message);
	}
	if (type === 'Recreate') return { type };
	const given = isJsonObject(own['rollingUpdate']) ? own['rollingUpdate'] : {};
	const rollingUpdate = Object.fromEntries(
		Object.entries(given).map(([name, value]) => [name, countOrPercent(value)]),
	);
	return definedMembers({ type, rollingUpdate });
}

function countOrPercent(value: JsonValue | undefined): JsonValue {
	const text = jsonText(value);
	return text.endsWith('%') ? text : Number(text);
}
