import type { AuthoredDeployment, AuthoredModule } from './edge-deployment.ts';

/** One object of every kind, over three modules. */
export const everyKind: AuthoredDeployment = {
	registryCredentials: {
		example: { address: 'example.azurecr.io', username: 'puller', password: 'secret' },
	},
	modules: {
		Filter: {
			env: { THRESHOLD: { value: '25' } },
			createOptions: {
				ExposedPorts: { '8080/tcp': {} },
				HostConfig: { Binds: ['data:/data'], Memory: 134217728 },
			},
		},
		detector: {
			createOptions: {
				'k8s-extensions': {
					autoscaling: { minReplicas: 2, maxReplicas: 4 },
					disruptionBudget: { minAvailable: 1 },
				},
			},
		},
		training: {
			restartPolicy: 'on-failure',
			createOptions: { 'k8s-extensions': { workloadApi: { mode: 'sidecar' } } },
		},
	},
};
/** The policy that it takes to have one of every kind. */
export const everyPolicy = { networkPolicies: true };

/** Changes of a module, there and back, that must each lead to exactly what is declared. */
export const moduleChanges: Readonly<
	Record<string, readonly [before: AuthoredModule, after: AuthoredModule]>
> = {
	'another image': [{ image: 'example/m:1' }, { image: 'example/m:2' }],
	'running, then stopped': [{}, { status: 'stopped' }],
	'a Deployment, then a Job': [{}, { restartPolicy: 'never' }],
	'another image of a Job': [
		{ restartPolicy: 'never', image: 'example/m:1' },
		{ restartPolicy: 'never', image: 'example/m:2' },
	],
	'a Job that is suspended and resumed': [
		{ restartPolicy: 'never', status: 'stopped' },
		{ restartPolicy: 'never' },
	],
	'a variable less': [
		{ env: { A: { value: '1' }, B: { value: '2' } } },
		{ env: { B: { value: '2' } } },
	],
	'a value, then a reference': [
		{ env: { A: { value: '1' } } },
		extended({ env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }] }),
	],
	'rolling, then recreated': [{}, { createOptions: { HostConfig: { Binds: ['data:/data'] } } }],
	'recreated by name, then rolling': [extended({ strategy: { type: 'Recreate' } }), {}],
	'fixed replicas, then scaled': [
		extended({ replicas: 3 }),
		extended({ autoscaling: { maxReplicas: 5 } }),
	],
	'scaled, then fixed replicas': [
		extended({ autoscaling: { maxReplicas: 5 } }),
		extended({ replicas: 3 }),
	],
	'another port': [exposing('80/tcp'), exposing('81/tcp')],
	'another protocol': [exposing('53/tcp'), exposing('53/udp')],
	'one protocol, then two': [exposing('53/tcp'), exposing('53/tcp', '53/udp')],
	'a port less': [exposing('80/tcp', '81/tcp'), exposing('81/tcp')],
	'another host port': [bound('80/tcp', '8080'), bound('80/tcp', '8081')],
	'in the cluster, then on a node port': [serving('ClusterIP'), serving('NodePort')],
	'load balanced, then in the cluster': [serving('LoadBalancer'), serving('ClusterIP')],
	'an alias that gets a port': [aliased({}), aliased({ ExposedPorts: { '80/tcp': {} } })],
	'another kind of probe': [
		extended({ probes: { liveness: { exec: { command: ['true'] } } } }),
		extended({ probes: { liveness: { httpGet: { path: '/', port: 8080 } } } }),
	],
	'another kind of volume': [
		mounting({ emptyDir: {} }),
		mounting({ configMap: { name: 'settings' } }),
	],
	'with a sidecar for the workload API': [{}, extended({ workloadApi: { mode: 'sidecar' } })],
	'other resources': [
		{ createOptions: { HostConfig: { Memory: 134217728, NanoCpus: 500000000 } } },
		{ createOptions: { HostConfig: { NanoCpus: 1000000000 } } },
	],
	'another budget': [
		extended({ disruptionBudget: { minAvailable: 1 } }),
		extended({ disruptionBudget: { maxUnavailable: '50%' } }),
	],
	'other rights': [{ createOptions: { User: '2000:2000' } }, {}],
};

/** A module with members of `k8s-extensions`. */
export function extended(extension: NonNullable<AuthoredModule['createOptions']>): AuthoredModule {
	return { createOptions: { 'k8s-extensions': extension } };
}

/** A module with ports such as `80/tcp`. */
export function exposing(...ports: string[]): AuthoredModule {
	return { createOptions: { ExposedPorts: Object.fromEntries(ports.map((port) => [port, {}])) } };
}

function bound(port: string, hostPort: string): AuthoredModule {
	const bindings = { [port]: [{ HostPort: hostPort }] };
	return { createOptions: { HostConfig: { PortBindings: bindings } } };
}

function serving(type: string): AuthoredModule {
	const { createOptions } = bound('80/tcp', '8080');
	return { createOptions: { ...createOptions, 'k8s-extensions': { serviceOptions: { type } } } };
}

function aliased(options: NonNullable<AuthoredModule['createOptions']>): AuthoredModule {
	const networks = { 'azure-iot-edge': { Aliases: ['another-name'] } };
	return { createOptions: { ...options, NetworkingConfig: { EndpointsConfig: networks } } };
}

function mounting(source: NonNullable<AuthoredModule['createOptions']>): AuthoredModule {
	const volumeMounts = [{ name: 'v', mountPath: '/v' }];
	return extended({ volumes: [{ volume: { name: 'v', ...source }, volumeMounts }] });
}
