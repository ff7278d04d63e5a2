import test, { type ExecutionContext } from 'ava';
import { errorOfAnswer } from '../../src/cluster/cluster-error.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { referenceOf } from '../../src/cluster/kubernetes-object.ts';
import type { AgentStatus, DesiredState } from '../../src/edge-agent/agent-status.ts';
import { Reconciler, type ReconcilerSettings } from '../../src/edge-agent/reconcile.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { desiredState, namespace, pod, type TestModule } from '../support/desired-state.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

function setUp(t: ExecutionContext, options: Partial<ReconcilerSettings> = {}) {
	const clock = new FakeClock();
	const cluster = new MemoryCluster();
	const settings = { client: cluster, namespace, deviceId: 'device', clock, logger: silentLogger };
	const reconciler = new Reconciler({ ...settings, ...options });
	t.teardown(() => reconciler.stop());
	let version = 0;
	return {
		clock,
		cluster,
		reconciler,
		/** Lets what is under way come to rest. */
		settle: () => clock.advance(1000),
		desire: (...modules: TestModule[]) => {
			version += 1;
			reconciler.setDesired(desiredState(version, modules));
		},
		/** Changes to objects, Events aside. */
		writes: () => cluster.writes.splice(0).filter((write) => !write.includes(' Event ')),
		events: () => cluster.all('Event').map(({ reason, message }) => `${reason}: ${message}`),
	};
}

function deployment(name: string) {
	return { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace };
}

function available(object: KubernetesObject | undefined) {
	const replicas = Number(object?.spec?.['replicas']);
	const observedGeneration = object?.metadata.generation ?? 0;
	return { observedGeneration, updatedReplicas: replicas, availableReplicas: replicas };
}

const running = {
	phase: 'Running',
	conditions: [{ type: 'Ready', status: 'True' }],
	containerStatuses: [
		{
			name: 'a',
			ready: true,
			restartCount: 0,
			state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
		},
	],
};

test('applies a deployment and tells that it did', async (t) => {
	const { reconciler, cluster, desire, settle, writes } = setUp(t);
	const seen: AgentStatus[] = [];
	reconciler.onStatus((status) => seen.push(status));
	await reconciler.start();
	desire({ name: 'a' });
	t.is(reconciler.status().code, 406);
	await settle();
	t.deepEqual(writes(), [
		'apply ServiceAccount edge/a',
		'apply Service edge/a',
		'apply Deployment edge/a',
	]);
	t.is(reconciler.status().code, 200);
	t.is(reconciler.status().desiredVersion, 1);
	t.false(reconciler.status().settled);
	t.is(reconciler.status().modules.get('a')?.runtimeStatus, 'unknown');

	await cluster.create(pod('a', 'a-1', running));
	await settle();
	t.is(reconciler.status().modules.get('a')?.runtimeStatus, 'running');
	t.false(reconciler.status().settled);
	cluster.setStatus(deployment('a'), available(await cluster.get(deployment('a'))));
	await settle();
	t.true(reconciler.status().settled);
	t.is(seen.at(-1), reconciler.status());
	t.deepEqual(writes(), ['create Pod edge/a-1']);
});

test('writes nothing when nothing has changed, whether asked, started anew or resynced', async (t) => {
	const { reconciler, cluster, clock, desire, settle, writes } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' }, { name: 'b' });
	await settle();
	writes();
	reconciler.trigger();
	await clock.advance(3_600_000);
	desire({ name: 'a' }, { name: 'b' });
	await settle();
	t.deepEqual(writes(), []);

	const second = setUp(t, { client: cluster });
	await second.reconciler.start();
	second.desire({ name: 'a' }, { name: 'b' });
	await second.settle();
	t.deepEqual(writes(), []);
	t.is(second.reconciler.status().code, 200);
});

test('repairs what somebody changes, names the fields in an Event, and slows down for who persists', async (t) => {
	const { reconciler, cluster, clock, desire, settle, writes, events } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	writes();
	const vandalise = () => cluster.patch(deployment('a'), { spec: { replicas: 7 } });
	await vandalise();
	await settle();
	t.is((await cluster.get(deployment('a')))?.spec?.['replicas'], 1);
	t.deepEqual(events(), ['DriftRepaired: Restored what the deployment declares: spec.replicas.']);
	writes();
	for (let minute = 0; minute < 60; minute += 1) {
		await vandalise();
		await clock.advance(60_000);
	}
	const repairs = writes().filter((write) => write === 'apply Deployment edge/a');
	t.true(repairs.length > 5 && repairs.length < 30, String(repairs.length));
});

test('writes nothing of a module that somebody holds until it is released, and tells that an update waits', async (t) => {
	const { reconciler, cluster, desire, settle, writes, events } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' }, { name: 'b' });
	await settle();
	const hold = (value: string | null) =>
		cluster.patch(deployment('a'), {
			metadata: { annotations: { 'net.azure-devices.edge.hold': value } },
		});
	await hold('true');
	await cluster.patch(deployment('a'), { spec: { replicas: 7 } });
	await settle();
	t.is(reconciler.status().code, 200);
	writes();
	desire({ name: 'a', image: 'a:2' }, { name: 'b', image: 'b:2' });
	await settle();
	t.deepEqual(writes(), ['apply Deployment edge/b']);
	const { code, description, held, settled, modules } = reconciler.status();
	t.deepEqual({ code, held, settled }, { code: 406, held: ['a'], settled: false });
	t.regex(description, /held: a\./);
	t.regex(modules.get('a')?.statusDescription ?? '', /^Held: an update waits\./);
	t.deepEqual(events(), ['UpdateHeld: An update of module a waits: the module is held.']);
	await hold(null);
	await settle();
	t.deepEqual(reconciler.status().held, []);
	t.true(writes().includes('apply Deployment edge/a'));
	t.is(reconciler.status().code, 200);
});

test('brings back what somebody deletes', async (t) => {
	const { reconciler, cluster, desire, settle, writes } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	writes();
	await cluster.delete(deployment('a'));
	await settle();
	t.deepEqual(writes(), ['delete Deployment edge/a', 'apply Deployment edge/a']);
});

test('removes a module that is no longer deployed', async (t) => {
	const { reconciler, desire, settle, writes } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' }, { name: 'b' });
	await settle();
	writes();
	desire({ name: 'b' });
	await settle();
	t.deepEqual(writes(), [
		'delete Deployment edge/a',
		'delete ServiceAccount edge/a',
		'delete Service edge/a',
	]);
	t.deepEqual([...reconciler.status().modules.keys()], ['b']);
});

test('one module that the server refuses holds up no other, and is named in the status', async (t) => {
	const { reconciler, cluster, clock, desire, settle, writes, events } = setUp(t);
	cluster.fault = (operation, what) =>
		operation === 'apply' && what === 'Deployment edge/bad'
			? errorOfAnswer(422, '{"message":"image is required"}', 'apply')
			: undefined;
	await reconciler.start();
	desire({ name: 'bad', startupOrder: 1 }, { name: 'good', startupOrder: 2 });
	await settle();
	t.truthy(await cluster.get(deployment('good')));
	const status = reconciler.status();
	t.is(status.code, 500);
	t.is(status.description, 'Deployment edge/bad cannot be written: image is required.');
	t.is(status.modules.get('bad')?.runtimeStatus, 'failed');
	t.is(status.modules.get('bad')?.statusDescription, status.description);
	t.deepEqual(events(), [
		'ApplyFailed: The create of Deployment edge/bad failed: image is required',
	]);
	writes();
	await clock.advance(300_000);
	t.deepEqual(writes(), []);

	cluster.fault = () => undefined;
	desire(
		{ name: 'bad', image: 'example/image:2', startupOrder: 1 },
		{ name: 'good', startupOrder: 2 },
	);
	await settle();
	t.deepEqual(writes(), ['apply Deployment edge/bad']);
	t.is(reconciler.status().code, 200);
});

test('repeats a write that fails for now, ever more slowly, until it succeeds', async (t) => {
	const { reconciler, cluster, clock, desire, settle, writes } = setUp(t);
	const fault = errorOfAnswer(503, '{"message":"busy"}', 'apply');
	cluster.fault = (operation) => (operation === 'apply' ? fault : undefined);
	await reconciler.start();
	desire({ name: 'a' });
	await clock.advance(3_600_000);
	const attempts = writes().filter((write) => write === 'apply Deployment edge/a').length;
	t.true(attempts > 50 && attempts < 90, String(attempts));
	cluster.fault = () => undefined;
	await clock.advance(300_000);
	await settle();
	t.is(reconciler.status().code, 200);
	t.truthy(await cluster.get(deployment('a')));
});

test('waits as long as the server asks', async (t) => {
	const { reconciler, cluster, clock, desire, writes } = setUp(t);
	const fault = errorOfAnswer(429, '{"message":"slow down"}', 'apply', '60');
	cluster.fault = (operation, what) =>
		operation === 'apply' && what.startsWith('Deployment') ? fault : undefined;
	await reconciler.start();
	desire({ name: 'a' });
	await clock.advance(59_000);
	const attempts = writes().filter((write) => write === 'apply Deployment edge/a').length;
	t.is(attempts, 1);
});

test('starts with what it knows once the API server can be reached, and follows it after failures', async (t) => {
	const { reconciler, cluster, clock, desire, settle } = setUp(t);
	const away = errorOfAnswer(503, '{"message":"away"}', 'anything');
	cluster.fault = () => away;
	await reconciler.start();
	desire({ name: 'a' });
	await clock.advance(600_000);
	t.like(reconciler.status(), { code: 500, description: 'The cluster cannot be read: away' });
	t.is(reconciler.staleness, Number.POSITIVE_INFINITY);
	cluster.fault = () => undefined;
	await clock.advance(60_000);
	t.is(reconciler.status().code, 200);
	await cluster.delete(deployment('a'));
	await settle();
	t.truthy(await cluster.get(deployment('a')));
});

test('never takes over what somebody else has made under the same name', async (t) => {
	const { reconciler, cluster, desire, settle } = setUp(t);
	await cluster.create({
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name: 'a', namespace },
		spec: { replicas: 3 },
	});
	await reconciler.start();
	desire({ name: 'a' }, { name: 'b' });
	await settle();
	t.deepEqual((await cluster.get(deployment('a')))?.spec, { replicas: 3 });
	t.truthy(await cluster.get(deployment('b')));
	t.is(reconciler.status().code, 500);
	t.regex(reconciler.status().description, /Deployment edge\/a exists and was not made by/);
});

test('replaces what cannot be changed', async (t) => {
	const { reconciler, cluster, desire, settle, writes } = setUp(t);
	await reconciler.start();
	desire({ name: 'a', kind: 'Job' });
	await settle();
	const [before] = cluster.all('Job');
	writes();
	desire({ name: 'a', kind: 'Job', image: 'example/image:2' });
	await settle();
	t.deepEqual(writes(), ['apply Job edge/a', 'delete Job edge/a', 'apply Job edge/a']);
	const [after] = cluster.all('Job');
	t.not(after?.metadata.uid, before?.metadata.uid);
	t.is(reconciler.status().code, 200);
});

const policyRefusals: Readonly<Record<string, [status: number, message: string]>> = {
	'a ValidatingAdmissionPolicy': [
		422,
		`deployments.apps "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: Images are immutable.`,
	],
	'a webhook': [400, 'admission webhook "check.example.com" denied the request: no such image'],
};

for (const [policy, [status, message]] of Object.entries(policyRefusals)) {
	test(`deletes nothing for ${policy} that refuses, and asks again within a minute`, async (t) => {
		const { reconciler, cluster, desire, settle, writes, clock } = setUp(t);
		await reconciler.start();
		desire({ name: 'a' });
		await settle();
		const [before] = cluster.all('Deployment');
		writes();
		cluster.fault = (operation, what) => {
			if (operation !== 'apply' || what !== 'Deployment edge/a') return undefined;
			return errorOfAnswer(status, JSON.stringify({ message }), 'test');
		};
		desire({ name: 'a', image: 'example/image:2' });
		await clock.advance(600_000);
		t.deepEqual([...new Set(writes())], ['apply Deployment edge/a']);
		t.is(reconciler.status().code, 500);
		t.true(reconciler.status().description.includes(message));
		cluster.fault = () => undefined;
		await clock.advance(60_000);
		t.is(cluster.all('Deployment')[0]?.metadata.uid, before?.metadata.uid);
		t.is(reconciler.status().code, 200);
	});
}

test('changes the workload kind of a module without leaving the old one behind', async (t) => {
	const { reconciler, cluster, desire, settle } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	desire({ name: 'a', kind: 'Job' });
	await settle();
	t.is(cluster.all('Deployment').length, 0);
	t.is(cluster.all('Job').length, 1);
});

test('starts modules in order, and holds none up longer than the deadline', async (t) => {
	const { reconciler, cluster, clock, desire, settle } = setUp(t, { startupDeadline: 60_000 });
	const names = () => cluster.all('Deployment').map(({ metadata }) => metadata.name);
	await reconciler.start();
	desire(
		{ name: 'first', startupOrder: 1 },
		{ name: 'second', startupOrder: 2 },
		{ name: 'third', startupOrder: 3 },
	);
	await settle();
	t.deepEqual(names(), ['first']);
	t.is(
		reconciler.status().modules.get('second')?.statusDescription,
		'Starting: it waits for modules that start before it.',
	);
	t.is(reconciler.status().code, 406);
	cluster.setStatus(deployment('first'), available(await cluster.get(deployment('first'))));
	await settle();
	t.deepEqual(names(), ['first', 'second']);
	await clock.advance(50_000);
	t.deepEqual(names(), ['first', 'second']);
	await clock.advance(15_000);
	t.deepEqual(names(), ['first', 'second', 'third']);
	t.is(reconciler.status().code, 200);
});

test('waits anew with another deployment, but not again for what was ready once', async (t) => {
	const { reconciler, cluster, clock, desire, settle } = setUp(t, { startupDeadline: 60_000 });
	const late = { name: 'late', startupOrder: 2 };
	const ready = async () =>
		cluster.setStatus(deployment('first'), available(await cluster.get(deployment('first'))));
	await reconciler.start();
	desire({ name: 'first', startupOrder: 1 }, late);
	await settle();
	await ready();
	await settle();
	cluster.setStatus(deployment('first'), {});
	await cluster.delete(deployment('late'));
	await settle();
	t.truthy(await cluster.get(deployment('late')));

	const changed = { name: 'first', image: 'example/image:2', startupOrder: 1 };
	desire(changed, { ...late, image: 'example/image:2' });
	await settle();
	const image = async () => JSON.stringify(await cluster.get(deployment('late')));
	t.true((await image()).includes('example/image:1'));
	await clock.advance(60_000);
	await settle();
	t.true((await image()).includes('example/image:2'));
});

test('does not repeat writes that the watch has not told of yet', async (t) => {
	const { reconciler, cluster, clock, desire, settle, writes } = setUp(t);
	const watch = cluster.watch.bind(cluster);
	cluster.watch = async function* (query, from, signal) {
		for await (const event of watch(query, from, signal)) {
			await clock.sleep(30_000, signal);
			yield event;
		}
	};
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	reconciler.trigger();
	await settle();
	t.is(writes().length, 3);
	desire();
	await settle();
	reconciler.trigger();
	await settle();
	t.is(writes().length, 3);
	await clock.advance(600_000);
	t.deepEqual(writes(), []);
	t.is(cluster.all('Deployment').length, 0);
});

test('tells its listeners only of what has changed', async (t) => {
	const { reconciler, desire, settle } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	let told = 0;
	const end = reconciler.onStatus(() => {
		told += 1;
	});
	reconciler.trigger();
	await settle();
	t.is(told, 0);
	desire({ name: 'b' });
	await settle();
	t.true(told > 0);
	end();
	const before = told;
	desire({ name: 'c' });
	await settle();
	t.is(told, before);
});

test('keeps what runs of a module whose new version is refused', async (t) => {
	const { reconciler, cluster, desire, settle, events } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' }, { name: 'b' });
	await settle();
	await cluster.create(pod('a', 'a-1', running));
	desire({ name: 'a', refused: 'Privileged is not allowed.' }, { name: 'b' });
	await settle();
	t.truthy(await cluster.get(deployment('a')));
	const status = reconciler.status();
	t.is(status.code, 400);
	t.is(status.description, 'a: Privileged is not allowed.');
	t.like(status.modules.get('a'), {
		runtimeStatus: 'running',
		statusDescription:
			'Refused: Privileged is not allowed. Meanwhile: Started at 2026-01-01T00:00:00Z.',
	});
	t.deepEqual(events(), ['ModuleRefused: Privileged is not allowed. ($.modules.a)']);
});

test('tells when a rollout fails, once, and when it recovers', async (t) => {
	const { reconciler, cluster, desire, settle, events } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	const condition = {
		type: 'Progressing',
		status: 'False',
		reason: 'ProgressDeadlineExceeded',
		message: 'ReplicaSet "a-1" has timed out progressing.',
	};
	cluster.setStatus(deployment('a'), { conditions: [condition] });
	await settle();
	cluster.setStatus(deployment('a'), { conditions: [condition], unavailableReplicas: 1 });
	await settle();
	t.is(reconciler.status().code, 500);
	t.regex(reconciler.status().description, /^a: ReplicaSet "a-1" has timed out progressing\./);
	t.deepEqual(events(), [
		'RolloutFailed: Module a was not rolled out in time: ReplicaSet "a-1" has timed out progressing.',
	]);
	cluster.setStatus(deployment('a'), available(await cluster.get(deployment('a'))));
	await settle();
	t.is(reconciler.status().code, 200);
});

test('leaves a claim as it is that the deployment wants otherwise, and says so', async (t) => {
	const { reconciler, cluster, settle, events, writes } = setUp(t);
	const want = (accessMode: string): DesiredState => {
		const metadata = { name: 'data', namespace };
		const spec = { accessModes: [accessMode] };
		const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec };
		const state = desiredState(1, []);
		return { ...state, translation: { ...state.translation, objects: [claim] } };
	};
	await reconciler.start();
	reconciler.setDesired(want('ReadWriteOnce'));
	await settle();
	writes();
	reconciler.setDesired(want('ReadWriteMany'));
	await settle();
	t.deepEqual(writes(), ['apply PersistentVolumeClaim edge/data']);
	t.deepEqual(cluster.all('PersistentVolumeClaim')[0]?.spec, { accessModes: ['ReadWriteOnce'] });
	t.deepEqual(events(), [
		'ClaimUnchangeable: The claim stays as it is, as it holds data: the deployment declares spec.accessModes[0] differently.',
	]);
	t.is(reconciler.status().code, 200);
	reconciler.setDesired(desiredState(2, []));
	await settle();
	t.is(cluster.all('PersistentVolumeClaim').length, 1);
});

test('uses a claim that somebody else has made, without touching it', async (t) => {
	const { reconciler, cluster, clock, settle, writes } = setUp(t);
	const metadata = { name: 'data', namespace };
	const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: {} };
	await cluster.create({ ...claim, spec: { volumeName: 'share' } });
	writes();
	const state = desiredState(1, []);
	await reconciler.start();
	reconciler.setDesired({ ...state, translation: { ...state.translation, objects: [claim] } });
	await clock.advance(3_600_000);
	await settle();
	t.deepEqual(writes(), []);
	t.is(reconciler.status().code, 200);
});

test('needs no right to write Events', async (t) => {
	const { reconciler, cluster, desire, settle } = setUp(t);
	cluster.fault = (_operation, what) =>
		what.startsWith('Event') ? errorOfAnswer(403, '{"message":"no"}', 'create') : undefined;
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	await cluster.patch(deployment('a'), { spec: { replicas: 7 } });
	await settle();
	t.is((await cluster.get(deployment('a')))?.spec?.['replicas'], 1);
	t.is(reconciler.status().code, 200);
});

test('does not fight a server that writes a field in its own way', async (t) => {
	const { reconciler, cluster, clock, desire, settle, writes } = setUp(t);
	const apply = cluster.apply.bind(cluster);
	cluster.apply = async (object, options) => {
		const rewritten = structuredClone(object);
		if (rewritten.kind === 'Service')
			Object.assign(rewritten.spec ?? {}, { selector: { by: 'server' } });
		return apply(rewritten, options);
	};
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	writes();
	await clock.advance(3_600_000);
	t.deepEqual(writes(), []);
	await cluster.patch(referenceOf(cluster.all('Service')[0] as KubernetesObject), {
		spec: { ports: null },
	});
	await settle();
	t.deepEqual(writes(), ['patch Service edge/a', 'apply Service edge/a']);
});

test('answers a storm of changes with few passes', async (t) => {
	const { reconciler, cluster, desire, settle } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	let told = 0;
	reconciler.onStatus(() => {
		told += 1;
	});
	for (let n = 0; n < 200; n += 1) await cluster.create(pod('a', `a-${n}`, running));
	await settle();
	t.true(told > 0 && told < 5, String(told));
});

test('leaves nothing behind when it stops, however often, and leaves the modules running', async (t) => {
	const { reconciler, cluster, clock, desire, settle } = setUp(t);
	await reconciler.start();
	desire({ name: 'a' });
	await settle();
	await reconciler.stop();
	await reconciler.stop();
	t.is(clock.pending, 0);
	t.truthy(await cluster.get(deployment('a')));
});
