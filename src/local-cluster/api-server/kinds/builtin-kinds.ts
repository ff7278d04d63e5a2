import {
	configMapRules,
	namespaceRules,
	networkPolicyRules,
	persistentVolumeClaimRules,
	persistentVolumeRules,
	roleBindingRules,
	roleRules,
	secretRules,
	storageClassRules,
} from '../rules/core-rules.ts';
import { definitionRules } from '../rules/definition-rules.ts';
import { podRules } from '../rules/pod-rules.ts';
import { serviceRules } from '../rules/service-rules.ts';
import {
	deploymentRules,
	horizontalPodAutoscalerRules,
	jobRules,
	podDisruptionBudgetRules,
	replicaSetRules,
} from '../rules/workload-rules.ts';
import { builtinSchema } from '../schema/builtin-schemas.ts';
import { ageColumn, createdAtColumn } from '../table/age.ts';
import * as core from '../table/core-columns.ts';
import { podColumns } from '../table/pod-columns.ts';
import * as workload from '../table/workload-columns.ts';
import { newEventOf } from './new-event.ts';
import type { ResourceKind, Subresource } from './resource-kind.ts';

type Row = Partial<ResourceKind> & Pick<ResourceKind, 'kind' | 'plural'>;

const replicas = {
	specReplicas: ['spec', 'replicas'],
	statusReplicas: ['status', 'replicas'],
	selector: ['spec', 'selector'],
};

const podSubresources: readonly Subresource[] = [
	{ name: 'attach', kind: 'PodAttachOptions', verbs: ['create', 'get'] },
	{ name: 'binding', kind: 'Binding', verbs: ['create'] },
	{ name: 'eviction', kind: 'Eviction', group: 'policy', version: 'v1', verbs: ['create'] },
	{ name: 'exec', kind: 'PodExecOptions', verbs: ['create', 'get'] },
	{ name: 'log', kind: 'Pod', verbs: ['get'] },
	{ name: 'portforward', kind: 'PodPortForwardOptions', verbs: ['create', 'get'] },
];

const tokenSubresource: Subresource = {
	name: 'token',
	kind: 'TokenRequest',
	group: 'authentication.k8s.io',
	version: 'v1',
	verbs: ['create'],
};

const eventFields = [
	'involvedObject.kind',
	'involvedObject.namespace',
	'involvedObject.name',
	'involvedObject.uid',
	'involvedObject.apiVersion',
	'involvedObject.resourceVersion',
	'involvedObject.fieldPath',
	'reason',
	'reportingComponent',
	'source',
	'type',
];

const podFields = [
	'spec.nodeName',
	'spec.restartPolicy',
	'spec.schedulerName',
	'spec.serviceAccountName',
	'spec.hostNetwork',
	'status.phase',
	'status.podIP',
	'status.nominatedNodeName',
];

const coreRows: readonly Row[] = [
	{
		kind: 'Namespace',
		plural: 'namespaces',
		shortNames: ['ns'],
		namespaced: false,
		columns: core.namespaceColumns,
		rules: namespaceRules,
		hasStatus: true,
		subresources: [{ name: 'finalize', kind: 'Namespace', verbs: ['update'] }],
		selectableFields: ['status.phase'],
	},
	{
		kind: 'Pod',
		plural: 'pods',
		shortNames: ['po'],
		categories: ['all'],
		columns: podColumns,
		rules: podRules,
		hasStatus: true,
		subresources: podSubresources,
		tracksGeneration: true,
		selectableFields: podFields,
	},
	{
		kind: 'Service',
		plural: 'services',
		shortNames: ['svc'],
		categories: ['all'],
		columns: core.serviceColumns,
		rules: serviceRules,
		hasStatus: true,
		selectableFields: ['spec.clusterIP', 'spec.type'],
	},
	{
		kind: 'Endpoints',
		plural: 'endpoints',
		singular: 'endpoints',
		shortNames: ['ep'],
		columns: core.endpointsColumns,
	},
	{
		kind: 'PersistentVolume',
		plural: 'persistentvolumes',
		shortNames: ['pv'],
		namespaced: false,
		columns: core.persistentVolumeColumns,
		rules: persistentVolumeRules,
		hasStatus: true,
	},
	{
		kind: 'PersistentVolumeClaim',
		plural: 'persistentvolumeclaims',
		shortNames: ['pvc'],
		columns: core.persistentVolumeClaimColumns,
		rules: persistentVolumeClaimRules,
		hasStatus: true,
	},
	{
		kind: 'Secret',
		plural: 'secrets',
		columns: core.secretColumns,
		rules: secretRules,
		selectableFields: ['type'],
	},
	{
		kind: 'ConfigMap',
		plural: 'configmaps',
		shortNames: ['cm'],
		columns: core.configMapColumns,
		rules: configMapRules,
	},
	{
		kind: 'ServiceAccount',
		plural: 'serviceaccounts',
		shortNames: ['sa'],
		subresources: [tokenSubresource],
	},
	{
		kind: 'Event',
		plural: 'events',
		shortNames: ['ev'],
		columns: workload.eventColumns,
		selectableFields: eventFields,
	},
	{
		kind: 'Node',
		plural: 'nodes',
		shortNames: ['no'],
		namespaced: false,
		columns: workload.nodeColumns,
		hasStatus: true,
		selectableFields: ['spec.unschedulable'],
	},
	{ kind: 'ResourceQuota', plural: 'resourcequotas', shortNames: ['quota'], hasStatus: true },
	{
		kind: 'LimitRange',
		plural: 'limitranges',
		shortNames: ['limits'],
		columns: [createdAtColumn],
	},
];

const appsRows: readonly Row[] = [
	{
		group: 'apps',
		kind: 'Deployment',
		plural: 'deployments',
		shortNames: ['deploy'],
		categories: ['all'],
		columns: workload.deploymentColumns,
		rules: deploymentRules,
		hasStatus: true,
		scale: replicas,
		tracksGeneration: true,
	},
	{
		group: 'apps',
		kind: 'ReplicaSet',
		plural: 'replicasets',
		shortNames: ['rs'],
		categories: ['all'],
		columns: workload.replicaSetColumns,
		rules: replicaSetRules,
		hasStatus: true,
		scale: replicas,
		tracksGeneration: true,
		selectableFields: ['status.replicas'],
	},
	{
		group: 'batch',
		kind: 'Job',
		plural: 'jobs',
		categories: ['all'],
		columns: workload.jobColumns,
		rules: jobRules,
		hasStatus: true,
		tracksGeneration: true,
		selectableFields: ['status.successful'],
	},
	{
		group: 'autoscaling',
		version: 'v2',
		kind: 'HorizontalPodAutoscaler',
		plural: 'horizontalpodautoscalers',
		shortNames: ['hpa'],
		categories: ['all'],
		columns: workload.horizontalPodAutoscalerColumns,
		rules: horizontalPodAutoscalerRules,
		hasStatus: true,
	},
	{
		group: 'policy',
		kind: 'PodDisruptionBudget',
		plural: 'poddisruptionbudgets',
		shortNames: ['pdb'],
		columns: workload.podDisruptionBudgetColumns,
		rules: podDisruptionBudgetRules,
		hasStatus: true,
		tracksGeneration: true,
	},
	{
		group: 'scheduling.k8s.io',
		kind: 'PriorityClass',
		plural: 'priorityclasses',
		shortNames: ['pc'],
		namespaced: false,
		columns: core.priorityClassColumns,
	},
];

const otherRows: readonly Row[] = [
	{
		group: 'discovery.k8s.io',
		kind: 'EndpointSlice',
		plural: 'endpointslices',
		columns: core.endpointSliceColumns,
	},
	{
		group: 'networking.k8s.io',
		kind: 'NetworkPolicy',
		plural: 'networkpolicies',
		shortNames: ['netpol'],
		columns: core.networkPolicyColumns,
		rules: networkPolicyRules,
		tracksGeneration: true,
	},
	{
		group: 'coordination.k8s.io',
		kind: 'Lease',
		plural: 'leases',
		columns: core.leaseColumns,
		unconditionalUpdate: false,
	},
	{
		group: 'storage.k8s.io',
		kind: 'StorageClass',
		plural: 'storageclasses',
		shortNames: ['sc'],
		namespaced: false,
		columns: core.storageClassColumns,
		rules: storageClassRules,
	},
	{
		group: 'apiextensions.k8s.io',
		kind: 'CustomResourceDefinition',
		plural: 'customresourcedefinitions',
		shortNames: ['crd', 'crds'],
		categories: ['api-extensions'],
		namespaced: false,
		columns: [createdAtColumn],
		rules: definitionRules,
		hasStatus: true,
		tracksGeneration: true,
		unconditionalUpdate: false,
	},
];

const rbac = { group: 'rbac.authorization.k8s.io' };

const accessRows: readonly Row[] = [
	{ ...rbac, kind: 'Role', plural: 'roles', columns: [createdAtColumn], rules: roleRules },
	{
		...rbac,
		kind: 'RoleBinding',
		plural: 'rolebindings',
		columns: core.roleBindingColumns,
		rules: roleBindingRules,
	},
	{
		...rbac,
		kind: 'ClusterRole',
		plural: 'clusterroles',
		namespaced: false,
		columns: [createdAtColumn],
		rules: roleRules,
	},
	{
		...rbac,
		kind: 'ClusterRoleBinding',
		plural: 'clusterrolebindings',
		namespaced: false,
		columns: core.roleBindingColumns,
		rules: roleBindingRules,
	},
];

const question = { isQuestion: true, namespaced: false };
const authorization = { ...question, group: 'authorization.k8s.io' };
const authentication = { ...question, group: 'authentication.k8s.io' };

const questionRows: readonly Row[] = [
	{ ...authorization, kind: 'SelfSubjectAccessReview', plural: 'selfsubjectaccessreviews' },
	{ ...authorization, kind: 'SelfSubjectRulesReview', plural: 'selfsubjectrulesreviews' },
	{ ...authorization, kind: 'SubjectAccessReview', plural: 'subjectaccessreviews' },
	{
		...authorization,
		kind: 'LocalSubjectAccessReview',
		plural: 'localsubjectaccessreviews',
		namespaced: true,
	},
	{ ...authentication, kind: 'TokenReview', plural: 'tokenreviews' },
	{ ...authentication, kind: 'SelfSubjectReview', plural: 'selfsubjectreviews' },
];

function complete(row: Row): ResourceKind {
	return {
		group: '',
		version: 'v1',
		singular: row.kind.toLowerCase(),
		shortNames: [],
		categories: [],
		namespaced: true,
		schema: builtinSchema(row.kind),
		columns: [ageColumn],
		rules: {},
		hasStatus: false,
		scale: undefined,
		subresources: [],
		tracksGeneration: false,
		unconditionalUpdate: true,
		isQuestion: false,
		selectableFields: [],
		custom: undefined,
		keptAs: undefined,
		...row,
	};
}

const kinds: readonly ResourceKind[] = [
	...coreRows,
	...appsRows,
	...otherRows,
	...accessRows,
	...questionRows,
].map(complete);

/** The kinds that every cluster has. */
export const builtinKinds: readonly ResourceKind[] = [...kinds, ...kinds.flatMap(newEventKind)];

/** The Events of the newer group are those of the core group in other words. */
function newEventKind(kind: ResourceKind): ResourceKind[] {
	if (kind.kind !== 'Event') return [];
	const group = 'events.k8s.io';
	const schema = builtinSchema('EventsEvent');
	return [{ ...kind, group, schema, keptAs: newEventOf(kind) }];
}
