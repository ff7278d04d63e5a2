import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import test from 'ava';
import { LocalCluster } from '../../src/local-cluster/local-cluster.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function clusterIn(folder: string): LocalCluster {
	return new LocalCluster({
		folder,
		moduleRoots: [],
		builtinImages: new Map(),
		logger: silentLogger,
	});
}

const cases = [
	{ name: 'no database', file: 'api-server/objects.sqlite', content: 'x'.repeat(8192) },
	{ name: 'a cut identity', file: 'api-server/identity.json', content: '{"authority":' },
	{ name: 'an empty identity', file: 'api-server/identity.json', content: '' },
	{ name: 'a block of words', file: 'service-block', content: 'zzz\n' },
	{ name: 'a block out of range', file: 'service-block', content: '127.1.999\n' },
];

for (const { name, file, content } of cases) {
	test(`a damaged folder is named: ${name}`, async (t) => {
		const folder = await temporaryFolder(t);
		const path = join(folder, file);
		await mkdir(dirname(path), { recursive: true });
		await writeFile(path, content);
		const error = await t.throwsAsync(clusterIn(folder).start(), { instanceOf: EdgeError });
		t.is(error.code, 'EDGE_STORAGE_CORRUPT');
		t.is(error.where, path);
		t.is(await readFile(path, 'utf8'), content, 'nothing was replaced');
	});
}

test('a database that lost its end is named', async (t) => {
	const folder = await temporaryFolder(t);
	const path = join(folder, 'api-server/objects.sqlite');
	const cluster = clusterIn(folder);
	await cluster.start();
	await cluster.stop();
	const whole = await readFile(path);
	await writeFile(path, whole.subarray(0, Math.floor(whole.length / 2)));
	const error = await t.throwsAsync(clusterIn(folder).start(), { instanceOf: EdgeError });
	t.is(error.code, 'EDGE_STORAGE_CORRUPT');
	t.is(error.where, path);
});

test('a first start that was killed while it wrote its addresses is no hindrance', async (t) => {
	const folder = await temporaryFolder(t);
	await writeFile(join(folder, 'service-block'), '');
	const cluster = clusterIn(folder);
	await cluster.start();
	await cluster.stop();
	t.regex(await readFile(join(folder, 'service-block'), 'utf8'), /^127\.\d+\.\d+\n$/);
});
