import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { ensureObject, numberAt, objectAt, setAbsent, textAt, valueAt } from '../json-reading.ts';
import { compileLabelSelector } from '../selectors/label-selector.ts';
import { type FieldFault, forbiddenField, invalidValue, notSupported } from '../status-error.ts';
import type { KindRules } from './kind-rules.ts';
import { labelsFaults } from './names.ts';
import { podSpecFaults, setPodSpecDefaults } from './pod-rules.ts';

function templateOf(object: KubernetesObject): JsonObject {
	return objectAt(object, 'spec', 'template');
}

function setTemplateDefaults(object: KubernetesObject): void {
	if (valueAt(object, 'spec', 'template', 'spec') === undefined) return;
	setPodSpecDefaults(objectAt(object, 'spec', 'template', 'spec'));
}

/** Replicas, and a template whose labels the selector finds. */
function templateFaults(
	object: KubernetesObject,
	live: KubernetesObject | undefined,
): FieldFault[] {
	const labels = objectAt(templateOf(object), 'metadata', 'labels');
	const faults = [
		...labelsFaults('spec.template.metadata.labels', labels),
		...podSpecFaults(objectAt(templateOf(object), 'spec'), 'spec.template.spec'),
	];
	const replicas = numberAt(object, 'spec', 'replicas') ?? 0;
	if (replicas < 0) {
		const why = 'must be greater than or equal to 0';
		faults.push(invalidValue('spec.replicas', replicas, why));
	}
	return [...faults, ...selectorFaults(object, live)];
}

function selectorFaults(
	object: KubernetesObject,
	live: KubernetesObject | undefined,
): FieldFault[] {
	const selector = valueAt(object, 'spec', 'selector');
	if (selector === undefined) return [];
	if (Object.keys(objectAt(object, 'spec', 'selector')).length === 0) {
		return [invalidValue('spec.selector', {}, 'empty selector is invalid for deployment')];
	}
	const faults: FieldFault[] = [];
	const labels = objectAt(templateOf(object), 'metadata', 'labels') as Record<string, string>;
	if (!compileLabelSelector(objectAt(object, 'spec', 'selector'))(labels)) {
		const why = '`selector` does not match template `labels`';
		faults.push(invalidValue('spec.template.metadata.labels', labels, why));
	}
	if (live !== undefined && !isDeepStrictEqual(valueAt(live, 'spec', 'selector'), selector)) {
		faults.push(invalidValue('spec.selector', selector, 'field is immutable'));
	}
	return faults;
}

function restartPolicyFaults(object: KubernetesObject, allowed: readonly string[]): FieldFault[] {
	const policy = textAt(templateOf(object), 'spec', 'restartPolicy');
	if (policy === '' || allowed.includes(policy)) return [];
	return [notSupported('spec.template.spec.restartPolicy', policy, allowed)];
}

export const deploymentRules: KindRules = {
	setDefaults: (deployment) => {
		setTemplateDefaults(deployment);
		const strategy = ensureObject(deployment as unknown as JsonObject, 'spec', 'strategy');
		if (strategy['type'] !== 'RollingUpdate') return;
		const rolling = ensureObject(strategy, 'rollingUpdate');
		setAbsent(rolling, 'maxUnavailable', '25%');
		setAbsent(rolling, 'maxSurge', '25%');
	},
	validate: (deployment, live) => {
		const faults = [
			...templateFaults(deployment, live),
			...restartPolicyFaults(deployment, ['Always']),
		];
		const strategy = objectAt(deployment, 'spec', 'strategy');
		if (strategy['type'] === 'Recreate' && strategy['rollingUpdate'] !== undefined) {
			const why = "may not be specified when strategy `type` is 'Recreate'";
			faults.push(forbiddenField('spec.strategy.rollingUpdate', why));
		}
		return faults;
	},
};

export const replicaSetRules: KindRules = {
	setDefaults: setTemplateDefaults,
	validate: (set, live) => [...templateFaults(set, live), ...restartPolicyFaults(set, ['Always'])],
};

const jobLabels = ['batch.kubernetes.io/controller-uid', 'controller-uid'] as const;

/** A Job's pods are told from those of others by the Job's uid. */
function setJobSelector(job: KubernetesObject): void {
	const spec = ensureObject(job as unknown as JsonObject, 'spec');
	if (spec['manualSelector'] === true || job.metadata.uid === undefined) return;
	const labels = ensureObject(spec, 'template', 'metadata', 'labels');
	for (const label of jobLabels) labels[label] = job.metadata.uid;
	for (const label of ['batch.kubernetes.io/job-name', 'job-name']) {
		labels[label] = job.metadata.name;
	}
	spec['selector'] = { matchLabels: { [jobLabels[0]]: job.metadata.uid } };
}

/** The template of a suspended Job that has not started may still be scheduled differently. */
function jobTemplateFaults(job: KubernetesObject, live: KubernetesObject): FieldFault[] {
	const faults: FieldFault[] = [];
	for (const member of ['selector', 'template', 'completionMode'] as const) {
		const value = valueAt(job, 'spec', member);
		if (isDeepStrictEqual(valueAt(live, 'spec', member), value)) continue;
		faults.push(invalidValue(`spec.${member}`, value, 'field is immutable'));
	}
	const completions = valueAt(job, 'spec', 'completions');
	if (!isDeepStrictEqual(valueAt(live, 'spec', 'completions'), completions)) {
		faults.push(invalidValue('spec.completions', completions, 'field is immutable'));
	}
	return faults;
}

export const jobRules: KindRules = {
	setDefaults: (job) => {
		setTemplateDefaults(job);
		const spec = ensureObject(job as unknown as JsonObject, 'spec');
		if (spec['completions'] === undefined && spec['parallelism'] === undefined) {
			spec['completions'] = 1;
		}
		setAbsent(spec, 'parallelism', 1);
		setAbsent(spec, 'manualSelector', false);
		const policy = spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed';
		setAbsent(spec, 'podReplacementPolicy', policy);
	},
	beforeCreate: setJobSelector,
	validate: (job, live) => [
		...podSpecFaults(objectAt(templateOf(job), 'spec'), 'spec.template.spec'),
		...jobRestartPolicyFaults(job),
		...(live === undefined ? [] : jobTemplateFaults(job, live)),
	],
};

function jobRestartPolicyFaults(job: KubernetesObject): FieldFault[] {
	const policy = textAt(templateOf(job), 'spec', 'restartPolicy');
	if (policy === 'OnFailure' || policy === 'Never') return [];
	const message = `Required value: valid values: "OnFailure", "Never"`;
	if (policy !== 'Always') return [];
	return [{ reason: 'FieldValueRequired', field: 'spec.template.spec.restartPolicy', message }];
}

/** How an autoscaler behaves in whichever direction its behavior leaves out. */
function setScalingDefaults(behavior: JsonObject): void {
	const [up, down] = [ensureObject(behavior, 'scaleUp'), ensureObject(behavior, 'scaleDown')];
	const everything = { type: 'Percent', value: 100, periodSeconds: 15 };
	setAbsent(up, 'stabilizationWindowSeconds', 0);
	for (const direction of [up, down]) setAbsent(direction, 'selectPolicy', 'Max');
	setAbsent(up, 'policies', [{ type: 'Pods', value: 4, periodSeconds: 15 }, { ...everything }]);
	setAbsent(down, 'policies', [everything]);
}

export const horizontalPodAutoscalerRules: KindRules = {
	setDefaults: (autoscaler) => {
		const spec = ensureObject(autoscaler as unknown as JsonObject, 'spec');
		if (spec['behavior'] !== undefined) setScalingDefaults(ensureObject(spec, 'behavior'));
		if (Array.isArray(spec['metrics']) && spec['metrics'].length > 0) return;
		const target = { type: 'Utilization', averageUtilization: 80 };
		spec['metrics'] = [{ type: 'Resource', resource: { name: 'cpu', target } }];
	},
	validate: (autoscaler) => {
		const min = numberAt(autoscaler, 'spec', 'minReplicas') ?? 1;
		const max = numberAt(autoscaler, 'spec', 'maxReplicas') ?? 0;
		if (max < 1) return [invalidValue('spec.maxReplicas', max, 'must be greater than 0')];
		if (max >= min) return [];
		const why = 'must be greater than or equal to `minReplicas`';
		return [invalidValue('spec.maxReplicas', max, why)];
	},
};

export const podDisruptionBudgetRules: KindRules = {
	validate: (budget) => {
		const spec = objectAt(budget, 'spec');
		if (spec['minAvailable'] === undefined || spec['maxUnavailable'] === undefined) return [];
		const why = 'minAvailable and maxUnavailable cannot be both set';
		return [invalidValue('spec', spec, why)];
	},
};
