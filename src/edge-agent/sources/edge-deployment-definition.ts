import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { deploymentSchema } from '../../manifest/deployment-schema.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';

const group = 'iotedge-k8s.dev';
const version = 'v1';
const plural = 'edgedeployments';

/** The kind by which kubectl, Flux and Azure Arc can be the source of a deployment. */
export const edgeDeploymentKind = {
	apiVersion: `${group}/${version}`,
	kind: 'EdgeDeployment',
} as const;

const preserve = 'x-kubernetes-preserve-unknown-fields';
const rules = 'x-kubernetes-validations';
/** IoT Hub has fewer identities for the modules of one device. */
const maxModules = 200;

/**
 * The optional custom resource. Its schema is made from the one that deployments of IoT Hub are
 * checked with, so that both mean the same; members that are not named are kept, as the agent reads
 * names in any case and warns of what it does not know.
 */
export function edgeDeploymentDefinition(): KubernetesObject {
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: { name: `${plural}.${group}`, labels },
		spec: {
			group,
			scope: 'Namespaced',
			names: {
				plural,
				singular: 'edgedeployment',
				kind: edgeDeploymentKind.kind,
				listKind: `${edgeDeploymentKind.kind}List`,
				shortNames: ['ed'],
				categories: ['iotedge'],
			},
			versions: [
				{
					name: version,
					served: true,
					storage: true,
					schema: { openAPIV3Schema: rootSchema() },
					subresources: { status: {} },
					additionalPrinterColumns: columns,
				},
			],
		},
	};
}

/** Lets those who may edit, or look at, a namespace do so with its EdgeDeployments. */
export function edgeDeploymentRoles(): KubernetesObject[] {
	const role = (name: string, aggregate: string[], verbs: string[]) => ({
		apiVersion: 'rbac.authorization.k8s.io/v1',
		kind: 'ClusterRole',
		metadata: {
			name: `iotedge-k8s-edgedeployments-${name}`,
			labels: {
				...labels,
				...Object.fromEntries(
					aggregate.map((to) => [`rbac.authorization.k8s.io/aggregate-to-${to}`, 'true']),
				),
			},
		},
		rules: [{ apiGroups: [group], resources: [plural], verbs }],
	});
	return [
		role('view', ['view', 'edit', 'admin'], ['get', 'list', 'watch']),
		role('edit', ['edit', 'admin'], ['create', 'update', 'patch', 'delete']),
	];
}

/** What the agent itself may do with them, as Role and RoleBinding of its namespace. */
export function edgeDeploymentRoleObjects(): KubernetesObject[] {
	const apiGroup = 'rbac.authorization.k8s.io';
	const metadata = { name: 'edgeagent-deployments', labels };
	const roleRef = { apiGroup, kind: 'Role', name: metadata.name };
	// Without a namespace, the one of the binding.
	const subjects = [{ kind: 'ServiceAccount', name: 'edgeagent' }];
	return [
		{ apiVersion: `${apiGroup}/v1`, kind: 'Role', metadata, rules: agentRights },
		{ apiVersion: `${apiGroup}/v1`, kind: 'RoleBinding', metadata, roleRef, subjects },
	];
}

const agentRights = [
	{ apiGroups: [group], resources: [plural], verbs: ['get', 'list', 'watch'] },
	{ apiGroups: [group], resources: [`${plural}/status`], verbs: ['patch'] },
];

const labels = { 'app.kubernetes.io/part-of': 'iotedge-k8s' };

const columns: JsonObject[] = [
	column('Ready', 'string', '.status.conditions[?(@.type=="Ready")].status'),
	column('Reason', 'string', '.status.conditions[?(@.type=="Ready")].reason'),
	column(
		'Modules',
		'string',
		'.status.modulesReady',
		'Modules that are as they should be, of all.',
	),
	{
		...column('Message', 'string', '.status.conditions[?(@.type=="Ready")].message'),
		priority: 1,
	},
	column('Age', 'date', '.metadata.creationTimestamp'),
];

function column(name: string, type: string, jsonPath: string, description?: string): JsonObject {
	return { name, type, jsonPath, ...(description === undefined ? {} : { description }) };
}

function rootSchema(): JsonObject {
	return {
		type: 'object',
		description: 'The deployment of the IoT Edge device whose agent runs in this namespace.',
		required: ['spec'],
		properties: {
			apiVersion: { type: 'string' },
			kind: { type: 'string' },
			metadata: { type: 'object' },
			spec: specSchema(),
			status: statusSchema,
		},
	};
}

function specSchema(): JsonObject {
	return {
		type: 'object',
		required: ['modulesContent'],
		properties: {
			paused: {
				type: 'boolean',
				description: 'While true the agent takes no change of this deployment: what runs goes on.',
			},
			modulesContent: {
				type: 'object',
				description:
					'As in a deployment manifest of Azure IoT Edge. Sections of modules hold the desired properties of their twins.',
				required: ['$edgeAgent'],
				[preserve]: true,
				properties: { $edgeAgent: section(agentSchema()), $edgeHub: section(hubSchema) },
			},
		},
	};
}

/** `properties.desired` as a whole: a layer alone is no deployment. */
function section(desired: JsonObject): JsonObject {
	return {
		type: 'object',
		[preserve]: true,
		required: ['properties.desired'],
		properties: { 'properties.desired': desired },
	};
}

function agentSchema(): JsonObject {
	const schema = structural(deploymentSchema as unknown as JsonObject);
	const properties = schema['properties'] as Record<string, JsonObject>;
	properties['schemaVersion'] = { type: 'string', pattern: '^1\\.[01](\\.[0-9]{1,9}){0,2}$' };
	properties['modules'] = {
		...properties['modules'],
		maxProperties: maxModules,
		[rules]: [
			rule(
				"self.all(name, name != 'edgeAgent' && name != 'edgeHub')",
				'edgeAgent and edgeHub are system modules',
			),
			rule(
				"self.all(name, size(name) > 0 && size(name) <= 128 && !name.startsWith('$'))",
				'the name of a module has 1 to 128 characters and does not begin with $',
			),
		],
	};
	return {
		...schema,
		required: ['schemaVersion'],
		[rules]: [
			rule(
				'has(self.modules) || has(self.systemModules) || has(self.runtime)',
				'there is no deployment: modules, systemModules and runtime are missing',
			),
		],
	};
}

const hubSchema: JsonObject = {
	type: 'object',
	[preserve]: true,
	required: ['schemaVersion', 'storeAndForwardConfiguration'],
	properties: {
		schemaVersion: { type: 'string', pattern: '^1\\.[0-3](\\.[0-9]{1,9}){0,2}$' },
		routes: {
			type: 'object',
			description:
				'Text of a route, or an object with route, priority and timeToLiveSecs, by name.',
			[preserve]: true,
		},
		storeAndForwardConfiguration: {
			type: 'object',
			[preserve]: true,
			properties: { timeToLiveSecs: { type: 'integer' } },
		},
	},
	[rules]: [
		rule(
			"has(self.routes) || self.schemaVersion.startsWith('1.0')",
			'from schema version 1.1 on routes are required',
		),
	],
};

const statusSchema: JsonObject = {
	type: 'object',
	properties: {
		observedGeneration: { type: 'integer', format: 'int64' },
		conditions: {
			type: 'array',
			'x-kubernetes-list-type': 'map',
			'x-kubernetes-list-map-keys': ['type'],
			items: {
				type: 'object',
				required: ['type', 'status', 'reason', 'message', 'lastTransitionTime'],
				properties: {
					type: { type: 'string' },
					status: { type: 'string', enum: ['True', 'False', 'Unknown'] },
					observedGeneration: { type: 'integer', format: 'int64' },
					reason: { type: 'string' },
					message: { type: 'string' },
					lastTransitionTime: { type: 'string', format: 'date-time' },
				},
			},
		},
		code: { type: 'integer', description: 'As in lastDesiredStatus of the edge agent’s twin.' },
		modulesReady: { type: 'string' },
		modules: {
			type: 'array',
			'x-kubernetes-list-type': 'map',
			'x-kubernetes-list-map-keys': ['name'],
			items: {
				type: 'object',
				required: ['name', 'status'],
				properties: {
					name: { type: 'string' },
					status: { type: 'string' },
					description: { type: 'string' },
					ready: { type: 'string' },
					restarts: { type: 'integer' },
				},
			},
		},
	},
};

function rule(expression: string, message: string): JsonObject {
	return { rule: expression, message };
}

/** A JSON schema of manifests in the subset that Kubernetes takes. */
function structural(schema: JsonObject): JsonObject {
	if (Array.isArray(schema['enum'])) return { type: 'string', enum: [...schema['enum']] };
	if (typeof schema['const'] === 'string') return { type: 'string', enum: [schema['const']] };
	if (schema['type'] === 'integer') return wholeNumber(schema);
	if (schema['type'] === 'string') return { type: 'string' };
	if (schema['type'] !== 'object') return { [preserve]: true };
	const element = schema['additionalProperties'];
	if (isJsonObject(element)) {
		return { type: 'object', additionalProperties: structural(element) };
	}
	const members = isJsonObject(schema['properties']) ? Object.entries(schema['properties']) : [];
	const properties = members.map(([name, member]) => [name, structural(member as JsonObject)]);
	return {
		type: 'object',
		[preserve]: true,
		...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
		...(Array.isArray(schema['required']) ? { required: [...schema['required']] } : {}),
	};
}

/** Many a manifest has strings for numbers. */
function wholeNumber({ minimum = 0, maximum }: JsonObject): JsonObject {
	return { 'x-kubernetes-int-or-string': true, pattern: '^[0-9]{1,10}$', minimum, maximum };
}

/** The definition and its roles as they are installed once for a cluster. */
export function edgeDeploymentInstallation(): readonly KubernetesObject[] {
	return [edgeDeploymentDefinition(), ...edgeDeploymentRoles()];
}
