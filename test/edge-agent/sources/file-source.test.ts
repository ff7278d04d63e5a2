import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { FileSource } from '../../../src/edge-agent/sources/file-source.ts';
import { localSourceOf } from '../../../src/edge-agent/sources/local-deployment.ts';
import { silentLogger } from '../../../src/runtime/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const interval = 2000;

function manifest(image: string): string {
	const modules = { filter: { type: 'docker', settings: { image } } };
	const $edgeAgent = { 'properties.desired': { schemaVersion: '1.1', modules } };
	return JSON.stringify({ modulesContent: { $edgeAgent } });
}

function follow(path: string) {
	const clock = new FakeClock();
	const source = new FileSource({ path, clock, logger: silentLogger });
	let changes = 0;
	source.onChange(() => {
		changes += 1;
	});
	const looks = async (count: number) => {
		for (let look = 0; look < count; look += 1) {
			await clock.advance(interval);
			await source.idle();
		}
		return source.state;
	};
	return { source, looks, changes: () => changes };
}

test('a file is taken, followed when it changes, and missed when it goes', async (t) => {
	const folder = await temporaryFolder(t);
	const path = join(folder, 'deployment.json');
	const { source, looks, changes } = follow(path);
	t.teardown(() => source.stop());
	await source.start();
	t.deepEqual(await looks(2), { kind: 'absent' });
	await writeFile(path, manifest('filter:1'));
	const first = await looks(2);
	if (first.kind !== 'present') return t.fail(first.kind);
	t.like(localSourceOf(first.desired), { kind: 'file', hub: null, twins: {} });
	t.is(await looks(3), first);
	await writeFile(path, manifest('filter:22'));
	const second = await looks(2);
	if (second.kind !== 'present') return t.fail(second.kind);
	t.not(second.desired['$version'], first.desired['$version']);
	await rm(path);
	t.deepEqual(await looks(2), { kind: 'absent' });
	t.is(changes(), 4);
});

test('a file that is still being written is not taken', async (t) => {
	const path = join(await temporaryFolder(t), 'deployment.json');
	const text = manifest('filter:1');
	const { source, looks } = follow(path);
	t.teardown(() => source.stop());
	await source.start();
	for (const length of [10, 20, 30]) {
		await writeFile(path, text.slice(0, length));
		t.not((await looks(1)).kind, 'faulty');
	}
	await writeFile(path, text);
	t.is((await looks(2)).kind, 'present');
});

test('a mounted ConfigMap is followed when Kubernetes turns its link', async (t) => {
	const folder = await temporaryFolder(t);
	const version = async (name: string, text: string) => {
		await mkdir(join(folder, name));
		await writeFile(join(folder, name, 'deployment.json'), text);
		await symlink(name, join(folder, '..data_tmp'));
		await rename(join(folder, '..data_tmp'), join(folder, '..data'));
	};
	await version('..1', manifest('filter:1'));
	await symlink('..data/deployment.json', join(folder, 'deployment.json'));
	const { source, looks } = follow(join(folder, 'deployment.json'));
	t.teardown(() => source.stop());
	await source.start();
	const first = await looks(2);
	t.is(first.kind, 'present');
	await version('..2', manifest('filter:2'));
	const second = await looks(2);
	t.is(second.kind, 'present');
	t.notDeepEqual(second, first);
});

test('a file that is no manifest is told with its problems', async (t) => {
	const path = join(await temporaryFolder(t), 'deployment.json');
	await writeFile(path, '{ "modulesContent": ');
	const { source, looks } = follow(path);
	t.teardown(() => source.stop());
	await source.start();
	const state = await looks(2);
	t.like(state, { kind: 'faulty', fault: { code: 400 } });
});
