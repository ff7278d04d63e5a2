import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { DesiredState } from '../../src/edge-agent/agent-status.ts';
import {
	type ModuleTranslation,
	moduleLabel,
	originalModuleIdAnnotation,
} from '../../src/edge-agent/translation/translation.ts';
import type { ModuleDeployment } from '../../src/manifest/deployment.ts';
import type { Problem } from '../../src/manifest/problem.ts';

/** A module as a test describes it. */
export interface TestModule {
	readonly name: string;
	readonly image?: string;
	readonly kind?: 'Deployment' | 'Job';
	readonly status?: 'running' | 'stopped';
	readonly startupOrder?: number;
	readonly replicas?: number;
	readonly env?: Readonly<Record<string, string>>;
	/** Why it is refused. */
	readonly refused?: string;
}

export const namespace = 'edge';

/** The desired state of some modules, each with a ServiceAccount, a Service and a workload. */
export function desiredState(version: number, modules: readonly TestModule[]): DesiredState {
	const running = modules.filter(({ refused }) => refused === undefined);
	const problems: Problem[] = modules.flatMap(({ name, refused }) =>
		refused === undefined
			? []
			: [
					{
						severity: 'error',
						code: 'TEST',
						path: `$.modules.${name}`,
						message: refused,
						module: name,
					},
				],
	);
	return {
		version,
		deployment: {
			schemaVersion: '1.1',
			runtime: { type: 'docker', settings: {} },
			registryCredentials: new Map(),
			modules: modules.map(moduleDeployment),
		},
		translation: {
			objects: [
				...running.flatMap((module) => [serviceAccount(module), service(module)]),
				...running.map(workload),
			],
			problems,
			modules: modules.map(moduleTranslation),
		},
	};
}

/** A pod as a ReplicaSet makes it. */
export function pod(
	module: string,
	name: string,
	status: Record<string, unknown>,
	revision = '1',
): KubernetesObject {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: {
			name,
			namespace,
			labels: {
				[moduleLabel]: module,
				'net.azure-devices.edge.deviceid': 'device',
				'pod-template-hash': revision,
			},
		},
		status: status as NonNullable<KubernetesObject['status']>,
	};
}

function moduleDeployment(module: TestModule): ModuleDeployment {
	const { name, image = 'example/image:1', status = 'running', startupOrder = 10 } = module;
	return {
		name,
		system: name === 'edgeAgent' || name === 'edgeHub',
		version: '1.0',
		status,
		restartPolicy: module.kind === 'Job' ? 'on-failure' : 'always',
		imagePullPolicy: 'on-create',
		startupOrder,
		image,
		createOptions: {},
		env: new Map(Object.entries(module.env ?? {})),
		path: `$.modules.${name}`,
	};
}

function moduleTranslation({
	name,
	kind,
	startupOrder = 10,
	refused,
}: TestModule): ModuleTranslation {
	const reference = workloadReference(name, kind);
	return {
		name,
		moduleId: name,
		objectName: name,
		objects: [],
		startupOrder,
		held: false,
		refused: refused !== undefined,
		...(refused === undefined ? { workload: reference } : {}),
	};
}

function workloadReference(name: string, kind: TestModule['kind'] = 'Deployment') {
	const apiVersion = kind === 'Job' ? 'batch/v1' : 'apps/v1';
	return { apiVersion, kind, name, namespace };
}

function metadata(name: string): KubernetesObject['metadata'] {
	const annotations = { [originalModuleIdAnnotation]: name };
	return { name, namespace, labels: { [moduleLabel]: name }, annotations };
}

function serviceAccount({ name }: TestModule): KubernetesObject {
	return { apiVersion: 'v1', kind: 'ServiceAccount', metadata: metadata(name) };
}

function service({ name }: TestModule): KubernetesObject {
	const spec = { selector: { [moduleLabel]: name }, ports: [{ name: 'http', port: 80 }] };
	return { apiVersion: 'v1', kind: 'Service', metadata: metadata(name), spec };
}

function workload(module: TestModule): KubernetesObject {
	const { name, image = 'example/image:1', status = 'running', replicas = 1, env = {} } = module;
	const { apiVersion, kind } = workloadReference(name, module.kind);
	const labels = { [moduleLabel]: name, 'net.azure-devices.edge.deviceid': 'device' };
	const variables = Object.entries(env).map(([key, value]) => ({ name: key, value }));
	const template = {
		metadata: { labels },
		spec: { containers: [{ name, image, env: variables }] },
	};
	const count = status === 'stopped' ? 0 : replicas;
	const spec =
		kind === 'Job'
			? { suspend: status === 'stopped', backoffLimit: 20, template }
			: { replicas: count, selector: { matchLabels: { [moduleLabel]: name } }, template };
	return { apiVersion, kind, metadata: metadata(name), spec };
}
