import type { Pod } from '../workloads/pod.ts';
import type { DownwardFile, ObjectFiles, PodVolume } from '../workloads/pod-volume.ts';
import type { VolumeFile } from './atomic-folder.ts';
import { MissingReference } from './container-environment.ts';
import { type NodeResources, podField, resourceField } from './downward-field.ts';

/** Where the files of a volume come from. */
export interface VolumeSources {
	readonly pod: Pod;
	readonly data: (kind: 'ConfigMap' | 'Secret', name: string) => Map<string, Buffer> | undefined;
	/** A token of the pod's ServiceAccount; renewed before it expires. */
	readonly token: (audience: string | undefined, seconds: number) => Promise<string>;
	readonly node: NodeResources;
}

const defaultMode = 0o644;
const defaultTokenSeconds = 3600;

/**
 * The files of a configMap, secret, downwardAPI or projected volume.
 *
 * @returns `undefined` for volumes of other sources.
 * @throws MissingReference when something that is not optional is missing.
 */
export async function volumeFiles(
	volume: PodVolume,
	sources: VolumeSources,
): Promise<Map<string, VolumeFile> | undefined> {
	const { configMap, secret, downwardAPI, projected } = volume;
	if (configMap !== undefined) return objectFiles('ConfigMap', configMap.name, configMap, sources);
	if (secret !== undefined) return objectFiles('Secret', secret.secretName, secret, sources);
	if (downwardAPI !== undefined) {
		return downwardFiles(downwardAPI.items ?? [], downwardAPI.defaultMode, sources);
	}
	return projected === undefined ? undefined : projectedFiles(projected, sources);
}

async function projectedFiles(
	{ sources: parts = [], defaultMode: mode }: NonNullable<PodVolume['projected']>,
	sources: VolumeSources,
): Promise<Map<string, VolumeFile>> {
	const files = new Map<string, VolumeFile>();
	const add = (more: ReadonlyMap<string, VolumeFile>) => {
		for (const [path, file] of more) files.set(path, file);
	};
	for (const { configMap, secret, downwardAPI, serviceAccountToken } of parts) {
		const withMode = mode === undefined ? {} : { defaultMode: mode };
		if (configMap)
			add(objectFiles('ConfigMap', configMap.name, { ...configMap, ...withMode }, sources));
		if (secret) add(objectFiles('Secret', secret.name, { ...secret, ...withMode }, sources));
		if (downwardAPI) add(downwardFiles(downwardAPI.items ?? [], mode, sources));
		if (serviceAccountToken) {
			const { path, audience, expirationSeconds = defaultTokenSeconds } = serviceAccountToken;
			const token = await sources.token(audience, expirationSeconds);
			// Others on this machine must not be able to act as the module.
			files.set(path, { data: Buffer.from(token), mode: 0o600 });
		}
	}
	return files;
}

function objectFiles(
	kind: 'ConfigMap' | 'Secret',
	name: string,
	{ items, optional = false, defaultMode: mode = defaultMode }: ObjectFiles,
	{ data, pod }: VolumeSources,
): Map<string, VolumeFile> {
	const entries = data(kind, name);
	const where = `${pod.metadata.namespace ?? ''}/${name}`;
	if (entries === undefined) {
		if (optional) return new Map();
		throw new MissingReference(`${kind.toLowerCase()} "${name}" not found`);
	}
	if (items === undefined || items.length === 0) {
		return new Map([...entries].map(([key, bytes]) => [key, { data: bytes, mode }]));
	}
	const files = new Map<string, VolumeFile>();
	for (const item of items) {
		const bytes = entries.get(item.key);
		if (bytes !== undefined) files.set(item.path, { data: bytes, mode: item.mode ?? mode });
		else if (!optional) {
			throw new MissingReference(`references non-existent ${kind} key: ${item.key} (${where})`);
		}
	}
	return files;
}

function downwardFiles(
	items: readonly DownwardFile[],
	mode: number = defaultMode,
	{ pod, node }: VolumeSources,
): Map<string, VolumeFile> {
	return new Map(
		items.map(({ path, fieldRef, resourceFieldRef }) => {
			const field = fieldRef === undefined ? undefined : podField(pod, fieldRef.fieldPath);
			const container = pod.spec.containers.find(
				({ name }) => name === resourceFieldRef?.containerName,
			);
			const resource =
				container && resourceFieldRef && resourceField(container, resourceFieldRef, node);
			return [path, { data: Buffer.from(field ?? resource ?? ''), mode }];
		}),
	);
}
