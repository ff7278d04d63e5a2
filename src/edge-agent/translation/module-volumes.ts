import { type JsonObject, jsonText } from '../../runtime/json.ts';
import { definedMembers } from './defined-members.ts';
import { extensionVolumes, type PodVolumes } from './extension-volumes.ts';
import { hostPathType } from './host-path.ts';
import type { MountRequest } from './module-mounts.ts';
import type { ModuleScope } from './module-scope.ts';
import { sanitizeDnsLabel, shortHash, withSuffix } from './object-name.ts';

/**
 * A pod's volumes: those of the extension as they are, then one for each source that createOptions
 * name, however often it is mounted. A target that the extension mounts is its own.
 *
 * @param claimNames Names of claims by the names of the volumes they stand for.
 */
export function podVolumes(
	scope: ModuleScope,
	requests: readonly MountRequest[],
	claimNames: ReadonlyMap<string, string>,
): PodVolumes {
	const extension = extensionVolumes(scope);
	const targets = new Set(extension.mounts.map(({ mountPath }) => mountPath));
	const names = new VolumeNames(extension.volumes.map(({ name }) => jsonText(name)));
	const volumes = new Map<string, JsonObject>();
	const mounts: JsonObject[] = [];
	for (const request of requests) {
		if (targets.has(request.target)) {
			const message = `The extension mounts "${request.target}" too; its volume is used.`;
			scope.problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', request.path, message);
			continue;
		}
		const { key, label, source } = volumeOf(request, claimNames);
		const name = names.nameOf(key, label);
		volumes.set(key, { name, ...source });
		mounts.push(mountOf(request, name));
	}
	return {
		volumes: [...extension.volumes, ...volumes.values()],
		mounts: [...extension.mounts, ...mounts],
	};
}

interface VolumeSource {
	/** What makes it the same volume as another. */
	readonly key: string;
	/** What its name is made of. */
	readonly label: string;
	readonly source: JsonObject;
}

function volumeOf(request: MountRequest, claimNames: ReadonlyMap<string, string>): VolumeSource {
	const { kind, target } = request;
	switch (kind) {
		case 'claim': {
			const claimName = claimNames.get(request.volume) ?? request.volume;
			const source = { persistentVolumeClaim: { claimName } };
			return { key: `claim ${claimName}`, label: claimName, source };
		}
		case 'host': {
			const { hostPath: path } = request;
			const source = { hostPath: { path, type: hostPathType(path) } };
			return { key: `host ${path}`, label: path, source };
		}
		case 'memory': {
			const { bytes } = request;
			const sizeLimit = bytes === undefined ? undefined : jsonText(bytes);
			const source = { emptyDir: definedMembers({ medium: 'Memory', sizeLimit }) };
			return { key: `memory ${target}`, label: `memory${target}`, source };
		}
		case 'scratch':
			return { key: `scratch ${target}`, label: `scratch${target}`, source: { emptyDir: {} } };
	}
}

function mountOf(request: MountRequest, name: string): JsonObject {
	return definedMembers({
		name,
		mountPath: request.target,
		readOnly: request.readOnly ? true : undefined,
		subPath: request.subPath,
		mountPropagation: request.propagation,
	});
}

/** Valid names of volumes within one pod, as the preview made them, with a hash where two clash. */
class VolumeNames {
	readonly #owners: Map<string, string>;

	constructor(taken: readonly string[]) {
		this.#owners = new Map(taken.map((name) => [name, `extension ${name}`]));
	}

	nameOf(key: string, label: string): string {
		const bare = sanitizeDnsLabel(label);
		const owner = bare === undefined ? undefined : this.#owners.get(bare);
		const isFree = bare !== undefined && (owner === undefined || owner === key);
		const name = isFree ? bare : withSuffix(bare ?? 'volume', shortHash(key));
		this.#owners.set(name, key);
		return name;
	}
}
