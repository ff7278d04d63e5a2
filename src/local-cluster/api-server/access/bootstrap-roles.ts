import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';

const group = 'rbac.authorization.k8s.io';
const apiVersion = `${group}/v1`;
const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];

function role(name: string, rules: JsonObject[]): KubernetesObject {
	const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
	return { apiVersion, kind: 'ClusterRole', metadata: { name, labels }, rules };
}

function binding(name: string, groups: readonly string[]): KubernetesObject {
	const subjects = groups.map((item) => ({ kind: 'Group', apiGroup: group, name: item }));
	const labels = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
	const roleRef = { apiGroup: group, kind: 'ClusterRole', name };
	return {
		...{ apiVersion, kind: 'ClusterRoleBinding' },
		metadata: { name, labels },
		roleRef,
		subjects,
	};
}

/** What somebody may see of a namespace: everything but Secrets and rights. */
const visible: JsonObject[] = [
	{
		apiGroups: [''],
		resources: [
			...['configmaps', 'endpoints', 'events', 'namespaces', 'persistentvolumeclaims'],
			...['pods', 'pods/log', 'pods/status', 'serviceaccounts', 'services', 'services/status'],
		],
		verbs: read,
	},
	...[
		['apps', 'deployments', 'deployments/scale', 'deployments/status', 'replicasets'],
		['batch', 'jobs', 'jobs/status'],
		['autoscaling', 'horizontalpodautoscalers'],
		['discovery.k8s.io', 'endpointslices'],
		['networking.k8s.io', 'networkpolicies'],
		['policy', 'poddisruptionbudgets'],
	].map(([apiGroup = '', ...resources]) => ({ apiGroups: [apiGroup], resources, verbs: read })),
];

const editable: JsonObject[] = [
	...visible,
	{ apiGroups: [''], resources: ['secrets', 'pods/exec', 'pods/portforward'], verbs: read },
	{
		apiGroups: [''],
		resources: [
			...['configmaps', 'events', 'persistentvolumeclaims', 'pods', 'pods/eviction', 'pods/exec'],
			...['pods/portforward', 'secrets', 'serviceaccounts', 'serviceaccounts/token', 'services'],
		],
		verbs: write,
	},
	...[
		['apps', 'deployments', 'deployments/scale', 'replicasets', 'replicasets/scale'],
		['batch', 'jobs'],
		['autoscaling', 'horizontalpodautoscalers'],
		['networking.k8s.io', 'networkpolicies'],
		['policy', 'poddisruptionbudgets'],
	].map(([apiGroup = '', ...resources]) => ({ apiGroups: [apiGroup], resources, verbs: write })),
];

const everything: JsonObject[] = [
	{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
	{ nonResourceURLs: ['*'], verbs: ['*'] },
];

const health = ['/healthz', '/livez', '/readyz', '/version', '/version/'];

/** The ClusterRoles and bindings that every cluster has: who may ask what the cluster can do. */
export const bootstrapRoles: readonly KubernetesObject[] = [
	role('cluster-admin', everything),
	role('admin', [
		...editable,
		{ apiGroups: [group], resources: ['roles', 'rolebindings'], verbs: [...read, ...write] },
	]),
	role('edit', editable),
	role('view', visible),
	role('system:discovery', [
		{
			nonResourceURLs: [...health, '/api', '/api/*', '/apis', '/apis/*', '/openapi', '/openapi/*'],
			verbs: ['get'],
		},
	]),
	role('system:basic-user', [
		{
			apiGroups: ['authorization.k8s.io'],
			resources: ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'],
			verbs: ['create'],
		},
		{
			apiGroups: ['authentication.k8s.io'],
			resources: ['selfsubjectreviews'],
			verbs: ['create'],
		},
	]),
	role('system:public-info-viewer', [{ nonResourceURLs: health, verbs: ['get'] }]),
	role('system:service-account-issuer-discovery', [
		{
			nonResourceURLs: ['/.well-known/openid-configuration', '/openid/v1/jwks'],
			verbs: ['get'],
		},
	]),
	binding('cluster-admin', ['system:masters']),
	binding('system:discovery', ['system:authenticated']),
	binding('system:basic-user', ['system:authenticated']),
	binding('system:public-info-viewer', ['system:authenticated', 'system:unauthenticated']),
	binding('system:service-account-issuer-discovery', ['system:serviceaccounts']),
];
