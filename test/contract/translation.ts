import { randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ExecutionContext, TestFn } from 'ava';
import { pathOfApi } from '../../src/cluster/api-discovery.ts';
import type { ApiTransport } from '../../src/cluster/api-transport.ts';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { driftOf } from '../../src/edge-agent/plan/drift.ts';
import { defaultPolicy } from '../../src/edge-agent/translation/default-policy.ts';
import { translate } from '../../src/edge-agent/translation/translate.ts';
import type {
	Translation,
	TranslationPolicy,
} from '../../src/edge-agent/translation/translation.ts';
import { parseDeployment } from '../../src/manifest/deployment-parser.ts';
import { parseManifest } from '../../src/manifest/manifest.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import { deploymentGallery, type PodSecurityLevel } from '../support/deployment-gallery.ts';
import { contextFor, desiredStateOf } from '../support/edge-deployment.ts';
import { edgeNamespace, transportTo } from '../support/edge-namespace.ts';
import { Turnstile } from '../support/turnstile.ts';

const deployments = resolve(import.meta.dirname, '../../deployments');
/** Nothing is forbidden, so that whatever a manifest asks for reaches the server. */
const permissive: Partial<TranslationPolicy> = {
	allowPrivileged: true,
	allowHostPaths: ['/', '/var/run/docker.sock', '/run/docker.sock', '/var/run/iotedge'],
	allowHostNetwork: true,
	allowHostIpc: true,
	allowHostPid: true,
	runAsNonRoot: false,
	portMappingServiceType: 'LoadBalancer',
	networkPolicies: true,
};
/** Features that a server is asked about at a time. */
const atOnce = 3;
const levels: readonly PodSecurityLevel[] = ['restricted', 'baseline', 'privileged'];

/** Collections by kind, of those that translations contain. */
const collections: Readonly<Record<string, string>> = {
	PersistentVolumeClaim: 'persistentvolumeclaims',
	Secret: 'secrets',
	ConfigMap: 'configmaps',
	NetworkPolicy: 'networkpolicies',
	ServiceAccount: 'serviceaccounts',
	Service: 'services',
	Deployment: 'deployments',
	Job: 'jobs',
	HorizontalPodAutoscaler: 'horizontalpodautoscalers',
	PodDisruptionBudget: 'poddisruptionbudgets',
};

/**
 * That an API server takes what the translation makes, with the agent's rights, and keeps it as it
 * is declared.
 *
 * @param options.podSecurity whether the server admits pods by the levels of Pod Security.
 * @param options.manifests a folder of more manifests; they are applied without being stored.
 */
export function testTranslation(
	test: TestFn,
	title: string,
	cluster: () => ClusterUnderTest,
	options: { readonly podSecurity: boolean; readonly manifests?: string | undefined },
): void {
	const turnstile = new Turnstile(atOnce);
	for (const [feature, { deployment, policy, level = 'restricted' }] of Object.entries(
		deploymentGallery,
	)) {
		test(`${title} takes ${feature}`, async (t) => {
			await turnstile.pass(async () => {
				const edge = await edgeNamespace(t, cluster());
				const transport = transportTo(t, edge.agentConfig);
				const { translation } = desiredStateOf(deployment, edge, { policy: policy ?? {} });
				t.deepEqual(errorsOf(translation), []);
				t.deepEqual(await refusals(transport, translation.objects), []);
				t.deepEqual(await changesWhenRepeated(transport, translation.objects), []);
				if (!options.podSecurity) return;
				t.is(await strictestLevel(t, cluster(), translation.objects), level);
			});
		});
	}

	test(`${title} takes the deployments of this project, as restricted pods`, async (t) => {
		const edge = await edgeNamespace(t, cluster());
		const transport = transportTo(t, edge.agentConfig);
		const files = (await readdir(deployments)).filter((file) => file.endsWith('.json'));
		t.true(files.length > 0);
		for (const file of files) {
			const { translation } = translationOf(await readFile(join(deployments, file), 'utf8'), edge);
			t.deepEqual(translation && errorsOf(translation), [], file);
			const objects = translation?.objects ?? [];
			t.deepEqual(await refusals(transport, objects), [], file);
			if (options.podSecurity)
				t.is(await strictestLevel(t, cluster(), objects), 'restricted', file);
		}
	});

	const { manifests } = options;
	if (manifests === undefined) return;
	for (const [name, policy] of Object.entries({ strict: {}, permissive })) {
		test(`${title} takes every manifest of ${manifests}, by a ${name} policy`, async (t) => {
			t.timeout(600_000);
			const edge = await edgeNamespace(t, cluster());
			const transport = transportTo(t, edge.agentConfig);
			const files = (await readdir(manifests)).filter((file) => file.endsWith('.json'));
			const faults: string[] = [];
			let count = 0;
			for (const file of files) {
				const text = filledIn(await readFile(join(manifests, file), 'utf8'));
				const { translation, why } = translationOf(text, edge, policy);
				if (translation === undefined) t.log(`${file}: ${why}`);
				const objects = translation?.objects ?? [];
				count += objects.length;
				const found = await refusals(transport, objects, { dryRun: 'All' });
				faults.push(...found.map((fault) => `${file}: ${fault}`));
			}
			t.log(`${files.length} manifests, ${count} objects`);
			t.deepEqual(faults, []);
		});
	}
}

/** Placeholders of templates with something in their place. */
function filledIn(text: string): string {
	return text.replace(/\$\{([^}]*)\}/g, (_, name: string) => {
		return /SCHEMA_VERSION/.test(name) ? '1.1' : 'placeholder';
	});
}

function errorsOf({ problems }: Translation): string[] {
	const errors = problems.filter(({ severity }) => severity === 'error');
	return errors.map(({ path, message }) => `${path}: ${message}`);
}

/** Applies objects; what the server refuses, or does not keep as declared. */
async function refusals(
	transport: ApiTransport,
	objects: readonly KubernetesObject[],
	query: Record<string, string> = {},
): Promise<string[]> {
	const faults = await inTurn(objects, async (object) => {
		try {
			const drift = driftOf(object, await apply(transport, object, query));
			return drift.length === 0 ? [] : [`${nameOf(object)} is changed: ${drift.join(', ')}`];
		} catch (error) {
			if (!(error instanceof ClusterError)) throw error;
			return [`${nameOf(object)}: ${error.status} ${error.message}`];
		}
	});
	return faults.flat();
}

/** Applies objects that exist; those that get another version by it. */
async function changesWhenRepeated(
	transport: ApiTransport,
	objects: readonly KubernetesObject[],
): Promise<string[]> {
	const changes = await inTurn(objects, async (object) => {
		const before = await apply(transport, object);
		const after = await apply(transport, object);
		const isSame = before.metadata.resourceVersion === after.metadata.resourceVersion;
		return isSame ? [] : [nameOf(object)];
	});
	return changes.flat();
}

async function apply(
	transport: ApiTransport,
	object: KubernetesObject,
	query: Record<string, string> = {},
): Promise<KubernetesObject> {
	const { apiVersion, kind, metadata } = object;
	const parameters = new URLSearchParams({
		fieldManager: 'edge-agent',
		force: 'true',
		fieldValidation: 'Strict',
		...query,
	});
	const collection = `${pathOfApi(apiVersion)}/namespaces/${metadata.namespace}/${collections[kind]}`;
	return (await transport.json({
		method: 'PATCH',
		path: `${collection}/${metadata.name}?${parameters}`,
		body: object,
		contentType: 'application/apply-patch+yaml',
	})) as KubernetesObject;
}

/** The strictest level of Pod Security at which every pod of the workloads is admitted. */
async function strictestLevel(
	t: ExecutionContext,
	cluster: ClusterUnderTest,
	objects: readonly KubernetesObject[],
): Promise<PodSecurityLevel | undefined> {
	const transport = transportTo(t, cluster.config);
	const reasons: string[] = [];
	for (const level of levels) {
		const namespace = await securedNamespace(t, cluster, level);
		const admitted = await inTurn(objects, async (object) => {
			const template = object.spec?.['template'];
			if (template === undefined) return true;
			try {
				await createPod(transport, namespace, template as unknown as PodTemplate);
				return true;
			} catch (error) {
				if (!(error instanceof ClusterError)) throw error;
				reasons.push(`${nameOf(object)}: ${error.message}`);
				return false;
			}
		});
		if (admitted.every(Boolean)) {
			for (const reason of reasons) t.log(reason);
			return level;
		}
	}
	for (const reason of reasons) t.log(reason);
	return undefined;
}

interface PodTemplate {
	readonly metadata: JsonObject;
	readonly spec: JsonObject;
}

/** Deployments are only warned about; a bare pod is admitted or not. */
async function createPod(
	transport: ApiTransport,
	namespace: string,
	{ metadata, spec }: PodTemplate,
): Promise<void> {
	// Accounts and classes that must exist for a pod are not what this is about.
	const { serviceAccountName, runtimeClassName, ...rest } = spec;
	await transport.json({
		method: 'POST',
		path: `/api/v1/namespaces/${namespace}/pods?dryRun=All&fieldValidation=Strict`,
		body: {
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: { ...metadata, name: 'pod' },
			spec: { ...rest, serviceAccountName: 'module' },
		},
	});
}

async function securedNamespace(
	t: ExecutionContext,
	cluster: ClusterUnderTest,
	level: PodSecurityLevel,
): Promise<string> {
	const client = connect(cluster.config);
	const name = `pods-${randomBytes(4).toString('hex')}`;
	t.teardown(async () => {
		await client.delete({ apiVersion: 'v1', kind: 'Namespace', name });
		client.close();
	});
	const labels = { 'pod-security.kubernetes.io/enforce': level };
	await client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
	const metadata = { name: 'module', namespace: name };
	await client.create({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
	return name;
}

function translationOf(
	text: string,
	context: Parameters<typeof contextFor>[1],
	policy: Partial<TranslationPolicy> = {},
): { readonly translation?: Translation; readonly why?: string } {
	const { manifest, problems } = parseManifest(text);
	if (manifest?.agent === undefined) return { why: problems[0]?.message ?? 'it has no deployment' };
	const { desired, path } = manifest.agent;
	const parsed = parseDeployment(desired, { path, layered: manifest.layered });
	if (parsed.deployment === undefined) {
		const error = parsed.problems.find(({ severity }) => severity === 'error');
		return { why: `${error?.path} ${error?.message}` };
	}
	const { deployment } = parsed;
	const all = { ...defaultPolicy, ...policy };
	return { translation: translate(deployment, contextFor(deployment, context), all) };
}

async function inTurn<Item, Result>(
	items: readonly Item[],
	work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
	const results: Result[] = [];
	for (const item of items) results.push(await work(item));
	return results;
}

function nameOf({ kind, metadata }: KubernetesObject): string {
	return `${kind} ${metadata.name}`;
}
