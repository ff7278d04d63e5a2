import { globSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import test from 'ava';
import { runtimeEnvironment } from '../../src/cli/dev/development-edge.ts';
import { dockerfileInstructions, readDockerfile } from '../../src/local-cluster/node/dockerfile.ts';
import { BuildContext } from '../../tools/images/build-context.ts';
import { buildImage } from '../../tools/images/image-build.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const project = resolve(import.meta.dirname, '../..');
const dockerfiles = ['Dockerfile', ...globSync('src/modules/*/Dockerfile', { cwd: project })];

async function write(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
	for (const [name, text] of Object.entries(files)) {
		await mkdir(dirname(join(folder, name)), { recursive: true });
		await writeFile(join(folder, name), text);
	}
}

for (const dockerfile of dockerfiles) {
	test(`what ${dockerfile} copies from this project is there, and not left out`, async (t) => {
		const context = dirname(join(project, dockerfile));
		const target = join(await temporaryFolder(t), 'copied/');
		await mkdir(target);
		const copies = dockerfileInstructions(await readFile(join(project, dockerfile), 'utf8'))
			.filter(({ keyword, rest }) => keyword === 'COPY' && !rest.startsWith('--from='))
			.map(({ rest }) => rest.split(/\s+/).slice(0, -1));
		t.true(copies.length > 0);
		for (const sources of copies) {
			await t.notThrowsAsync((await BuildContext.open(context)).copy(sources, target));
		}
	});
}

test('the files that the build names are copied into the image’s build', async (t) => {
	const instructions = dockerfileInstructions(await readFile(join(project, 'Dockerfile'), 'utf8'));
	const copied = instructions
		.filter(({ keyword, rest }) => keyword === 'COPY' && !rest.startsWith('--from='))
		.flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
	const { scripts } = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'));
	const named = (scripts.build as string).split(/\s+/).filter((word) => /\.(json|ts)$/.test(word));
	t.true(named.length >= 2);
	t.deepEqual(
		named.filter((file) => !copied.includes(file)),
		[],
	);
});

test('the image is built for any architecture, and runs as a user that is not root, by its number', async (t) => {
	const instructions = dockerfileInstructions(await readFile(join(project, 'Dockerfile'), 'utf8'));
	const stages = instructions.filter(({ keyword }) => keyword === 'FROM').map(({ rest }) => rest);
	// Only the stage whose result has no machine code runs on the machine that builds.
	t.deepEqual(
		stages.map((stage) => stage.includes('--platform=')),
		[true, false],
	);
	t.deepEqual(
		instructions.filter(({ keyword }) => keyword === 'USER').map(({ rest }) => rest),
		['1000:1000'],
	);
	const entry = instructions.find(({ keyword }) => keyword === 'ENTRYPOINT');
	const [program = ''] = /\/app\/dist\/[^"]+/.exec(entry?.rest ?? '') ?? [];
	const source = program.replace('/app/dist/', 'src/').replace(/\.js$/, '.ts');
	await t.notThrowsAsync(readFile(join(project, source)));
});

test('`dev` runs the agent and the edge hub with the variables of their image', async (t) => {
	const { environment } = readDockerfile(await readFile(join(project, 'Dockerfile'), 'utf8'));
	t.deepEqual(environment, runtimeEnvironment);
});

test('a Dockerfile is carried out stage by stage', async (t) => {
	const folder = await temporaryFolder(t);
	const context = join(folder, 'context');
	await write(context, {
		Dockerfile: `
FROM --platform=$BUILDPLATFORM node:24 AS build
WORKDIR /build
COPY package.json *.txt ./
COPY source source
RUN cat a.txt b.txt \\
  > both.txt && rm a.txt
FROM node:24-slim
WORKDIR /app
WORKDIR sub
ENV A=1 B="2 3"
COPY --from=build /build ./
COPY --from=build /build/both.txt renamed.txt
USER node
ENTRYPOINT ["node", "main.js"]
CMD ["--help"]
`,
		'.dockerignore': '**\n!package.json\n!*.txt\n!source\nsource/secret\n# a comment\n',
		'package.json': '{}',
		'a.txt': 'a',
		'b.txt': 'b',
		'source/deep/code.js': 'code',
		'source/secret/key.pem': 'key',
	});
	const { root, config } = await buildImage(context, join(folder, 'stages'));
	const files = await readdir(root, { recursive: true, withFileTypes: true });
	t.deepEqual(
		files
			.filter((entry) => entry.isFile())
			.map((entry) => join(entry.parentPath, entry.name).slice(root.length))
			.sort(),
		[
			'/app/sub/b.txt',
			'/app/sub/both.txt',
			'/app/sub/package.json',
			'/app/sub/renamed.txt',
			'/app/sub/source/deep/code.js',
		],
	);
	t.is(await readFile(join(root, 'app/sub/both.txt'), 'utf8'), 'ab');
	t.deepEqual(config, {
		Entrypoint: ['node', 'main.js'],
		Cmd: ['--help'],
		WorkingDir: '/app/sub',
		User: 'node',
		Env: ['A=1', 'B=2 3'],
	});
});

const faults: readonly [name: string, dockerfile: string, message: RegExp][] = [
	['a file that is not there', 'FROM node:24\nCOPY nothing ./', /COPY finds no nothing/],
	['a file that is left out', 'FROM node:24\nCOPY ignored.txt ./', /COPY finds no ignored\.txt/],
	['a stage that is not there', 'FROM node:24\nCOPY --from=x /a /b', /no stage x/],
	['another base', 'FROM python:3', /python:3 is no image of Node\.js/],
	['an instruction before FROM', 'RUN true\nFROM node:24', /RUN comes before FROM/],
	['an instruction that nobody knows', 'FROM node:24\nONBUILD RUN true', /ONBUILD is not known/],
	['a command that fails', 'FROM node:24\nRUN echo sad >&2; false', /sad/],
];

for (const [name, dockerfile, message] of faults) {
	test(`a Dockerfile with ${name} is no image`, async (t) => {
		const folder = await temporaryFolder(t);
		const files = { Dockerfile: dockerfile, '.dockerignore': 'ignored.txt', 'ignored.txt': '' };
		await write(join(folder, 'context'), files);
		await t.throwsAsync(buildImage(join(folder, 'context'), join(folder, 'stages')), { message });
	});
}
