import test from 'ava';
import {
	containerEnvironment,
	type EnvironmentSources,
	expandVariables,
	MissingReference,
	serviceVariables,
} from '../../../src/local-cluster/node/container-environment.ts';
import type { Container, Pod } from '../../../src/local-cluster/workloads/pod.ts';
import type { Service } from '../../../src/local-cluster/workloads/service.ts';

const pod: Pod = {
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: {
		name: 'pod-1',
		namespace: 'edge',
		uid: 'u',
		labels: { app: 'web', tier: 'a"b' },
		annotations: { 'net.azure-devices.edge.original-moduleid': '$edgeHub' },
	},
	spec: {
		nodeName: 'local',
		serviceAccountName: 'hub',
		containers: [
			{ name: 'other', image: 'o', resources: { limits: { memory: '64Mi', cpu: '250m' } } },
		],
	},
	status: { podIP: '127.70.1.2', hostIP: '127.0.0.1' },
};

const web: Service = {
	apiVersion: 'v1',
	kind: 'Service',
	metadata: { name: 'edge-hub', namespace: 'edge' },
	spec: { clusterIP: '127.63.0.9', ports: [{ name: 'mqtt', port: 8883, protocol: 'TCP' }] },
};

const bytes = (entries: Record<string, string>) =>
	new Map(Object.entries(entries).map(([key, value]) => [key, Buffer.from(value)]));

const sources: EnvironmentSources = {
	pod,
	data: (kind, name) => {
		if (name !== 'settings') return undefined;
		return kind === 'Secret' ? bytes({ key: 's3cret' }) : bytes({ LEVEL: 'info', '1bad key': 'x' });
	},
	services: [web],
	node: { memory: 1024, cpu: 4 },
};

const container = (parts: Partial<Container>): Container => ({ name: 'a', image: 'a', ...parts });

test('variables come from Services, then envFrom, then env', (t) => {
	const env = containerEnvironment(
		container({
			envFrom: [
				{ configMapRef: { name: 'settings' } },
				{ prefix: 'S_', secretRef: { name: 'settings' } },
			],
			env: [
				{ name: 'LEVEL', value: '$(LEVEL)+debug' },
				{ name: 'HUB', value: 'mqtts://$(EDGE_HUB_SERVICE_HOST):$(EDGE_HUB_SERVICE_PORT)' },
				{ name: 'EDGE_HUB_PORT', value: 'mine' },
			],
		}),
		sources,
	);
	t.is(env['LEVEL'], 'info+debug');
	t.is(env['S_key'], 's3cret');
	t.is(env['HUB'], 'mqtts://127.63.0.9:8883');
	t.is(env['EDGE_HUB_PORT'], 'mine');
	t.false('1bad key' in env);
});

const fieldTable: [string, string][] = [
	['metadata.name', 'pod-1'],
	['metadata.namespace', 'edge'],
	["metadata.labels['app']", 'web'],
	["metadata.labels['none']", ''],
	["metadata.annotations['net.azure-devices.edge.original-moduleid']", '$edgeHub'],
	['metadata.labels', 'app="web"\ntier="a\\"b"'],
	['spec.nodeName', 'local'],
	['spec.serviceAccountName', 'hub'],
	['status.podIP', '127.70.1.2'],
	['status.hostIP', '127.0.0.1'],
];

for (const [fieldPath, value] of fieldTable) {
	test(`fieldRef ${fieldPath}`, (t) => {
		const env = containerEnvironment(
			container({ env: [{ name: 'X', valueFrom: { fieldRef: { fieldPath } } }] }),
			sources,
		);
		t.is(env['X'], value);
	});
}

test('resourceFieldRef gives limits, rounded up to the divisor, else what the node has', (t) => {
	const read = (resource: string, containerName?: string, divisor?: string) => {
		const resourceFieldRef = {
			resource,
			...(containerName && { containerName }),
			...(divisor && { divisor }),
		};
		const env = [{ name: 'X', valueFrom: { resourceFieldRef } }];
		return containerEnvironment(container({ env }), sources)['X'];
	};
	t.is(read('limits.memory', 'other', '1Mi'), '64');
	t.is(read('limits.cpu', 'other'), '1');
	t.is(read('limits.cpu', 'other', '1m'), '250');
	t.is(read('requests.memory', 'other'), '67108864');
	t.is(read('limits.memory'), '1024');
});

test('a missing ConfigMap, Secret or key keeps the container from starting, unless it is optional', (t) => {
	const read = (variable: Partial<Container>) => containerEnvironment(container(variable), sources);
	const key = (name: string, optional = false) => ({
		env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'settings', key: name, optional } } }],
	});
	t.throws(() => read(key('none')), {
		instanceOf: MissingReference,
		message: "couldn't find key none in Secret edge/settings",
	});
	t.false('X' in read(key('none', true)));
	t.throws(() => read({ envFrom: [{ configMapRef: { name: 'none' } }] }), {
		message: 'configmap "none" not found',
	});
	t.notThrows(() => read({ envFrom: [{ secretRef: { name: 'none', optional: true } }] }));
});

const expansionTable: [string, string][] = [
	['$(A)', 'one'],
	['$(A)$(B)', 'onetwo'],
	['$(MISSING)', '$(MISSING)'],
	['$$(A)', '$(A)'],
	['$$$(A)', '$one'],
	['$A', '$A'],
	['$(A', '$(A'],
	['$(A$$B)', '$(A$$B)'],
	['$(constructor)', '$(constructor)'],
];

test('$(NAME) refers to a variable and $$ is a dollar sign', (t) => {
	for (const [text, expanded] of expansionTable) {
		t.is(expandVariables(text, { A: 'one', B: 'two' }), expanded, text);
	}
});

test('a Service has the variables that links of Docker had', (t) => {
	t.deepEqual(serviceVariables([web]), {
		EDGE_HUB_SERVICE_HOST: '127.63.0.9',
		EDGE_HUB_SERVICE_PORT: '8883',
		EDGE_HUB_SERVICE_PORT_MQTT: '8883',
		EDGE_HUB_PORT: 'tcp://127.63.0.9:8883',
		EDGE_HUB_PORT_8883_TCP: 'tcp://127.63.0.9:8883',
		EDGE_HUB_PORT_8883_TCP_PROTO: 'tcp',
		EDGE_HUB_PORT_8883_TCP_PORT: '8883',
		EDGE_HUB_PORT_8883_TCP_ADDR: '127.63.0.9',
	});
	t.deepEqual(serviceVariables([{ ...web, spec: { ...web.spec, clusterIP: 'None' } }]), {});
	const off = { ...pod, spec: { ...pod.spec, enableServiceLinks: false } };
	t.deepEqual(containerEnvironment(container({}), { ...sources, pod: off }), {});
});
