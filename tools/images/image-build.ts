import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { promisify } from 'node:util';
import {
	type DockerfileInstruction,
	dockerfileInstructions,
	readDockerfile,
} from '../../src/local-cluster/node/dockerfile.ts';
import { BuildContext } from './build-context.ts';

/** An image whose Dockerfile was carried out. */
export interface BuiltImage {
	/** What the last stage adds to its base. */
	readonly root: string;
	/** As the image’s configuration has it. */
	readonly config: {
		readonly Entrypoint: readonly string[];
		readonly Cmd: readonly string[];
		readonly WorkingDir: string;
		readonly User: string;
		readonly Env: readonly string[];
	};
}

interface Stage {
	readonly root: string;
	readonly environment: Readonly<Record<string, string>>;
	workingDirectory: string;
	user: string;
}

/** Instructions that say how the image runs; `readDockerfile` reads them. */
const running = new Set(['ENV', 'CMD', 'ENTRYPOINT', 'EXPOSE', 'LABEL']);

/**
 * Carries out a Dockerfile without a container engine, for tests of the image’s content. Every stage
 * starts from an empty folder: its base must be a Node.js image, RUN runs with the Node.js and npm of
 * this machine, in the stage’s folder but not confined to it.
 *
 * @param context the folder with the Dockerfile.
 * @param folder an empty folder, for the stages.
 * @throws Error for an instruction that is not known here, and where one fails.
 */
export async function buildImage(context: string, folder: string): Promise<BuiltImage> {
	const text = await readFile(join(context, 'Dockerfile'), 'utf8');
	const stages = new Map<string, Stage>();
	let stage: Stage | undefined;
	for (const instruction of dockerfileInstructions(text)) {
		if (instruction.keyword === 'FROM') {
			const name = stageName(instruction.rest, stages.size);
			stage = await newStage(join(folder, name));
			stages.set(name, stage);
		} else if (stage === undefined) {
			throw new Error(`${instruction.keyword} comes before FROM.`);
		} else {
			await carryOut(instruction, stage, { context, stages });
		}
	}
	if (stage === undefined) throw new Error(`${context}/Dockerfile has no FROM.`);
	const { entrypoint, command, environment } = readDockerfile(text);
	return {
		root: stage.root,
		config: {
			Entrypoint: entrypoint,
			Cmd: command,
			WorkingDir: stage.workingDirectory,
			User: stage.user,
			Env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
		},
	};
}

async function newStage(root: string): Promise<Stage> {
	await mkdir(root, { recursive: true });
	return { root, environment: {}, workingDirectory: '/', user: '' };
}

/** `--platform=$BUILDPLATFORM node:24 AS build` → `build`. */
function stageName(rest: string, index: number): string {
	const [image = '', as, name] = rest.split(/\s+/).filter((word) => !word.startsWith('--'));
	if (!/(^|\/)node(js)?\d*(:|-|$)/.test(image)) {
		throw new Error(`The base ${image} is no image of Node.js.`);
	}
	return as?.toUpperCase() === 'AS' && name !== undefined ? name : String(index);
}

async function carryOut(
	{ keyword, rest }: DockerfileInstruction,
	stage: Stage,
	build: { readonly context: string; readonly stages: ReadonlyMap<string, Stage> },
): Promise<void> {
	if (keyword === 'WORKDIR') {
		stage.workingDirectory = posix.resolve(stage.workingDirectory, rest);
		await mkdir(join(stage.root, stage.workingDirectory), { recursive: true });
	} else if (keyword === 'COPY') {
		await copy(rest, stage, build);
	} else if (keyword === 'RUN') {
		await run(rest, join(stage.root, stage.workingDirectory));
	} else if (keyword === 'USER') {
		stage.user = rest;
	} else if (!running.has(keyword)) {
		throw new Error(`The instruction ${keyword} is not known here.`);
	}
}

async function copy(
	rest: string,
	stage: Stage,
	{ context, stages }: { readonly context: string; readonly stages: ReadonlyMap<string, Stage> },
): Promise<void> {
	const words = rest.split(/\s+/);
	const options = words.filter((word) => word.startsWith('--'));
	const sources = words.filter((word) => !word.startsWith('--'));
	const target = sources.pop() ?? '.';
	const from = options.find((option) => option.startsWith('--from='))?.slice('--from='.length);
	const origin = from === undefined ? undefined : stages.get(from);
	if (from !== undefined && origin === undefined) throw new Error(`There is no stage ${from}.`);
	const place = join(stage.root, posix.resolve(stage.workingDirectory, target));
	const isFolder = target === '.' || target.endsWith('/');
	await mkdir(isFolder ? place : dirname(place), { recursive: true });
	const source =
		origin === undefined ? await BuildContext.open(context) : new BuildContext(origin.root);
	await source.copy(sources, isFolder ? `${place.replace(/\/$/, '')}/` : place);
}

/** Runs a line in a shell, as npm would not know that it was started by npm itself. */
async function run(line: string, cwd: string): Promise<void> {
	const kept = Object.entries(process.env).filter(([name]) => {
		return !name.startsWith('npm_') || /^npm_config_(registry|cache|userconfig)$/.test(name);
	});
	const path = `${dirname(process.execPath)}:${process.env['PATH']}`;
	const env = { ...Object.fromEntries(kept), PATH: path };
	await promisify(execFile)('sh', ['-ec', line], { cwd, env, maxBuffer: 2 ** 26 });
}
