import { posix } from 'node:path';
import type { TranslationPolicy } from './translation.ts';

/** Sockets through which a container could start any other; a folder above them gives them away. */
const runtimeSockets = [
	'/var/run/docker.sock',
	'/run/docker.sock',
	'/run/containerd/containerd.sock',
	'/var/run/containerd/containerd.sock',
	'/run/crio/crio.sock',
	'/var/run/crio/crio.sock',
	'/run/podman/podman.sock',
];
/** Folders of the IoT Edge daemon, which no node of a cluster runs. */
const daemonFolders = [
	'/var/run/iotedge',
	'/run/iotedge',
	'/var/lib/iotedge',
	'/etc/aziot',
	'/run/aziot',
	'/var/lib/aziot',
];

const fileName =
	/\.(json|toml|ya?ml|conf|cfg|ini|txt|pem|crt|cer|key|pfx|xml|db|log|sh|env|properties|csv)$/i;

/** A host path may be mounted, or why not. */
export type HostPathVerdict =
	| { readonly allowed: true; readonly path: string }
	| { readonly allowed: false; readonly reason: 'denied' | 'impossible'; readonly message: string };

/**
 * Whether the operator lets modules mount a path of the host. The path is normalised first; a path
 * that contains a container runtime's socket is allowed only where it is named itself.
 */
export function judgeHostPath(source: string, policy: TranslationPolicy): HostPathVerdict {
	if (/^[A-Za-z]:|\\/.test(source)) {
		return impossible(`${shown(source)} is a path of Windows; nodes run Linux.`);
	}
	if (!source.startsWith('/') || source.split('/').includes('..')) {
		return impossible(`${shown(source)} is no absolute path.`);
	}
	const path = posix.normalize(source).replace(/(?<=.)\/$/, '');
	const daemon = daemonFolders.find((folder) => isWithin(path, folder));
	const isNamed = policy.allowHostPaths.some((allowed) => normal(allowed) === path);
	if (daemon !== undefined && !isNamed) {
		return impossible(`${shown(path)} belongs to the IoT Edge daemon, which no node runs.`);
	}
	const socket = runtimeSockets.find((one) => isWithin(one, path));
	const covered = policy.allowHostPaths.some((allowed) => isWithin(path, normal(allowed)));
	if (isNamed || (covered && socket === undefined)) return { allowed: true, path };
	const why = socket === undefined ? '' : `, where the container runtime listens,`;
	return {
		allowed: false,
		reason: 'denied',
		message: `The host path ${shown(path)}${why} is not allowed to modules.`,
	};
}

/**
 * The `type` of a hostPath volume. Docker makes missing folders, so a folder is the default; what
 * looks like a file, a socket or a device must exist.
 */
export function hostPathType(path: string): string {
	if (/^\/(dev|proc|sys)(\/|$)/.test(path)) return '';
	if (path.endsWith('.sock')) return 'Socket';
	const isFile =
		/^\/etc\/(localtime|timezone|hostname|machine-id|hosts|resolv\.conf|passwd|group)$/.test(
			path,
		) || fileName.test(path);
	return isFile ? 'File' : 'DirectoryOrCreate';
}

function isWithin(path: string, folder: string): boolean {
	return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

function normal(path: string): string {
	return posix.normalize(path).replace(/(?<=.)\/$/, '');
}

function shown(path: string): string {
	return `"${path.length > 80 ? `${path.slice(0, 80)}…` : path}"`;
}

function impossible(message: string): HostPathVerdict {
	return { allowed: false, reason: 'impossible', message };
}
