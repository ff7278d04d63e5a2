import type { TestFn } from 'ava';
import {
	type KubernetesObject,
	type ObjectReference,
	referenceOf,
} from '../../src/cluster/kubernetes-object.ts';
import {
	deviceLabel,
	managedBy,
	managedByLabel,
	moduleLabel,
} from '../../src/edge-agent/translation/translation.ts';
import type { ClusterUnderTest } from '../support/cluster-under-test.ts';
import type { EdgeNamespace } from '../support/edge-namespace.ts';
import {
	everyKind,
	everyPolicy,
	exposing,
	extended,
	moduleChanges,
} from '../support/module-changes.ts';
import { deployedKinds, device, reconciledEdge } from '../support/reconciled-edge.ts';
import { until } from '../support/until.ts';

const patience = 30_000;

/**
 * What the agent's reconciler does on an API server, with the agent's Role and no other right. Tests
 * that restart the server are serial and come first.
 */
export function testReconciler(test: TestFn, title: string, cluster: () => ClusterUnderTest): void {
	test.serial(
		`${title}: goes on after the server has restarted and forgotten the past`,
		async (t) => {
			const { restart, compact } = cluster();
			if (restart === undefined || compact === undefined) {
				t.log('This server cannot be restarted.');
				t.pass();
				return;
			}
			const edge = await reconciledEdge(t, cluster());
			const { admin, namespace, run, desire, writes, converged } = edge;
			await run();
			const state = desire({ modules: { filter: {} } });
			await converged(state);
			const filter = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'filter' };
			await restart();
			await admin.delete(filter);
			await converged(state);
			writes();
			await admin.patch(filter, { metadata: { labels: { before: 'compaction' } } });
			await compact();
			await admin.delete(filter);
			await converged(state);
			t.deepEqual(writes(), [`apply Deployment ${namespace}/filter`]);
			const query = { apiVersion: 'apps/v1', kind: 'Deployment', namespace };
			const watching = async () => {
				for await (const _ of admin.watch(query, '2', AbortSignal.timeout(patience))) return;
			};
			await t.throwsAsync(watching(), { code: 'EDGE_CLUSTER_EXPIRED' });
		},
	);

	test(`${title}: what it applies is as declared, and leaves nothing to do`, async (t) => {
		const { admin, run, desire, converged } = await reconciledEdge(t, cluster());
		const reconciler = await run();
		const state = desire(everyKind, everyPolicy);
		await converged(state);
		t.is(reconciler.status().code, 200);
		const { objects } = state.translation;
		t.deepEqual(kindsOf(objects), kindsOf(deployedKinds.map(([, kind]) => ({ kind }))));
		for (const { apiVersion, kind, metadata } of objects) {
			const live = await admin.get(referenceOf({ apiVersion, kind, metadata }));
			t.deepEqual(live?.metadata.ownerReferences, metadata.ownerReferences);
		}
	});

	test(`${title}: writes nothing when nothing has changed, nor when it starts anew`, async (t) => {
		const { run, desire, writes, converged, live } = await reconciledEdge(t, cluster());
		const first = await run();
		await converged(desire(everyKind, everyPolicy));
		const before = await live();
		writes();
		first.trigger();
		await first.idle();
		await first.stop();
		const second = await run();
		second.setDesired(desire(everyKind, everyPolicy));
		await until(() => second.status().code === 200);
		await second.idle();
		t.deepEqual(writes(), []);
		if (!cluster().hasControllers) t.deepEqual(versionsOf(await live()), versionsOf(before));
	});

	test(`${title}: repairs what somebody changes, in every kind`, async (t) => {
		const { admin, namespace, run, desire, converged, live } = await reconciledEdge(t, cluster());
		const reconciler = await run();
		const state = desire(everyKind, everyPolicy);
		await converged(state);
		const objects = await live();
		for (const object of objects) {
			const reference = referenceOf(object);
			await admin.patch(reference, vandalism(object));
		}
		await converged(state);
		await reconciler.idle();
		const service = { apiVersion: 'v1', kind: 'Service', namespace, name: 'filter' };
		const selector = (await admin.get(service))?.spec?.['selector'];
		t.deepEqual(selector, { [moduleLabel]: 'filter', [deviceLabel]: device });
		const events = await admin.list({ apiVersion: 'v1', kind: 'Event', namespace });
		const repaired = events.items.filter(({ reason }) => reason === 'DriftRepaired');
		const names = repaired.map(({ involvedObject }) => (involvedObject as ObjectReference).kind);
		t.deepEqual([...new Set(names)].sort(), kindsOf(objects));
	});

	test(`${title}: leaves alone what it does not declare: scaling, restarts, labels of others`, async (t) => {
		const { admin, namespace, run, desire, converged, writes } = await reconciledEdge(t, cluster());
		const reconciler = await run();
		const state = desire(everyKind, everyPolicy);
		await converged(state);
		writes();
		const detector = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'detector' };
		await admin.patch(detector, { spec: { replicas: 3 } }, 'scale');
		const annotations = { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' };
		await admin.patch(detector, {
			metadata: { labels: { theirs: 'yes' } },
			spec: { template: { metadata: { annotations } } },
		});
		reconciler.trigger();
		await converged(state);
		t.deepEqual(writes(), []);
		const live = await admin.get(detector);
		t.is(live?.spec?.['replicas'], 3);
		t.is(live?.metadata.labels?.['theirs'], 'yes');
		t.like(live?.spec?.['template'], { metadata: { annotations } });
	});

	test(`${title}: takes back fields that another manager has taken by force`, async (t) => {
		const { admin, namespace, run, desire, converged } = await reconciledEdge(t, cluster());
		await run();
		const state = desire({ modules: { filter: {} } });
		await converged(state);
		const metadata = { name: 'filter', namespace };
		const theirs = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { replicas: 7 } };
		await admin.apply(theirs, { fieldManager: 'somebody' });
		await converged(state);
		t.is((await admin.get(referenceOf(theirs)))?.spec?.['replicas'], 1);
	});

	test(`${title}: brings back what somebody deletes, and nothing else`, async (t) => {
		const { admin, namespace, run, desire, converged, writes } = await reconciledEdge(t, cluster());
		await run();
		const state = desire({ modules: { filter: exposing('80/tcp') } });
		await converged(state);
		writes();
		await admin.delete({ apiVersion: 'v1', kind: 'Service', namespace, name: 'filter' });
		await converged(state);
		t.deepEqual(writes(), [`apply Service ${namespace}/filter`]);
	});

	test(`${title}: removes modules that are no longer deployed, but no claim and nothing foreign`, async (t) => {
		const edge = await reconciledEdge(t, cluster());
		const { admin, namespace, run, desire, converged, live } = edge;
		await run();
		await converged(desire(everyKind, everyPolicy));
		const foreign = foreignObjects(namespace, edge);
		for (const object of foreign) await admin.create(object);
		await converged(desire({ modules: {} }));
		const left = (await live()).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
		t.deepEqual(left.sort(), [
			'ConfigMap labelled-alike',
			'Deployment edgehub',
			'PersistentVolumeClaim data',
			'PersistentVolumeClaim edgehub',
			'Service edgehub',
			'ServiceAccount edgehub',
		]);
		for (const object of foreign) t.truthy(await admin.get(referenceOf(object)));
	});

	test(`${title}: leaves alone what somebody else has made under a module’s name`, async (t) => {
		const { admin, namespace, run, desire, converged } = await reconciledEdge(t, cluster());
		const foreign = foreignDeployment(namespace, 'filter');
		const made = await admin.create(foreign);
		const reconciler = await run();
		const state = desire({ modules: { filter: {}, other: {} } });
		await converged(state, ['apps/v1/Deployment/filter']);
		await until(() => reconciler.status().code === 500);
		t.regex(reconciler.status().description, /Deployment .*\/filter exists and was not made by/);
		t.is((await admin.get(referenceOf(foreign)))?.metadata.uid, made.metadata.uid);
	});

	test(`${title}: gives up a module that the server refuses for good, and no other`, async (t) => {
		const { run, desire, converged } = await reconciledEdge(t, cluster());
		const reconciler = await run();
		const faulty = extended({ affinity: { nodeAffinities: {} } });
		const waits = { startupOrder: 1 };
		const state = desire({ modules: { faulty, later: waits } });
		await converged(state, ['apps/v1/Deployment/faulty']);
		const { code, description, modules } = reconciler.status();
		t.is(code, 500);
		t.regex(description, /Deployment .*\/faulty cannot be written: .*nodeAffinities/);
		t.is(modules.get('faulty')?.runtimeStatus, 'failed');
	});

	test(`${title}: a new password of a registry changes its Secret, and restarts nothing`, async (t) => {
		const { admin, namespace, run, desire, converged, writes } = await reconciledEdge(t, cluster());
		await run();
		const deployed = (password: string) => {
			const example = { address: 'example.azurecr.io', username: 'puller', password };
			return desire({ registryCredentials: { example }, modules: { filter: {} } });
		};
		await converged(deployed('first'));
		writes();
		await converged(deployed('second'));
		const [write = '', ...more] = writes();
		t.deepEqual(more, []);
		const [, name = ''] = /^apply Secret .*\/(.*)$/.exec(write) ?? [];
		const secret = await admin.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
		const { '.dockerconfigjson': config = '' } = (secret?.['data'] ?? {}) as Record<string, string>;
		t.true(Buffer.from(config, 'base64').toString().includes('second'));
	});

	test(`${title}: replaces a workload whose selector cannot be changed`, async (t) => {
		const { agent, admin, namespace, run, desire, converged } = await reconciledEdge(t, cluster());
		const old = foreignDeployment(namespace, 'filter');
		old.metadata.labels = { [managedByLabel]: managedBy, [deviceLabel]: device };
		const before = await agent.apply(old, { fieldManager: 'edge-agent' });
		await run();
		await converged(desire({ modules: { filter: {} } }));
		const after = await admin.get(referenceOf(old));
		t.not(after?.metadata.uid, before.metadata.uid);
	});

	test(`${title}: follows modules that change, whatever changes`, async (t) => {
		const { run, desire, converged } = await reconciledEdge(t, cluster());
		const reconciler = await run();
		for (const version of [0, 1, 0] as const) {
			const modules = Object.entries(moduleChanges).map(([change, versions]) => {
				return [change.replace(/[^a-zA-Z]+/g, '-'), versions[version]] as const;
			});
			await converged(desire({ modules: Object.fromEntries(modules) }));
			await reconciler.idle();
			t.is(reconciler.status().code, 200, reconciler.status().description);
		}
	});
}

/** A change of a declared field. */
function vandalism({ kind, metadata }: KubernetesObject) {
	const labels = { metadata: { labels: { [moduleLabel]: 'other' } } };
	const annotations = { metadata: { annotations: { 'net.azure-devices.edge.keep': 'false' } } };
	switch (kind) {
		case 'ServiceAccount':
			return { automountServiceAccountToken: true };
		case 'Secret':
			return { data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') } };
		case 'ConfigMap':
			return { data: { 'ca.pem': 'theirs' } };
		case 'PersistentVolumeClaim':
			return annotations;
		case 'Service':
			return { spec: { selector: { app: 'theirs' } } };
		case 'Deployment':
			return { spec: { template: { spec: { enableServiceLinks: true } } } };
		case 'HorizontalPodAutoscaler':
			return { spec: { maxReplicas: 9 } };
		case 'PodDisruptionBudget':
			return { spec: { minAvailable: 0 } };
		case 'NetworkPolicy':
			return { spec: { policyTypes: ['Ingress', 'Egress'] } };
		default:
			return metadata.labels?.[moduleLabel] === undefined ? annotations : labels;
	}
}

/** Objects that look like the agent's in every way but one. */
function foreignObjects(namespace: string, { owner }: EdgeNamespace): KubernetesObject[] {
	const labels = { [managedByLabel]: managedBy, [deviceLabel]: device };
	const plain = { apiVersion: 'v1', kind: 'ConfigMap', data: {} };
	const otherDevice = { ...labels, [deviceLabel]: 'other' };
	return [
		{ ...plain, metadata: { name: 'labelled-alike', namespace, labels } },
		{ ...plain, metadata: { name: 'of-another-device', namespace, labels: otherDevice } },
		{ ...plain, metadata: { name: 'owned-alike', namespace, ownerReferences: [owner] } },
	];
}

function foreignDeployment(namespace: string, name: string): KubernetesObject {
	const labels = { app: name };
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name, namespace },
		spec: {
			replicas: 0,
			selector: { matchLabels: labels },
			template: {
				metadata: { labels },
				spec: { containers: [{ name, image: 'example/other:1' }] },
			},
		},
	};
}

function kindsOf(objects: readonly { kind: string }[]): string[] {
	return [...new Set(objects.map(({ kind }) => kind))].sort();
}

function versionsOf(objects: readonly KubernetesObject[]): Record<string, string | undefined> {
	return Object.fromEntries(
		objects.map(({ kind, metadata }) => [`${kind} ${metadata.name}`, metadata.resourceVersion]),
	);
}
