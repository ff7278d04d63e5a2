/**
 * usage: node tools/images/command.ts <pause program>
 *
 * Prints the path of an archive with the images that tests with real pods run: the program’s, those of
 * the sample modules, and `pause`. Each is made by its Dockerfile, without a container engine, and kept
 * until something that goes into it changes.
 */
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type ArchivedImage, writeImageArchive } from './image-archive.ts';
import { type BuiltImage, buildImage } from './image-build.ts';
import { writeNodeBase } from './node-base.ts';

const project = resolve(import.meta.dirname, '../..');
const keptDays = 7;

/** What goes into images, and what makes them. */
const ingredients = [
	'Dockerfile',
	'.dockerignore',
	'package.json',
	'package-lock.json',
	'tsconfig*.json',
	'src/**/*',
	'deployments/**/*',
	'tools/package-modules.ts',
	'tools/images/*',
];

async function main(pause: string | undefined): Promise<string> {
	if (pause === undefined) throw new Error('usage: node tools/images/command.ts <pause program>');
	const cache = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');
	const folder = join(cache, 'iotedge-k8s/images');
	const archive = join(folder, `${await digestOf([pause])}.tar`);
	if (await stat(archive).catch(() => undefined)) return archive;
	await mkdir(folder, { recursive: true });
	await removeOld(folder);
	const work = await mkdtemp(join(tmpdir(), 'iotedge-k8s-images-'));
	try {
		const images = await build(pause, work);
		await writeImageArchive(images, `${archive}.${process.pid}`, join(work, 'archive'));
		await rename(`${archive}.${process.pid}`, archive);
	} finally {
		await rm(work, { recursive: true, force: true });
	}
	return archive;
}

async function build(pause: string, work: string): Promise<ArchivedImage[]> {
	const base = join(work, 'base');
	await writeNodeBase(base);
	const images: ArchivedImage[] = [];
	const add = (name: string, { root, config }: BuiltImage) => {
		images.push({ name, layers: [base, root], config });
	};
	const { version } = await json(join(project, 'package.json'));
	add(`iotedge-k8s:${version}`, await buildImage(project, join(work, 'program')));
	for (const name of globSync('*', { cwd: join(project, 'src/modules') })) {
		const context = join(project, 'src/modules', name);
		const { image } = await json(join(context, 'module.json'));
		const tag = `${image.repository}:${image.tag.version}`;
		add(tag, await buildImage(context, join(work, name)));
	}
	const sandbox = join(work, 'pause');
	await mkdir(sandbox);
	await cp(pause, join(sandbox, 'pause'));
	await chmod(join(sandbox, 'pause'), 0o755);
	images.push({
		name: 'iotedge-k8s/pause:1',
		layers: [sandbox],
		config: { Entrypoint: ['/pause'] },
	});
	return images;
}

async function digestOf(more: readonly string[]): Promise<string> {
	const hash = createHash('sha256').update(process.version).update(process.arch);
	const names = globSync(ingredients, { cwd: project });
	const paths = [...names.sort().map((name) => join(project, name)), ...more];
	for (const path of paths) {
		if (!(await stat(path)).isFile()) continue;
		const name = path.startsWith(project) ? path.slice(project.length) : '';
		hash.update(`\0${name}\0`).update(await readFile(path));
	}
	return hash.digest('hex').slice(0, 32);
}

async function removeOld(folder: string): Promise<void> {
	const oldest = Date.now() - keptDays * 86_400_000;
	for (const name of globSync('*.tar*', { cwd: folder })) {
		const path = join(folder, name);
		if ((await stat(path)).mtimeMs < oldest) await rm(path, { force: true });
	}
}

// biome-ignore lint/suspicious/noExplicitAny: files of this project, whose form is known.
async function json(path: string): Promise<any> {
	return JSON.parse(await readFile(path, 'utf8'));
}

console.log(await main(process.argv[2]));
