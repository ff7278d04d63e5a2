import { mkdir, readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { writeAtomically } from '../../../src/local-cluster/node/atomic-folder.ts';
import {
	PodVolumes,
	type PodVolumesSettings,
} from '../../../src/local-cluster/node/pod-volumes.ts';
import { withServiceAccountVolume } from '../../../src/local-cluster/node/service-account-volume.ts';
import type { Container, Pod } from '../../../src/local-cluster/workloads/pod.ts';
import type { PodVolume } from '../../../src/local-cluster/workloads/pod-volume.ts';
import type {
	PersistentVolume,
	VolumeClaim,
} from '../../../src/local-cluster/workloads/volume-claim.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const podWith = (volumes: PodVolume[]): Pod => ({
	apiVersion: 'v1',
	kind: 'Pod',
	metadata: { name: 'p', namespace: 'edge', labels: { app: 'web' } },
	spec: { volumes, containers: [] },
});

const mounting = (...volumeMounts: NonNullable<Container['volumeMounts']>): Container => ({
	name: 'a',
	image: 'a',
	volumeMounts,
});

function settings(folder: string, data: Record<string, string>): PodVolumesSettings {
	return {
		folder,
		node: {},
		data: (kind, name) =>
			name === 'settings' && kind === 'ConfigMap'
				? new Map(Object.entries(data).map(([key, value]) => [key, Buffer.from(value)]))
				: undefined,
		token: async (audience) => `token for ${audience ?? 'the API server'}`,
		claim: (name) =>
			name === 'bound'
				? ({ spec: { volumeName: 'pv' }, status: { phase: 'Bound' } } as VolumeClaim)
				: undefined,
		persistentVolume: () =>
			({ spec: { hostPath: { path: join(folder, 'persistent') } } }) as PersistentVolume,
	};
}

const file = (text: string) => ({ data: Buffer.from(text), mode: 0o640 });

test('the files of a folder change all at once', async (t) => {
	const folder = await temporaryFolder(t);
	await writeAtomically(
		folder,
		new Map([
			['a', file('1')],
			['sub/b', file('1')],
		]),
	);
	t.is(await readFile(join(folder, 'sub/b'), 'utf8'), '1');
	t.is((await stat(join(folder, 'a'))).mode & 0o777, 0o640);
	const before = await readlink(join(folder, '..data'));
	await writeAtomically(
		folder,
		new Map([
			['a', file('2')],
			['c', file('2')],
		]),
	);
	t.not(await readlink(join(folder, '..data')), before);
	t.is(await readFile(join(folder, 'a'), 'utf8'), '2');
	const names = (await readdir(folder)).filter((name) => !name.startsWith('..'));
	t.deepEqual(names.sort(), ['a', 'c']);
	t.is((await readdir(folder)).length, 4, 'the old files are gone');
});

test('a file cannot leave its volume', async (t) => {
	const folder = await temporaryFolder(t);
	await t.throwsAsync(writeAtomically(folder, new Map([['../x', file('')]])));
	await t.throwsAsync(writeAtomically(folder, new Map([['/x', file('')]])));
});

test('volumes become folders and files of this machine', async (t) => {
	const folder = await temporaryFolder(t);
	const volumes = new PodVolumes(settings(folder, { level: 'info' }));
	await volumes.prepare(
		podWith([
			{ name: 'scratch', emptyDir: {} },
			{ name: 'host', hostPath: { path: join(folder, 'host'), type: 'DirectoryOrCreate' } },
			{ name: 'data', persistentVolumeClaim: { claimName: 'bound' } },
			{
				name: 'config',
				configMap: { name: 'settings', items: [{ key: 'level', path: 'a/level' }] },
			},
			{
				name: 'identity',
				projected: {
					sources: [
						{ serviceAccountToken: { path: 'token', audience: 'edge' } },
						{
							downwardAPI: {
								items: [{ path: 'app', fieldRef: { fieldPath: "metadata.labels['app']" } }],
							},
						},
						{ configMap: { name: 'settings' } },
					],
				},
			},
		]),
	);
	const paths = new Map(
		await volumes.pathsOf(
			mounting(
				{ name: 'scratch', mountPath: '/tmp/work', subPathExpr: 'of-$(NAME)' },
				{ name: 'host', mountPath: '/host' },
				{ name: 'data', mountPath: '/data' },
				{ name: 'config', mountPath: '/etc/config' },
				{ name: 'identity', mountPath: '/var/identity' },
			),
			{ NAME: 'me' },
		),
	);
	const read = (mount: string, path: string) =>
		readFile(join(paths.get(mount) ?? '', path), 'utf8');
	t.is(paths.get('/host'), join(folder, 'host'));
	t.is(paths.get('/data'), join(folder, 'persistent'));
	t.true((await stat(paths.get('/tmp/work') ?? '')).isDirectory());
	t.true(paths.get('/tmp/work')?.endsWith('/scratch/of-me'));
	t.is(await read('/etc/config', 'a/level'), 'info');
	t.is(await read('/var/identity', 'token'), 'token for edge');
	t.is(await read('/var/identity', 'app'), 'web');
	t.is(await read('/var/identity', 'level'), 'info');
	const { mode } = await stat(join(paths.get('/var/identity') ?? '', 'token'));
	t.is(mode & 0o077, 0, 'nobody else can read the token');
});

test('a changed ConfigMap reaches the files, an unchanged one is not written again', async (t) => {
	const folder = await temporaryFolder(t);
	const data = { level: 'info' };
	const volumes = new PodVolumes(settings(folder, data));
	const pod = podWith([{ name: 'config', configMap: { name: 'settings' } }]);
	const link = join(folder, 'volumes/config/..data');
	await volumes.prepare(pod);
	const first = await readlink(link);
	await volumes.prepare(pod);
	t.is(await readlink(link), first);
	data.level = 'debug';
	await volumes.prepare(pod);
	t.is(await readFile(join(folder, 'volumes/config/level'), 'utf8'), 'debug');
});

const failureTable: [string, PodVolume, RegExp][] = [
	['a missing ConfigMap', { name: 'v', configMap: { name: 'none' } }, /configmap "none" not found/],
	[
		'a missing key',
		{ name: 'v', configMap: { name: 'settings', items: [{ key: 'none', path: 'x' }] } },
		/non-existent ConfigMap key: none/,
	],
	['a missing Secret', { name: 'v', secret: { secretName: 'none' } }, /secret "none" not found/],
	[
		'a claim that is not bound',
		{ name: 'v', persistentVolumeClaim: { claimName: 'none' } },
		/"none" is not bound/,
	],
	[
		'a host path of another type',
		{ name: 'v', hostPath: { path: '/etc', type: 'File' } },
		/not a File/,
	],
	['an unknown source', { name: 'v', nfs: {} } as PodVolume, /cannot mount nfs/],
];

for (const [title, volume, message] of failureTable) {
	test(`a pod waits for its volumes: ${title}`, async (t) => {
		const volumes = new PodVolumes(settings(await temporaryFolder(t), { level: '' }));
		await t.throwsAsync(volumes.prepare(podWith([volume])), { name: 'MissingReference', message });
	});
}

test('what is optional may be missing', async (t) => {
	const folder = await temporaryFolder(t);
	const volumes = new PodVolumes(settings(folder, {}));
	const optional = true;
	await volumes.prepare(
		podWith([
			{ name: 'a', secret: { secretName: 'none', optional } },
			{ name: 'b', configMap: { name: 'settings', items: [{ key: 'none', path: 'x' }], optional } },
		]),
	);
	t.deepEqual(
		(await readdir(join(folder, 'volumes/a'))).filter((name) => !name.startsWith('..')),
		[],
	);
});

test('a subPath cannot leave its volume', async (t) => {
	const folder = await temporaryFolder(t);
	await mkdir(folder, { recursive: true });
	const volumes = new PodVolumes(settings(folder, {}));
	await volumes.prepare(podWith([{ name: 'v', emptyDir: {} }]));
	const mount = { name: 'v', mountPath: '/v', subPath: '../../other' };
	await t.throwsAsync(volumes.pathsOf(mounting(mount), {}), { message: /leaves the volume/ });
});

test('a pod gets the credentials of its ServiceAccount unless it declines', (t) => {
	const pod = podWith([]);
	pod.spec.containers = [mounting()];
	const given = withServiceAccountVolume(pod);
	const [mount] = given.spec.containers[0]?.volumeMounts ?? [];
	t.is(mount?.mountPath, '/var/run/secrets/kubernetes.io/serviceaccount');
	t.is(given.spec.volumes?.[0]?.name, mount?.name);
	const declined = { ...pod, spec: { ...pod.spec, automountServiceAccountToken: false } };
	t.is(withServiceAccountVolume(declined), declined);
	t.deepEqual(withServiceAccountVolume(given).spec.containers, given.spec.containers);
});
