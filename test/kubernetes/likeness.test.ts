import test, { type ExecutionContext } from 'ava';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import type { HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/runtime/json.ts';
import { type ClusterUnderTest, localCluster } from '../support/cluster-under-test.ts';
import { deploymentGallery } from '../support/deployment-gallery.ts';
import { desiredStateOf } from '../support/edge-deployment.ts';
import { edgeNamespace } from '../support/edge-namespace.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const manager = { fieldManager: 'edge-agent' };
let real: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	real = await kubernetesUnderTest();
});

test.after.always(() => real?.[Symbol.asyncDispose]());

for (const [feature, { deployment, policy = {} }] of Object.entries(deploymentGallery)) {
	test(`the local cluster makes the same of ${feature} as a real one`, async (t) => {
		const { translation } = desiredStateOf(deployment, { namespace: 'edge' }, { policy });
		const local = await localCluster(await temporaryFolder(t));
		t.teardown(() => local[Symbol.asyncDispose]());
		const [here, there] = await Promise.all([
			outcomes(t, local, translation.objects),
			outcomes(t, real, translation.objects),
		]);
		const differences = here.flatMap((outcome, index) => {
			return differencesOf(translation.objects[index]?.kind ?? '', outcome, there[index]);
		});
		t.deepEqual(differences, []);
	});
}

/** Objects that no API server takes: a pod's fields in a Deployment, or others whole. */
const refused: Readonly<Record<string, JsonObject>> = {
	'four nameservers': pod({
		dnsConfig: { nameservers: ['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.4'] },
	}),
	'a nameserver that is no address': pod({ dnsConfig: { nameservers: ['dns'] } }),
	'a host alias that is no name': pod({ hostAliases: [{ ip: '192.0.2.1', hostnames: ['a_b'] }] }),
	'a host alias that is no address': pod({ hostAliases: [{ ip: 'here', hostnames: ['a'] }] }),
	'a kernel setting of the host’s network': pod({
		hostNetwork: true,
		securityContext: { sysctls: [{ name: 'net.ipv4.tcp_syncookies', value: '1' }] },
	}),
	'two process namespaces': pod({ hostPID: true, shareProcessNamespace: true }),
	'a restart policy of Jobs': pod({ restartPolicy: 'Never' }),
	'a host name that is none': pod({ hostname: 'A_b' }),
	'a user beyond the last': pod({ securityContext: { runAsUser: 4294967295 } }),
	'a request above the limit': container({
		resources: { limits: { cpu: '1' }, requests: { cpu: '2' } },
	}),
	'an extended resource in halves': container({
		resources: { limits: { 'example.com/a': '500m' } },
	}),
	'a probe without a way to ask': container({ livenessProbe: { periodSeconds: 5 } }),
	'a probe with two ways to ask': container({
		livenessProbe: { exec: { command: ['a'] }, tcpSocket: { port: 80 } },
	}),
	'a probe that gives up before it begins': container({
		livenessProbe: { exec: { command: ['a'] }, failureThreshold: -1 },
	}),
	'a mount for the host without privilege': mount({ mountPropagation: 'Bidirectional' }),
	'a mount outside of its volume': mount({ subPath: '../a' }),
	'a mount of no volume': container({ volumeMounts: [{ name: 'other', mountPath: '/v' }] }),
	'privilege without escalation': container({
		securityContext: { privileged: true, allowPrivilegeEscalation: false },
	}),
	'a variable without a name': container({ env: [{ name: '', value: '1' }] }),
	'a variable of two sources': container({
		env: [{ name: 'A', value: '1', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
	}),
	'a port beyond the last': container({ ports: [{ containerPort: 65536 }] }),
	'no image': container({ image: '' }),
	'an unknown field': container({ imagePolicy: 'Always' }),
	'a field of another type': container({ command: 'ls' }),
	'a negative number of replicas': {
		...deployment(),
		spec: { ...deployment().spec, replicas: -1 },
	},
	'a selector that selects nothing': {
		...deployment(),
		spec: { ...deployment().spec, selector: { matchLabels: { other: 'a' } } },
	},
	'a label that is none': {
		...deployment(),
		metadata: { name: 'a', labels: { a: 'not a label' } },
	},
	'a name that is none': { ...deployment(), metadata: { name: 'A_b' } },
	'a claim of nothing': {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: { name: 'a' },
		spec: { accessModes: ['ReadWriteOnce'], resources: { requests: {} } },
	},
	'a claim without modes': {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: { name: 'a' },
		spec: { resources: { requests: { storage: '1Gi' } } },
	},
	'a Service with two ports without names': service({ ports: [{ port: 80 }, { port: 81 }] }),
	'a Service without ports': service({}),
	'a Service whose traffic policy has no use': service({
		ports: [{ port: 80 }],
		externalTrafficPolicy: 'Local',
	}),
	'a budget of both kinds': {
		apiVersion: 'policy/v1',
		kind: 'PodDisruptionBudget',
		metadata: { name: 'a' },
		spec: { minAvailable: 1, maxUnavailable: 1, selector: { matchLabels: { app: 'a' } } },
	},
	'an autoscaler with fewer at most than at least': {
		apiVersion: 'autoscaling/v2',
		kind: 'HorizontalPodAutoscaler',
		metadata: { name: 'a' },
		spec: {
			scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' },
			minReplicas: 3,
			maxReplicas: 2,
		},
	},
	'a pull secret that is none': {
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'a' },
		type: 'kubernetes.io/dockerconfigjson',
		data: { '.dockerconfigjson': Buffer.from('none').toString('base64') },
	},
	'an empty rule of a network policy’s port': {
		apiVersion: 'networking.k8s.io/v1',
		kind: 'NetworkPolicy',
		metadata: { name: 'a' },
		spec: { podSelector: {}, ingress: [{ ports: [{ port: 65536 }] }] },
	},
};

test('the local cluster refuses what a real one refuses', async (t) => {
	const local = await localCluster(await temporaryFolder(t));
	t.teardown(() => local[Symbol.asyncDispose]());
	const objects = Object.values(refused) as unknown as KubernetesObject[];
	const [here, there] = await Promise.all([
		outcomes(t, local, objects),
		outcomes(t, real, objects),
	]);
	const titles = Object.keys(refused);
	const differences = titles.flatMap((title, index) => {
		return differencesOf(title, here[index], there[index]);
	});
	for (const [index, answer] of there.entries()) t.is(typeof answer, 'string', titles[index]);
	t.deepEqual(differences, []);
});

function deployment(fields: JsonObject = {}, containerFields: JsonObject = {}) {
	const labels = { app: 'a' };
	const container = { name: 'a', image: 'a:1', ...containerFields };
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'a' },
		spec: {
			selector: { matchLabels: labels },
			template: { metadata: { labels }, spec: { containers: [container], ...fields } },
		},
	};
}

function pod(fields: JsonObject): JsonObject {
	return deployment(fields);
}

function container(fields: JsonObject): JsonObject {
	return deployment({}, fields);
}

function mount(fields: JsonObject): JsonObject {
	const volumeMounts = [{ name: 'v', mountPath: '/v', ...fields }];
	return deployment({ volumes: [{ name: 'v', emptyDir: {} }] }, { volumeMounts });
}

function service(spec: JsonObject): JsonObject {
	return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'a' }, spec };
}

async function outcomes(
	t: ExecutionContext,
	cluster: ClusterUnderTest,
	objects: readonly KubernetesObject[],
): Promise<JsonValue[]> {
	const { admin, namespace } = await edgeNamespace(t, cluster);
	const results: JsonValue[] = [];
	for (const object of objects) results.push(await outcome(admin, namespace, object));
	return results;
}

async function outcome(
	admin: HttpClusterClient,
	namespace: string,
	object: KubernetesObject,
): Promise<JsonValue> {
	const metadata = { ...object.metadata, namespace };
	try {
		const live = await admin.apply({ ...object, metadata }, manager);
		return comparable(JSON.parse(JSON.stringify(live).replaceAll(namespace, 'edge')));
	} catch (error) {
		if (!(error instanceof ClusterError)) throw error;
		return `${object.kind} ${object.metadata.name}: ${error.status} ${comparableMessage(error.message)}`;
	}
}

/** Without what only Go writes like that: structs as values, errors of its parsers. */
function comparableMessage(message: string): string {
	return message
		.replace(/(Invalid value: )\{.*\}(: )/g, '$1{}$2')
		.replace(/(failed to create typed patch object|invalid character) .*/, '$1');
}

/**
 * What is different in every cluster, what controllers fill in, and the finalizer of claims: the
 * local cluster protects no claim in use.
 */
const individual = new Set([
	...['uid', 'resourceVersion', 'creationTimestamp', 'clusterIP', 'clusterIPs', 'nodePort'],
	...['healthCheckNodePort', 'time', 'controller-uid', 'batch.kubernetes.io/controller-uid'],
	...['status', 'finalizers'],
]);

/** Without what is individual, and what may be left out because it is empty. */
function comparable(value: JsonValue): JsonValue {
	if (Array.isArray(value)) return value.map(comparable);
	if (!isJsonObject(value)) return value;
	const members = Object.entries(value)
		.filter(([name]) => !individual.has(name))
		.map(([name, member = null]) => [name, comparable(member)] as const)
		.filter(([, member]) => JSON.stringify(member) !== '""' && JSON.stringify(member) !== '{}');
	return Object.fromEntries(members);
}

/** `Deployment.spec.replicas: 1, really 2` for each member that differs. */
function differencesOf(
	path: string,
	here: JsonValue | undefined,
	there: JsonValue | undefined,
): string[] {
	if (isJsonObject(here) && isJsonObject(there)) {
		const names = new Set([...Object.keys(here), ...Object.keys(there)]);
		return [...names].flatMap((name) => differencesOf(`${path}.${name}`, here[name], there[name]));
	}
	if (Array.isArray(here) && Array.isArray(there) && here.length === there.length) {
		return here.flatMap((item, index) => differencesOf(`${path}[${index}]`, item, there[index]));
	}
	const [one, other] = [JSON.stringify(here), JSON.stringify(there)];
	return one === other ? [] : [`${path}: ${one}, really ${other}`];
}
