import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { isReady, LocalClusterRun, podOf } from '../support/local-cluster-run.ts';
import { until } from '../support/until.ts';

test('a module folder runs as a pod, with its log, its events and an end', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module(
		'greeter',
		`
		console.log('hello from ' + process.env.WHO);
		console.error('and an error');
		process.on('SIGTERM', () => { console.log('bye'); process.exit(3); });
		setInterval(() => {}, 1000);
		`,
	);
	const env = [{ name: 'WHO', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }];
	const before = performance.now();
	await run.apply(
		podOf('greeter', { containers: [{ name: 'main', image: 'acr.io/greeter:1', env }] }),
	);
	const pod = await run.pod('greeter', isReady);
	t.log(`running after ${Math.round(performance.now() - before)} ms`);
	t.is(pod.status?.phase, 'Running');
	t.regex(pod.status?.podIP ?? '', /^127\.\d+\.\d+\.\d+$/);
	await run.line('greeter', /hello from greeter/);
	await run.line('greeter', /and an error/);
	const events = await until(async () => {
		const found = await run.events('greeter');
		return found.some((event) => event.startsWith('Started')) ? found : undefined;
	}, 'events');
	const reasons = events.map((event) => event.split(':')[0]);
	t.deepEqual(reasons, ['Scheduled', 'Pulled', 'Created', 'Started']);
	await run.client.delete({ apiVersion: 'v1', kind: 'Pod', name: 'greeter', namespace: 'default' });
	await run.pods('greeter', (pods) => pods.length === 0);
	t.true((await run.events('greeter')).some((event) => event.startsWith('Killing')));
});

test('a crashing container backs off, tells its last end, and keeps its previous log', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('crasher', "console.log('run'); setTimeout(() => process.exit(7), 20);");
	await run.apply(podOf('crasher', { image: 'crasher' }));
	const pod = await run.pod('crasher', ({ status }) => {
		const [container] = status?.containerStatuses ?? [];
		return container?.state.waiting?.reason === 'CrashLoopBackOff' && container.restartCount >= 2;
	});
	const [container] = pod.status?.containerStatuses ?? [];
	t.is(container?.lastState.terminated?.exitCode, 7);
	t.regex(container?.state.waiting?.message ?? '', /^back-off .* restarting failed container=main/);
	t.is(pod.status?.phase, 'Running');
	t.deepEqual(await run.log('crasher', { previous: true }), ['run']);
	t.true((await run.events('crasher')).some((event) => event.startsWith('BackOff')));
});

test('a program that cannot be started says so', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('tool', '');
	const containers = [{ name: 'main', image: 'tool', command: ['no-such-program'] }];
	await run.apply(podOf('tool', { containers, restartPolicy: 'Never' }));
	const pod = await run.pod('tool', ({ status }) => status?.phase === 'Failed');
	const terminated = pod.status?.containerStatuses?.[0]?.state.terminated;
	t.is(terminated?.reason, 'StartError');
	t.regex(terminated?.message ?? '', /no-such-program/);
});

test('an image that is not there is waited for, and found when its folder comes', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.apply(podOf('late', { image: 'acr.io/late:1.0' }));
	const waiting = await run.pod('late', ({ status }) => {
		return status?.containerStatuses?.[0]?.state.waiting?.reason === 'ImagePullBackOff';
	});
	const message = waiting.status?.containerStatuses?.[0]?.state.waiting?.message ?? '';
	t.regex(message, /Searched: .*modules\/\*/);
	t.is(waiting.status?.phase, 'Pending');
	await run.module('late', 'setInterval(() => {}, 1000);');
	await run.pod('late', isReady);
});

test('init containers run in order before the others, and a sidecar beside them', async (t) => {
	const run = await LocalClusterRun.start(t);
	const shared = join(run.folder, 'order.txt');
	const append = (word: string) =>
		`import { appendFileSync } from 'node:fs'; appendFileSync('${shared}', '${word} ');`;
	await run.module('first', append('first'));
	await run.module('sidecar', `${append('sidecar')} setInterval(() => {}, 1000);`);
	await run.module('second', append('second'));
	await run.module('worker', `${append('worker')} setTimeout(() => {}, 50);`);
	await run.apply(
		podOf('ordered', {
			restartPolicy: 'Never',
			initContainers: [
				{ name: 'first', image: 'first' },
				{
					name: 'sidecar',
					image: 'sidecar',
					restartPolicy: 'Always',
					// Counts as started only when it has written: the next container waits for that.
					startupProbe: { exec: { command: ['grep', '-q', 'sidecar', shared] }, periodSeconds: 1 },
				},
				{ name: 'second', image: 'second' },
			],
			containers: [{ name: 'main', image: 'worker' }],
		}),
	);
	const pod = await run.pod('ordered', ({ status }) => status?.phase === 'Succeeded');
	t.is(await readFile(shared, 'utf8'), 'first sidecar second worker ');
	t.is(pod.status?.initContainerStatuses?.[0]?.state.terminated?.reason, 'Completed');
	await run.pod(
		'ordered',
		({ status }) => status?.initContainerStatuses?.[1]?.state.terminated !== undefined,
	);
});

test('probes decide over readiness and life', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module(
		'probed',
		`
		import http from 'node:http';
		let alive = true, ready = false;
		http.createServer((request, response) => {
			if (request.url === '/ready') ready = true;
			if (request.url === '/die') alive = false;
			response.statusCode = request.url === '/alive' ? (alive ? 200 : 500) : (ready ? 200 : 503);
			response.end();
		}).listen(80);
		`,
	);
	await run.apply(
		podOf('probed', {
			containers: [
				{
					name: 'main',
					image: 'probed',
					ports: [{ name: 'web', containerPort: 80 }],
					readinessProbe: { httpGet: { port: 'web', path: '/health' }, periodSeconds: 1 },
					livenessProbe: {
						httpGet: { port: 80, path: '/alive' },
						periodSeconds: 1,
						failureThreshold: 1,
						initialDelaySeconds: 1,
					},
				},
			],
		}),
	);
	const pod = await run.pod('probed', ({ status }) => {
		return status?.containerStatuses?.[0]?.state.running !== undefined;
	});
	t.false(isReady(pod));
	const call = (path: string) =>
		fetch(`http://${pod.status?.podIP}:30080${path}`, { headers: { connection: 'close' } });
	await until(() => call('/ready').catch(() => undefined), 'the program');
	await run.pod('probed', isReady);
	await call('/die');
	const restarted = await run.pod('probed', ({ status }) => {
		return (status?.containerStatuses?.[0]?.restartCount ?? 0) > 0;
	});
	t.is(restarted.status?.containerStatuses?.[0]?.lastState.terminated?.exitCode, 143);
	const events = await run.events('probed');
	t.true(events.some((event) => event.startsWith('Unhealthy: Readiness probe failed')));
	t.true(events.some((event) => event.includes('failed liveness probe, will be restarted')));
});

test('a ConfigMap that is missing holds the pod; a change of it reaches the files', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module(
		'configured',
		`
		import { readFileSync } from 'node:fs';
		let last;
		setInterval(() => {
			const text = readFileSync(process.env.FILE, 'utf8');
			if (text !== last) console.log('level ' + (last = text));
		}, 20);
		`,
	);
	await run.apply(
		podOf('configured', {
			volumes: [{ name: 'config', configMap: { name: 'settings' } }],
			containers: [
				{
					name: 'main',
					image: 'configured',
					env: [{ name: 'FILE', value: '/etc/config/level' }],
					volumeMounts: [{ name: 'config', mountPath: '/etc/config' }],
				},
			],
		}),
	);
	await until(async () => {
		const events = await run.events('configured');
		return events.find((event) => event.includes('configmap "settings" not found'));
	}, 'the event');
	const settings = (level: string) => ({
		apiVersion: 'v1',
		kind: 'ConfigMap',
		metadata: { name: 'settings', namespace: 'default' },
		data: { level },
	});
	await run.apply(settings('info'));
	await run.pod('configured', isReady);
	await run.line('configured', /level info/);
	await run.apply(settings('debug'));
	t.is(await run.line('configured', /level debug/), 'level debug');
});

test('a container that ignores SIGTERM is killed after its grace period', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module(
		'stubborn',
		"process.on('SIGTERM', () => console.log('no')); setInterval(() => {}, 1000); console.log('up');",
	);
	await run.apply(podOf('stubborn', { image: 'stubborn', terminationGracePeriodSeconds: 1 }));
	await run.line('stubborn', /up/);
	const before = performance.now();
	await run.client.delete({
		apiVersion: 'v1',
		kind: 'Pod',
		name: 'stubborn',
		namespace: 'default',
	});
	await run.pods('stubborn', (pods) => pods.length === 0);
	const took = performance.now() - before;
	t.true(took > 900 && took < 5000, `${took} ms`);
});

test('a pod that no node can take says why', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.apply(podOf('picky', { image: 'x', nodeSelector: { disk: 'fast' } }));
	const pod = await run.pod('picky', ({ status }) => (status?.conditions ?? []).length > 0);
	const [condition] = pod.status?.conditions ?? [];
	t.like(condition, { type: 'PodScheduled', status: 'False', reason: 'Unschedulable' });
	t.regex(condition?.message ?? '', /0\/1 nodes are available/);
});

test('a pod can call the API server with its own ServiceAccount, as far as it may', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module(
		'caller',
		`
		import https from 'node:https';
		import { readFileSync } from 'node:fs';
		const folder = process.env.KUBERNETES_SERVICE_ACCOUNT_FOLDER;
		const token = readFileSync(folder + '/token', 'utf8');
		const ca = readFileSync(folder + '/ca.crt');
		const namespace = readFileSync(folder + '/namespace', 'utf8');
		const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
		for (const base of ['https://' + host + ':' + port, 'https://kubernetes.default.svc']) {
			const path = '/api/v1/namespaces/' + namespace + '/secrets';
			https.get(base + path, { ca, headers: { authorization: 'Bearer ' + token } }, (response) => {
				response.resume();
				console.log(base.includes('svc') ? 'name' : 'address', response.statusCode);
			}).on('error', (error) => console.log(error.message));
		}
		setInterval(() => {}, 1000);
		`,
	);
	await run.apply(podOf('caller', { image: 'caller' }));
	await run.pod('caller', isReady);
	t.is(await run.line('caller', /^address/), 'address 403');
	t.is(await run.line('caller', /^name/), 'name 403');
});
