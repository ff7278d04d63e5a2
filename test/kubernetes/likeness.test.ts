import test, { type ExecutionContext } from 'ava';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import type { HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { isJsonObject, type JsonValue } from '../../src/runtime/json.ts';
import { type ClusterUnderTest, localCluster } from '../support/cluster-under-test.ts';
import { deploymentGallery } from '../support/deployment-gallery.ts';
import { desiredStateOf } from '../support/edge-deployment.ts';
import { edgeNamespace } from '../support/edge-namespace.ts';
import { kubernetesUnderTest } from '../support/kubernetes-under-test.ts';
import { refusedObjects } from '../support/refused-objects.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { Turnstile } from '../support/turnstile.ts';

const manager = { fieldManager: 'edge-agent' };
/** Features that the servers are asked about at a time. */
const turnstile = new Turnstile(3);
let real: ClusterUnderTest;

test.before(async (t) => {
	t.timeout(180_000);
	real = await kubernetesUnderTest();
});

test.after.always(() => real?.[Symbol.asyncDispose]());

for (const [feature, { deployment, policy = {} }] of Object.entries(deploymentGallery)) {
	test(`the local cluster makes the same of ${feature} as a real one`, async (t) => {
		const { translation } = desiredStateOf(deployment, { namespace: 'edge' }, { policy });
		const [here, there] = await turnstile.pass(async () => {
			const local = await localCluster(await temporaryFolder(t));
			t.teardown(() => local[Symbol.asyncDispose]());
			return Promise.all([
				outcomes(t, local, translation.objects),
				outcomes(t, real, translation.objects),
			]);
		});
		const differences = here.flatMap((outcome, index) => {
			return differencesOf(translation.objects[index]?.kind ?? '', outcome, there[index]);
		});
		t.deepEqual(differences, []);
	});
}

test('the local cluster refuses what a real one refuses', async (t) => {
	const local = await localCluster(await temporaryFolder(t));
	t.teardown(() => local[Symbol.asyncDispose]());
	const objects = Object.values(refusedObjects) as unknown as KubernetesObject[];
	const [here, there] = await Promise.all([
		outcomes(t, local, objects),
		outcomes(t, real, objects),
	]);
	const titles = Object.keys(refusedObjects);
	const differences = titles.flatMap((title, index) => {
		return differencesOf(title, here[index], there[index]);
	});
	for (const [index, answer] of there.entries()) t.is(typeof answer, 'string', titles[index]);
	t.deepEqual(differences, []);
});

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
