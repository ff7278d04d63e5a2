import test from 'ava';
import type { TranslationPolicy } from '../../../src/edge-agent/translation/translation.ts';
import type { JsonObject } from '../../../src/runtime/json.ts';
import { type AuthoredModule, desiredStateOf } from '../../support/edge-deployment.ts';

const host = { createOptions: { HostConfig: { NetworkMode: 'host' } } };
const asking = { createOptions: { 'k8s-extensions': { workloadApi: { mode: 'sidecar' } } } };
const refusing = {
	createOptions: {
		HostConfig: { NetworkMode: 'host' },
		'k8s-extensions': { workloadApi: { mode: 'address' } },
	},
};

function outcomeOf(
	module: AuthoredModule,
	policy: Partial<TranslationPolicy> = {},
	name = 'filter',
) {
	const { translation } = desiredStateOf(
		{ modules: { [name]: module } },
		{ namespace: 'edge' },
		{ policy: { allowHostNetwork: true, ...policy } },
	);
	const workload = (objectName: string) => {
		const found = translation.objects.find(({ kind, metadata }) => {
			return (kind === 'Deployment' || kind === 'Job') && metadata.name.startsWith(objectName);
		});
		const template = found?.spec?.['template'] as { spec: Pod } | undefined;
		return template?.spec ?? { containers: [] };
	};
	return { translation, workload, pod: workload(name) };
}

interface Pod {
	readonly containers: readonly Container[];
	readonly initContainers?: readonly Container[];
	readonly volumes?: readonly JsonObject[];
}

interface Container extends JsonObject {
	readonly name: string;
	readonly env: { name: string; value: string }[];
	readonly volumeMounts: { name: string; mountPath: string }[];
}

function workloadUri(pod: Pod): string | undefined {
	const [container] = pod.containers;
	return container?.env.find(({ name }) => name === 'IOTEDGE_WORKLOADURI')?.value;
}

const socket = 'unix:///var/run/iotedge-k8s/workload.sock';
const address = 'http://edgeagent:35001/';

const modes: [string, AuthoredModule, Partial<TranslationPolicy>, string, string[]][] = [
	['a module like any other calls from its address', {}, {}, address, []],
	['a module that asks for it has a sidecar', asking, {}, socket, []],
	['a module on its node’s network has a sidecar', host, {}, socket, []],
	[
		'every module has one where the operator says so',
		{},
		{ workloadApiMode: 'sidecar' },
		socket,
		[],
	],
	[
		'an address that proves nothing is no choice',
		refusing,
		{},
		socket,
		['warning EDGE_EXTENSION_INVALID'],
	],
];

for (const [title, module, policy, uri, problems] of modes) {
	test(title, (t) => {
		const { pod, translation } = outcomeOf(module, policy);
		t.is(workloadUri(pod), uri);
		t.is(pod.initContainers?.length, uri === socket ? 2 : undefined);
		const found = translation.problems.map(({ severity, code }) => `${severity} ${code}`);
		t.deepEqual(found, problems);
		const bundles = translation.objects.filter(({ kind }) => kind === 'ConfigMap');
		t.deepEqual(
			bundles.map(({ metadata, data }) => [metadata.name, data]),
			uri === socket ? [['iotedge-trust-bundle', { 'ca.pem': 'PEM of the edge' }]] : [],
		);
	});
}

test('the edge hub speaks through a sidecar where the operator wants it so', (t) => {
	const { workload } = outcomeOf({}, { workloadApiMode: 'sidecar' });
	t.is(workloadUri(workload('edgehub')), socket);
	t.is(workloadUri(outcomeOf(asking).workload('edgehub')), address);
});

test('the sidecar runs before and after the module, and the module waits until it serves', (t) => {
	const { pod } = outcomeOf(asking);
	const [proxy, gate] = pod.initContainers ?? [];
	t.like(proxy, {
		name: 'workload-proxy',
		image: 'iotedge-k8s:1',
		restartPolicy: 'Always',
		args: ['workload-proxy'],
	});
	t.like(gate, { name: 'workload-proxy-wait', args: ['workload-proxy', '--wait'] });
	t.is(gate?.['restartPolicy'], undefined);
});

test('the token is for the workload API alone, and the module cannot see it', (t) => {
	const { pod } = outcomeOf(asking);
	const mounters = (volume: string) => {
		const all = [...(pod.initContainers ?? []), ...pod.containers];
		const having = all.filter(({ volumeMounts = [] }) => {
			return volumeMounts.some(({ name }) => name === volume);
		});
		return having.map(({ name }) => name);
	};
	t.deepEqual(mounters('iotedge-workload-credentials'), ['workload-proxy']);
	t.deepEqual(mounters('iotedge-workload-socket'), [
		'workload-proxy',
		'workload-proxy-wait',
		'filter',
	]);
	const volume = pod.volumes?.find(({ name }) => name === 'iotedge-workload-credentials');
	t.like(volume, {
		projected: {
			sources: [{ serviceAccountToken: { audience: 'iotedge-k8s-workload', path: 'token' } }],
		},
	});
	t.is((pod as unknown as JsonObject)['automountServiceAccountToken'], false);
});

test('the sidecar has no rights, whatever the module has', (t) => {
	const privileged = { createOptions: { HostConfig: { Privileged: true, NetworkMode: 'host' } } };
	const { pod } = outcomeOf(privileged, { allowPrivileged: true });
	for (const container of pod.initContainers ?? []) {
		t.deepEqual(container['securityContext'], {
			runAsNonRoot: true,
			runAsUser: 1000,
			allowPrivilegeEscalation: false,
			readOnlyRootFilesystem: true,
			capabilities: { drop: ['ALL'] },
			seccompProfile: { type: 'RuntimeDefault' },
		});
	}
});

test('a module called like the sidecar keeps its name', (t) => {
	const { pod } = outcomeOf(asking, {}, 'workload-proxy');
	const names = [...(pod.initContainers ?? []), ...pod.containers].map(({ name }) => name);
	t.deepEqual(names, ['workload-proxy-sidecar', 'workload-proxy-wait', 'workload-proxy']);
});

test('a Job ends with its module, as the sidecar is no container of its own right', (t) => {
	const { translation } = outcomeOf({ restartPolicy: 'never', ...asking });
	t.truthy(translation.objects.find(({ kind }) => kind === 'Job'));
});

const wrong: [string, JsonObject][] = [
	['another mode', { workloadApi: { mode: 'magic' } }],
	[
		'a volume of the sidecar’s name',
		{
			workloadApi: { mode: 'sidecar' },
			volumes: [{ volume: { name: 'iotedge-workload-socket', emptyDir: {} }, volumeMounts: [] }],
		},
	],
	[
		'a mount over the socket',
		{
			workloadApi: { mode: 'sidecar' },
			volumes: [
				{
					volume: { name: 'mine', emptyDir: {} },
					volumeMounts: [{ name: 'mine', mountPath: '/var/run/iotedge-k8s' }],
				},
			],
		},
	],
];

for (const [what, extension] of wrong) {
	test(`${what} is refused`, (t) => {
		const { translation } = outcomeOf({ createOptions: { 'k8s-extensions': extension } });
		t.true(translation.modules.find(({ name }) => name === 'filter')?.refused);
		t.is(translation.problems[0]?.code, 'EDGE_EXTENSION_INVALID');
	});
}
