import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { quantityValue } from '../../cluster/quantity.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Container, Pod } from '../workloads/pod.ts';
import { commandOf, mapPath, type PathMap } from './container-command.ts';
import {
	containerEnvironment,
	type EnvironmentSources,
	expandVariables,
} from './container-environment.ts';
import type { Preparation } from './container-runner.ts';
import { ImageMissing } from './image-pull.ts';
import type { FoundImage, ImageStore } from './image-store.ts';
import type { PodVolumes } from './pod-volumes.ts';
import { serviceAccountFolder } from './service-account-volume.ts';
import { defaultTerminationPath } from './termination-message.ts';

/** What the processes of every pod of a node have in common. */
export interface ProcessSurroundings {
	/** The URL of the preload, without a query. */
	readonly preload: URL;
	/** Variables of the machine that programs need, such as `PATH`. */
	readonly inherited: Readonly<Record<string, string>>;
	/** Where pods reach the API server. */
	readonly apiServer: { readonly host: string; readonly port: number };
}

/** Everything from which the start of a container is put together. */
export interface PreparationSources extends Omit<EnvironmentSources, 'pod'> {
	readonly images: ImageStore;
	readonly surroundings: ProcessSurroundings;
	readonly clock: Clock;
}

/** The pod that the container belongs to. */
export interface PreparedPod {
	readonly pod: Pod;
	readonly folder: string;
	/** The file that the preload reads. */
	readonly networkFile: string;
	readonly address: string;
	readonly volumes: PodVolumes;
}

/**
 * Puts together how a container is started: image, environment, paths, command.
 *
 * @throws ImageMissing, MissingReference
 */
export async function prepareContainer(
	container: Container,
	prepared: PreparedPod,
	sources: PreparationSources,
): Promise<Preparation> {
	const image = await sources.images.find(container.image);
	if (typeof image === 'string') throw new ImageMissing(image);
	const { pod, folder, address, volumes } = prepared;
	const declared = containerEnvironment(container, { ...sources, pod });
	const own = join(folder, 'containers', container.name);
	const terminationFile = join(own, 'termination-log');
	await mkdir(dirname(terminationFile), { recursive: true });
	const paths: PathMap = [
		...(await volumes.pathsOf(container, declared)),
		[container.terminationMessagePath ?? defaultTerminationPath, terminationFile],
	];
	const env = processEnvironment(container, prepared, image, declared, paths, sources);
	const expand = (text: string) => expandVariables(text, declared);
	const { argv, workingFolder } = commandOf(container, image, paths, expand);
	if (argv.length === 0) {
		throw new Error(`the image "${container.image}" has no command, and the container gives none`);
	}
	const launch = { argv, env, workingFolder };
	const argvOf = (command: readonly string[]) =>
		commandOf({ command: [...command] }, image, paths, (text) => text).argv;
	const ownAddress = pod.spec.hostNetwork !== true;
	const { clock } = sources;
	return {
		image,
		launch,
		terminationFile,
		target: { container, address, ownAddress, launch, argvOf, clock },
	};
}

function processEnvironment(
	container: Container,
	{ pod, folder, networkFile }: PreparedPod,
	image: FoundImage,
	declared: Readonly<Record<string, string>>,
	paths: PathMap,
	{ surroundings }: PreparationSources,
): Record<string, string> {
	const { inherited, apiServer } = surroundings;
	const mapped = Object.entries(declared).map(([name, value]) => [name, mapPath(value, paths)]);
	const account = mapPath(serviceAccountFolder, paths);
	return {
		...inherited,
		HOME: folder,
		HOSTNAME: pod.spec.hostname ?? pod.metadata.name,
		KUBERNETES_SERVICE_HOST: apiServer.host,
		KUBERNETES_SERVICE_PORT: String(apiServer.port),
		KUBERNETES_SERVICE_PORT_HTTPS: String(apiServer.port),
		KUBERNETES_PORT: `tcp://${apiServer.host}:${apiServer.port}`,
		...image.environment,
		...Object.fromEntries(mapped.filter(([name]) => !name?.startsWith('KUBERNETES_SERVICE_'))),
		...(account === serviceAccountFolder ? {} : { KUBERNETES_SERVICE_ACCOUNT_FOLDER: account }),
		NODE_OPTIONS: nodeOptions(container, networkFile, declared['NODE_OPTIONS'], surroundings),
	};
}

/** The preload, the memory limit as a hint to the garbage collector, and the container's own. */
function nodeOptions(
	container: Container,
	networkFile: string,
	own: string | undefined,
	{ preload }: ProcessSurroundings,
): string {
	const url = new URL(preload);
	url.searchParams.set('pod', networkFile);
	const limit = quantityValue(container.resources?.limits?.['memory'] ?? '0');
	const heap =
		limit === 0 ? [] : [`--max-old-space-size=${Math.max(32, Math.floor(limit / 2 ** 20))}`];
	return [`--import=${url.href}`, ...heap, ...(own === undefined ? [] : [own])].join(' ');
}
