import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { commandOf, mapPath } from '../../../src/local-cluster/node/container-command.ts';
import { readDockerfile } from '../../../src/local-cluster/node/dockerfile.ts';
import { parseImageReference } from '../../../src/local-cluster/node/image-reference.ts';
import { ImageStore } from '../../../src/local-cluster/node/image-store.ts';
import { readModuleFolder } from '../../../src/local-cluster/node/module-folder.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

async function files(root: string, contents: Record<string, string>): Promise<void> {
	for (const [path, content] of Object.entries(contents)) {
		await mkdir(join(root, path, '..'), { recursive: true });
		await writeFile(join(root, path), content);
	}
}

const referenceTable: [string, string | undefined, string, string, string][] = [
	['filter', undefined, 'filter', 'filter', 'latest'],
	['team/filter:1.2', undefined, 'team/filter', 'filter', '1.2'],
	['localhost:5000/filter', 'localhost:5000', 'filter', 'filter', 'latest'],
	['mcr.microsoft.com/a/b:1@sha256:abc', 'mcr.microsoft.com', 'a/b', 'b', '1'],
	['$' + '{REGISTRY}/filter:0.1', '$' + '{REGISTRY}', 'filter', 'filter', '0.1'],
];

test('an image reference has a registry, a repository, a name and a tag', (t) => {
	for (const [image, registry, repository, name, tag] of referenceTable) {
		t.deepEqual(
			parseImageReference(image),
			registry === undefined ? { repository, name, tag } : { registry, repository, name, tag },
			image,
		);
	}
});

test('an image is found by module.json, package.json or the name of its folder', async (t) => {
	const root = await temporaryFolder(t);
	await files(root, {
		'one/module.json': '{"image":{"repository":"$' + '{REGISTRY}/sensors/thermometer"}}',
		'one/index.js': '',
		'two/package.json': '{"name":"@team/filter","main":"lib/run.js"}',
		'two/lib/run.js': '',
		'modules/three/app.js': '',
		'node_modules/four/app.js': '',
	});
	const store = new ImageStore({ moduleRoots: [root], builtinImages: new Map() });
	const folderOf = async (image: string) => {
		const found = await store.find(image);
		return typeof found === 'string' ? undefined : found.folder;
	};
	t.is(await folderOf('acr.io/sensors/thermometer:1.0'), join(root, 'one'));
	t.is(await folderOf('thermometer'), join(root, 'one'));
	t.is(await folderOf('acr.io/filter:2'), join(root, 'two'));
	t.is(await folderOf('three'), join(root, 'modules/three'));
	t.is(await folderOf('four'), undefined);
});

test('a built-in image needs no folder', async (t) => {
	const builtinImages = new Map([
		['runtime:1.0', { command: ['node', 'main.ts'], environment: { A: '1' } }],
	]);
	const store = new ImageStore({ moduleRoots: [], builtinImages });
	const found = await store.find('runtime:1.0');
	if (typeof found === 'string') return t.fail(found);
	t.deepEqual(found.entrypoint, ['node', 'main.ts']);
	t.deepEqual(found.environment, { A: '1' });
});

test('an image that is not there is reported with what was searched, and found when it comes', async (t) => {
	const root = await temporaryFolder(t);
	const store = new ImageStore({
		moduleRoots: [root],
		builtinImages: new Map([['a:1', { command: [] }]]),
	});
	const message = await store.find('acr.io/late:1');
	t.true(
		typeof message === 'string' && message.includes(`${root}/*`) && message.includes('"late"'),
	);
	await files(root, { 'late/app.js': '' });
	t.is(typeof (await store.find('acr.io/late:1')), 'object');
});

const programTable: [string, Record<string, string>, readonly string[]][] = [
	[
		'main of package.json',
		{ 'package.json': '{"main":"./run.js"}', 'run.js': '' },
		['node', 'run.js'],
	],
	['main without ending', { 'package.json': '{"main":"run"}', 'run.ts': '' }, ['node', 'run.ts']],
	['a package without main', { 'package.json': '{}', 'index.ts': '' }, ['node', 'index.ts']],
	[
		'the start script when main is not there',
		{ 'package.json': '{"main":"dist/x.js","scripts":{"start":"node src/x.js"}}' },
		['/bin/sh', '-c', 'node src/x.js'],
	],
	[
		'the Dockerfile',
		{ Dockerfile: 'FROM node\nWORKDIR /app\nENTRYPOINT ["node"]\nCMD ["./app.js"]' },
		['node', './app.js'],
	],
	['a usual name', { 'main.ts': '', 'readme.md': '' }, ['node', 'main.ts']],
	['nothing', { 'readme.md': '' }, []],
];

for (const [title, contents, argv] of programTable) {
	test(`the program of a module folder: ${title}`, async (t) => {
		const root = await temporaryFolder(t);
		await files(root, contents);
		const { entrypoint, command } = await readModuleFolder(root);
		t.deepEqual([...entrypoint, ...command], argv);
	});
}

test('a Dockerfile is read as far as running goes', (t) => {
	const config = readDockerfile(`
		FROM node:24 AS build
		CMD ["wrong"]
		FROM node:24
		# a comment
		ENV MODE=edge LEVEL="very high"
		ENV PLAIN some words
		WORKDIR /usr/src/app
		CMD node \\
			app.js
	`);
	t.deepEqual(config, {
		entrypoint: [],
		command: ['/bin/sh', '-c', 'node  \t\t\tapp.js'],
		workingDirectory: '/usr/src/app',
		environment: { MODE: 'edge', LEVEL: 'very high', PLAIN: 'some words' },
	});
});

test('command and args of a container replace ENTRYPOINT and CMD', (t) => {
	const image = {
		folder: '/modules/filter',
		entrypoint: ['node', '/app/main.js'],
		command: ['--default'],
		workingDirectory: '/app',
		environment: {},
	};
	const run = (command?: string[], args?: string[]) =>
		commandOf(
			{ ...(command && { command }), ...(args && { args }) },
			image,
			[['/data', '/state/volumes/data']],
			(text) => text.replace('$(WHERE)', '/data'),
		).argv;
	const node = process.execPath;
	t.deepEqual(run(), [node, '/modules/filter/main.js', '--default']);
	t.deepEqual(run(undefined, ['--own']), [node, '/modules/filter/main.js', '--own']);
	t.deepEqual(run(['python3', 'x.py']), ['python3', 'x.py']);
	t.deepEqual(run(['/usr/local/bin/node', '/app/other.js'], ['--dir=$(WHERE)/db']), [
		node,
		'/modules/filter/other.js',
		'--dir=/state/volumes/data/db',
	]);
});

test('a path in a mount becomes a path of this machine, anything else stays', (t) => {
	const paths = [['/data/inner', '/b'] as const, ['/data', '/a'] as const];
	const table: [string, string][] = [
		['/data', '/a'],
		['/data/x', '/a/x'],
		['/data/inner/x', '/b/x'],
		['/database', '/database'],
		['see /data', 'see /data'],
		['--path=/data', '--path=/a'],
	];
	for (const [text, mapped] of table) t.is(mapPath(text, paths), mapped, text);
});
