import { isAbsolute, join } from 'node:path';
import type { Container } from '../workloads/pod.ts';
import type { ModuleImage } from './module-folder.ts';

/** Folders of a container and where they are on this machine, longest container path first. */
export type PathMap = readonly (readonly [containerPath: string, machinePath: string])[];

/** The parts of a container's start that come from its image and its spec. */
export interface ContainerCommand {
	readonly argv: readonly string[];
	readonly workingFolder: string;
}

/**
 * The command of a container: `command` replaces ENTRYPOINT and CMD of the image, `args` replaces
 * CMD (Kubernetes documentation, "Define a Command and Arguments for a Container"). `node` is the
 * Node that runs the cluster; paths in mounts become their folders on this machine.
 *
 * @param expand replaces `$(VARIABLE)`.
 */
export function commandOf(
	container: Pick<Container, 'command' | 'args' | 'workingDir'>,
	image: ModuleImage,
	paths: PathMap,
	expand: (text: string) => string,
): ContainerCommand {
	const own = container.command ?? [];
	const given = container.args ?? [];
	const start = own.length > 0 ? own : image.entrypoint;
	const rest = given.length > 0 ? given : own.length > 0 ? [] : image.command;
	const fromSpec = own.length > 0 || given.length > 0;
	const all: PathMap = [...paths, ...imagePaths(image)];
	const argv = [...start, ...rest].map((text) => mapPath(fromSpec ? expand(text) : text, all));
	if (/^(\/usr(\/local)?\/bin\/)?node$/.test(argv[0] ?? '')) argv[0] = process.execPath;
	return { argv, workingFolder: workingFolder(container.workingDir, image, paths) };
}

/** Replaces a container path at the start of a text, behind the `=` of an option, or in a `unix://` URI. */
export function mapPath(text: string, paths: PathMap): string {
	const [, prefix = '', path = ''] = /^((?:--?[\w.-]+=)?(?:unix:\/\/)?)(.*)$/s.exec(text) ?? [];
	for (const [containerPath, machinePath] of paths) {
		const folder = containerPath.replace(/\/+$/, '');
		if (path === folder || path.startsWith(`${folder}/`)) {
			return `${prefix}${machinePath}${path.slice(folder.length)}`;
		}
	}
	return text;
}

/** The image's own files are where its Dockerfile puts them: in the working directory. */
function imagePaths({ workingDirectory, folder }: ModuleImage): PathMap {
	return workingDirectory === '/' ? [] : [[workingDirectory, folder]];
}

function workingFolder(workingDir: string | undefined, image: ModuleImage, paths: PathMap): string {
	if (workingDir === undefined || workingDir === '') return image.folder;
	const mapped = mapPath(workingDir, [...paths, ...imagePaths(image)]);
	if (mapped !== workingDir) return mapped;
	return isAbsolute(workingDir) ? image.folder : join(image.folder, workingDir);
}
