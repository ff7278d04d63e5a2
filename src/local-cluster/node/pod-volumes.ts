import { createHash } from 'node:crypto';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import type { Container, Pod, VolumeMount } from '../workloads/pod.ts';
import type { PodVolume } from '../workloads/pod-volume.ts';
import type { PersistentVolume, VolumeClaim } from '../workloads/volume-claim.ts';
import { type VolumeFiles, writeAtomically } from './atomic-folder.ts';
import type { PathMap } from './container-command.ts';
import { expandVariables, MissingReference } from './container-environment.ts';
import { type VolumeSources, volumeFiles } from './volume-files.ts';

/** What volumes of a pod are made from. */
export interface PodVolumesSettings extends Omit<VolumeSources, 'pod'> {
	/** The folder of the pod on this machine. */
	readonly folder: string;
	readonly claim: (name: string) => VolumeClaim | undefined;
	readonly persistentVolume: (name: string) => PersistentVolume | undefined;
}

/** Where the volumes of medium `Memory` begin. */
const memoryPrefix = join(tmpdir(), 'iotedge-k8s-');

/** The volumes of one pod: folders and files of this machine. */
export class PodVolumes {
	readonly #settings: PodVolumesSettings;
	readonly #paths = new Map<string, string>();
	readonly #written = new Map<string, string>();
	readonly #inMemory = new Set<string>();

	constructor(settings: PodVolumesSettings) {
		this.#settings = settings;
	}

	/**
	 * Makes the folders of all volumes and brings their files up to date.
	 *
	 * @throws MissingReference with the text of the Event `FailedMount`.
	 */
	async prepare(pod: Pod): Promise<void> {
		for (const volume of pod.spec.volumes ?? []) {
			const path = await this.#prepareOne(pod, volume);
			this.#paths.set(volume.name, path);
		}
	}

	/**
	 * Where the mounts of a container are on this machine.
	 *
	 * @param variables for `subPathExpr`.
	 */
	async pathsOf(
		container: Container,
		variables: Readonly<Record<string, string>>,
	): Promise<PathMap> {
		const paths: [string, string][] = [];
		for (const mount of container.volumeMounts ?? []) {
			paths.push([mount.mountPath, await this.#mountPath(mount, variables)]);
		}
		return paths.sort(([one], [other]) => other.length - one.length);
	}

	/** Removes the volumes that live in memory: they end with the pod's processes. */
	async clearMemory(): Promise<void> {
		for (const path of this.#inMemory) await rm(path, { recursive: true, force: true });
	}

	async #mountPath(
		{ name, subPath, subPathExpr }: VolumeMount,
		variables: Readonly<Record<string, string>>,
	): Promise<string> {
		const path = this.#paths.get(name);
		if (path === undefined) throw new MissingReference(`volume "${name}" is not defined`);
		const part = subPathExpr === undefined ? subPath : expandVariables(subPathExpr, variables);
		if (part === undefined || part === '') return path;
		const inside = normalize(part);
		if (inside.startsWith('..') || inside.startsWith('/')) {
			throw new MissingReference(`subPath "${part}" leaves the volume "${name}"`);
		}
		const full = join(path, inside);
		// A path that is not there becomes a folder, as in Kubernetes.
		await stat(full).catch(() => mkdir(full, { recursive: true }));
		return full;
	}

	async #prepareOne(pod: Pod, volume: PodVolume): Promise<string> {
		const { name, hostPath, persistentVolumeClaim, emptyDir } = volume;
		const own = join(this.#settings.folder, 'volumes', name);
		if (hostPath !== undefined) return prepareHostPath(hostPath.path, hostPath.type);
		if (persistentVolumeClaim !== undefined)
			return this.#claimPath(persistentVolumeClaim.claimName);
		if (emptyDir !== undefined) {
			const inMemory = emptyDir.medium === 'Memory';
			const path = inMemory ? memoryFolder(own) : own;
			if (inMemory) this.#inMemory.add(path);
			await mkdir(path, { recursive: true, mode: 0o700 });
			return path;
		}
		const files = await volumeFiles(volume, { ...this.#settings, pod });
		if (files === undefined) {
			const sources = Object.keys(volume).filter((key) => key !== 'name');
			const source = sources.join(', ') || 'no source';
			throw new MissingReference(`volume "${name}": the local node cannot mount ${source}`);
		}
		await this.#write(own, files);
		return own;
	}

	async #write(folder: string, files: VolumeFiles): Promise<void> {
		const version = JSON.stringify(
			[...files].map(([path, { data, mode }]) => [path, data.toString('base64'), mode]),
		);
		if (this.#written.get(folder) === version) return;
		await writeAtomically(folder, files);
		this.#written.set(folder, version);
	}

	async #claimPath(claimName: string): Promise<string> {
		const claim = this.#settings.claim(claimName);
		if (claim?.status?.phase !== 'Bound') {
			throw new MissingReference(`persistentvolumeclaim "${claimName}" is not bound`);
		}
		const volume = this.#settings.persistentVolume(claim.spec.volumeName ?? '');
		const path = volume?.spec.hostPath?.path ?? volume?.spec.local?.path;
		if (path === undefined) {
			const name = claim.spec.volumeName ?? '';
			throw new MissingReference(`the local node cannot mount the persistent volume "${name}"`);
		}
		await mkdir(path, { recursive: true });
		return path;
	}
}

/** A folder that a reboot clears, of a path short enough for a Unix socket in it (107 bytes). */
function memoryFolder(own: string): string {
	return `${memoryPrefix}${createHash('sha256').update(own).digest('hex').slice(0, 16)}`;
}

/** Checks or makes a path of this machine, by the `type` of the hostPath volume. */
async function prepareHostPath(path: string, type = ''): Promise<string> {
	if (type === 'DirectoryOrCreate') await mkdir(path, { recursive: true });
	if (type === 'FileOrCreate') {
		await mkdir(dirname(path), { recursive: true });
		await writeFile(path, '', { flag: 'a' });
	}
	if (type === '') return path;
	const found = await stat(path).catch(() => undefined);
	const fits =
		found !== undefined &&
		((type.startsWith('Directory') && found.isDirectory()) ||
			(type.startsWith('File') && found.isFile()) ||
			(type === 'Socket' && found.isSocket()) ||
			(type === 'CharDevice' && found.isCharacterDevice()) ||
			(type === 'BlockDevice' && found.isBlockDevice()));
	if (fits) return path;
	throw new MissingReference(`hostPath type check failed: ${path} is not a ${type}`);
}
