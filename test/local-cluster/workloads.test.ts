import { access, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { Deployment, ReplicaSet } from '../../src/local-cluster/workloads/deployment.ts';
import type { Service } from '../../src/local-cluster/workloads/service.ts';
import type {
	PersistentVolume,
	VolumeClaim,
} from '../../src/local-cluster/workloads/volume-claim.ts';
import {
	deploymentOf,
	isReady,
	type Job,
	LocalClusterRun,
	podOf,
	serviceOf,
} from '../support/local-cluster-run.ts';
import { until } from '../support/until.ts';

const webProgram = `
	import http from 'node:http';
	import os from 'node:os';
	const { VERSION = '1' } = process.env;
	const server = http.createServer((request, response) => {
		response.end(VERSION + ' ' + os.hostname() + ' ' + request.socket.remoteAddress);
	});
	server.listen(8080);
	// A server that is ended lets go of its callers only after Services know that it is gone.
	process.on('SIGTERM', () => setTimeout(() => process.exit(0), 800));
`;

const clientProgram = `
	let count = 0;
	for (;;) {
		try {
			const response = await fetch('http://web/', { headers: { connection: 'close' } });
			console.log(await response.text());
		} catch (error) {
			console.log('error ' + (error.cause?.code ?? error.message));
		}
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
`;

const version = (name: string) => ({ env: [{ name: 'VERSION', value: name }] });
const probe = { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } };

function isComplete(replicas: number) {
	return ({ metadata, status }: Deployment) =>
		status?.observedGeneration === metadata.generation &&
		status?.updatedReplicas === replicas &&
		status.replicas === replicas &&
		status.availableReplicas === replicas;
}

test('a rollout reaches its end without a failed request, and can be undone', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('web', webProgram);
	await run.module('client', clientProgram);
	await run.apply(
		serviceOf('web', 80, 8080),
		deploymentOf('web', 2, { ...version('1'), ...probe }),
	);
	const done = isComplete(2);
	const first = await run.object<Deployment>('apps/v1', 'Deployment', 'web', done);
	t.is(first.metadata.annotations?.['deployment.kubernetes.io/revision'], '1');
	await run.apply(podOf('client', { image: 'client' }));
	await run.line('client', /^1 /);
	await run.apply(deploymentOf('web', 2, { ...version('2'), ...probe }));
	const second = await run.object<Deployment>('apps/v1', 'Deployment', 'web', done);
	t.is(second.metadata.annotations?.['deployment.kubernetes.io/revision'], '2');
	await run.line('client', /^2 /);
	const lines = await run.log('client');
	t.deepEqual(
		lines.filter((line) => line.startsWith('error')),
		[],
	);
	const hosts = new Set(lines.map((line) => line.split(' ')[1]));
	t.true(hosts.size >= 3, 'both versions and more than one replica have answered');
	const client = await run.pod('client', isReady);
	t.true(lines.every((line) => line.endsWith(client.status?.podIP ?? '-')));
	await run.apply(deploymentOf('web', 2, { ...version('1'), ...probe }));
	const undone = await run.object<Deployment>('apps/v1', 'Deployment', 'web', (deployment) => {
		const revision = deployment.metadata.annotations?.['deployment.kubernetes.io/revision'];
		return revision === '3' && done(deployment);
	});
	const sets = await run.list<ReplicaSet>('apps/v1', 'ReplicaSet');
	t.is(sets.length, 2, 'undoing takes the old ReplicaSet again');
	const condition = undone.status?.conditions?.find(({ type }) => type === 'Progressing');
	t.is(condition?.reason, 'NewReplicaSetAvailable');
});

test('a rollout that cannot succeed keeps the old pods and misses its deadline', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('web', webProgram);
	const deployment = (image: string) => {
		const object = deploymentOf('web', 2, { image }) as { spec: object };
		return { ...object, spec: { ...object.spec, progressDeadlineSeconds: 1 } };
	};
	await run.apply(deployment('web'));
	await run.object<Deployment>('apps/v1', 'Deployment', 'web', isComplete(2));
	await run.apply(deployment('missing'));
	const late = await run.object<Deployment>('apps/v1', 'Deployment', 'web', ({ status }) => {
		const condition = status?.conditions?.find(({ type }) => type === 'Progressing');
		return condition?.reason === 'ProgressDeadlineExceeded';
	});
	t.is(late.status?.availableReplicas, 2);
	t.is(late.status?.conditions?.find(({ type }) => type === 'Available')?.status, 'True');
});

test('Recreate ends the old pod before the new one starts', async (t) => {
	const run = await LocalClusterRun.start(t);
	const file = join(run.folder, 'order.txt');
	await run.module(
		'single',
		`
		import { appendFileSync } from 'node:fs';
		appendFileSync('${file}', 'start ');
		process.on('SIGTERM', () => setTimeout(() => { appendFileSync('${file}', 'end '); process.exit(); }, 100));
		setInterval(() => {}, 1000);
		`,
	);
	const deployment = (name: string) => {
		const object = deploymentOf('single', 1, version(name)) as { spec: object };
		return { ...object, spec: { ...object.spec, strategy: { type: 'Recreate' } } };
	};
	await run.apply(deployment('1'));
	await until(async () => (await readFile(file, 'utf8').catch(() => '')) || undefined, 'start');
	await run.apply(deployment('2'));
	await run.object<Deployment>('apps/v1', 'Deployment', 'single', isComplete(1));
	const order = await until(async () => {
		const text = await readFile(file, 'utf8');
		return text.split('start').length > 2 ? text : undefined;
	}, 'the second start');
	t.is(order, 'start end start ');
});

const jobOf = (name: string, spec: object) => ({
	apiVersion: 'batch/v1',
	kind: 'Job',
	metadata: { name, namespace: 'default' },
	spec: {
		template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: name }] } },
		...spec,
	},
});

test('a Job tries again until it succeeds, and goes away after its time', async (t) => {
	const run = await LocalClusterRun.start(t);
	const file = join(run.folder, 'tries');
	await run.module(
		'task',
		`
		import { appendFileSync, readFileSync } from 'node:fs';
		appendFileSync('${file}', 'x');
		process.exit(readFileSync('${file}').length < 3 ? 1 : 0);
		`,
	);
	await run.apply(jobOf('task', {}));
	const job = await run.object<Job>('batch/v1', 'Job', 'task', ({ status }) => {
		return status?.conditions?.some(({ type }) => type === 'Complete') === true;
	});
	t.is(job.status?.succeeded, 1);
	t.is(job.status?.failed, 2);
	// Only now, so that its end is seen on however slow a machine.
	await run.apply(jobOf('task', { ttlSecondsAfterFinished: 1 }));
	await until(async () => {
		const jobs = await run.list<Job>('batch/v1', 'Job');
		return jobs.length === 0 ? true : undefined;
	}, 'the end of the Job');
	await run.pods('task', (pods) => pods.length === 0);
});

test('a Job that always fails has failed in the end', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('task', 'process.exit(1)');
	await run.apply(jobOf('task', { backoffLimit: 1 }));
	const job = await run.object<Job>('batch/v1', 'Job', 'task', ({ status }) => {
		return status?.conditions?.some(({ type }) => type === 'Failed') === true;
	});
	t.is(job.status?.conditions?.at(-1)?.reason, 'BackoffLimitExceeded');
	t.is(job.status?.failed, 2);
});

const claimOf = (spec: object) => ({
	apiVersion: 'v1',
	kind: 'PersistentVolumeClaim',
	metadata: { name: 'data', namespace: 'default' },
	spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } }, ...spec },
});

test('data in a claim outlives its pod and goes with the claim', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module(
		'writer',
		`
		import { appendFileSync, readFileSync } from 'node:fs';
		appendFileSync(process.argv[2] + '/log', 'x');
		console.log('length ' + readFileSync(process.env.FILE).length);
		setInterval(() => {}, 1000);
		`,
	);
	const container = {
		args: ['/data'],
		env: [{ name: 'FILE', value: '/data/log' }],
		volumeMounts: [{ name: 'data', mountPath: '/data' }],
	};
	const pod = podOf('writer', {
		containers: [{ name: 'main', image: 'writer', ...container }],
		volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
	});
	await run.apply(pod);
	await run.pod('writer', ({ status }) =>
		(status?.conditions?.[0]?.message ?? '').includes('data'),
	);
	await run.apply(claimOf({}));
	await run.line('writer', /length 1/);
	await run.client.delete({ apiVersion: 'v1', kind: 'Pod', name: 'writer', namespace: 'default' });
	await run.pods('writer', (pods) => pods.length === 0);
	await run.apply(pod);
	await run.line('writer', /length 2/);
	const [volume] = await until(async () => {
		const { items } = await run.client.list({ apiVersion: 'v1', kind: 'PersistentVolume' });
		return items.length > 0 ? (items as PersistentVolume[]) : undefined;
	}, 'the volume');
	const path = volume?.spec.hostPath?.path ?? '';
	await access(join(path, 'log'));
	await run.client.delete({ apiVersion: 'v1', kind: 'Pod', name: 'writer', namespace: 'default' });
	await run.pods('writer', (pods) => pods.length === 0);
	const claim = {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		name: 'data',
		namespace: 'default',
	};
	await run.client.delete(claim);
	await until(
		async () =>
			access(path).then(
				() => undefined,
				() => true,
			),
		'the end of the folder',
	);
	t.pass();
});

test('a claim of an unknown class stays pending and says why', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.apply(claimOf({ storageClassName: 'azurefile' }));
	const event = await until(async () => {
		const events = await run.events('data');
		return events.find((text) => text.startsWith('ProvisioningFailed'));
	}, 'the event');
	t.regex(event, /storageclass.storage.k8s.io "azurefile" not found/);
	const claim = await run.object<VolumeClaim>('v1', 'PersistentVolumeClaim', 'data', () => true);
	t.is(claim.status?.phase, 'Pending');
});

test('what belongs to a deleted owner is deleted, unless it is orphaned', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('web', webProgram);
	await run.apply(deploymentOf('web', 2), deploymentOf('kept', 1, { image: 'web' }));
	await run.pods('', (pods) => pods.length === 3 && pods.every(isReady));
	const deployment = (name: string) => ({
		...{ apiVersion: 'apps/v1', kind: 'Deployment', name, namespace: 'default' },
	});
	await run.client.delete(deployment('web'), { propagation: 'Foreground' });
	await run.client.delete(deployment('kept'), { propagation: 'Orphan' });
	await run.pods('web', (pods) => pods.length === 0);
	await until(async () => {
		const deployments = await run.list('apps/v1', 'Deployment');
		return deployments.length === 0 ? true : undefined;
	}, 'the end of the Deployments');
	const sets = await run.list<ReplicaSet>('apps/v1', 'ReplicaSet');
	t.deepEqual(
		sets.map(({ metadata }) => metadata.ownerReferences ?? []),
		[[]],
	);
	await run.apply(deploymentOf('kept', 1, { image: 'web' }));
	await run.object<Deployment>('apps/v1', 'Deployment', 'kept', isComplete(1));
});

test('a LoadBalancer Service is open on this machine and says where', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module(
		'echo',
		"import net from 'node:net'; net.createServer((s) => s.pipe(s)).listen(443);",
	);
	await run.apply(
		serviceOf('echo', 443, 443, { type: 'LoadBalancer' }),
		podOf('echo', { image: 'echo' }),
	);
	await run.pod('echo', isReady);
	const service = await run.object<Service>('v1', 'Service', 'echo', ({ status }) => {
		return (status?.loadBalancer?.ingress ?? []).length > 0;
	});
	const [ingress] = service.status?.loadBalancer?.ingress ?? [];
	t.is(ingress?.ip, '127.0.0.1');
	const port = ingress?.ports?.[0]?.port ?? 0;
	t.true(port > 1023);
	const answer = await until(
		() =>
			new Promise<string | undefined>((resolve) => {
				const socket = connect(port, '127.0.0.1', () => socket.write('hello'));
				socket.once('data', (data) => {
					socket.destroy();
					resolve(String(data));
				});
				socket.once('error', () => resolve(undefined));
				socket.once('close', () => resolve(undefined));
			}),
		'the answer',
	);
	t.is(answer, 'hello');
	const event = (await run.events('echo')).find((text) => text.startsWith('LocalPortOpened'));
	t.is(event, `LocalPortOpened: Port 443 is open at 127.0.0.1:${port}`);
});

test('a namespace has a ServiceAccount and the authority from its first moment on', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'edge' } });
	const namespace = 'edge';
	const found = async (kind: string, name: string) =>
		until<KubernetesObject | undefined>(
			() => run.client.get({ apiVersion: 'v1', kind, name, namespace }),
			name,
		);
	await found('ServiceAccount', 'default');
	const map = await found('ConfigMap', 'kube-root-ca.crt');
	t.regex((map['data'] as Record<string, string>)['ca.crt'] ?? '', /BEGIN CERTIFICATE/);
});

test('a program that is not a Node program reaches a Service by its variables', async (t) => {
	const run = await LocalClusterRun.start(t);
	await run.module('web', webProgram);
	await run.apply(serviceOf('web', 8080, 8080), podOf('web', { image: 'web' }));
	await run.pod('web', isReady);
	const script =
		'exec 3<>/dev/tcp/$WEB_SERVICE_HOST/$WEB_SERVICE_PORT; printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3; echo; sleep 100';
	await until(async () => {
		const slices = await run.list('discovery.k8s.io/v1', 'EndpointSlice');
		const mine = slices.find(({ metadata }) => metadata.name.startsWith('web'));
		return (mine?.['endpoints'] as unknown[] | undefined)?.length === 1 ? true : undefined;
	}, 'the endpoint');
	await run.apply(
		podOf('shell', {
			containers: [{ name: 'main', image: 'web', command: ['bash', '-c', script] }],
		}),
	);
	t.regex(await run.line('shell', /^1 web /), /^1 web 127/);
});
