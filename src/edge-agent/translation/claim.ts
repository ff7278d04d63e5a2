import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { memberPath } from '../../manifest/json-path.ts';
import { isJsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { definedMembers } from './defined-members.ts';
import { foldedMembers } from './folded-members.ts';
import { deviceLabels, type ModuleScope } from './module-scope.ts';
import { keepAnnotation, type StoragePolicy, type TranslationContext } from './translation.ts';

/** What a volume's claim asks for. */
export interface ClaimOptions {
	readonly size: string;
	/** `''` binds to a volume without a class; undefined takes the cluster's default class. */
	readonly className: string | undefined;
	readonly accessModes: readonly string[];
	readonly volumeName: string | undefined;
	readonly keep: boolean;
	/** The claim is somebody else's: it is used, not made. */
	readonly existing: boolean;
}

const optionNames = [
	'size',
	'storageClassName',
	'accessModes',
	'volumeName',
	'keep',
	'existing',
] as const;
const quantity = /^\d+(\.\d+)?([KMGTPE]i?|[kmunp])?$/;

/** What the policy asks for a volume: a share of the same name, or a claim of a class. */
export function defaultClaim(volume: string, storage: StoragePolicy): ClaimOptions {
	const { staticVolumes, defaultSize: size, keep } = storage;
	const isStatic = staticVolumes === 'all' || staticVolumes.includes(volume);
	return {
		size,
		keep,
		existing: false,
		className: isStatic ? '' : storage.className,
		accessModes: [isStatic ? 'ReadWriteMany' : storage.accessMode],
		volumeName: isStatic ? volume : undefined,
	};
}

/** What the module's extension says about its volumes, by volume name, laid over the policy. */
export function claimOptions(scope: ModuleScope, volume: string): ClaimOptions {
	const { extension, problems, policy } = scope;
	const base = defaultClaim(volume, policy.storage);
	const storage = extension.object('storage') ?? {};
	const own = Object.hasOwn(storage, volume) ? storage[volume] : undefined;
	if (own === undefined) return base;
	const path = memberPath(extension.pathOf('storage'), volume);
	if (!isJsonObject(own)) {
		problems.refuse('EDGE_EXTENSION_INVALID', path, 'Storage of a volume is an object.');
		return base;
	}
	const members = foldedMembers(own, optionNames, path, problems, 'EDGE_EXTENSION_UNKNOWN');
	const size = jsonText(members.get('size') ?? base.size);
	if (!quantity.test(size)) {
		const message = `"${size.slice(0, 40)}" is no quantity such as 10Gi.`;
		problems.refuse('EDGE_EXTENSION_INVALID', memberPath(path, 'size'), message);
	}
	return {
		size,
		className: textOr(members.get('storageClassName'), base.className),
		accessModes: listOr(members.get('accessModes'), base.accessModes),
		volumeName: textOr(members.get('volumeName'), base.volumeName),
		keep: booleanOr(members.get('keep'), base.keep),
		existing: booleanOr(members.get('existing'), base.existing),
	};
}

/**
 * A claim. It has no owner, so that removing the agent does not remove data, and carries
 * `keepAnnotation` where it must survive its removal from the deployment.
 */
export function claimObject(
	name: string,
	options: ClaimOptions,
	context: TranslationContext,
): KubernetesObject {
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolumeClaim',
		metadata: {
			name,
			namespace: context.namespace,
			labels: deviceLabels(context),
			annotations: { [keepAnnotation]: jsonText(options.keep) },
		},
		spec: {
			accessModes: [...options.accessModes],
			resources: { requests: { storage: options.size } },
			...definedMembers({
				storageClassName: options.className,
				volumeName: options.volumeName,
			}),
		},
	};
}

/** Whether only one node, or one pod, can mount the claim at a time. */
export function isExclusive({ accessModes }: ClaimOptions): boolean {
	return !accessModes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');
}

function textOr(value: JsonValue | undefined, fallback: string | undefined): string | undefined {
	return typeof value === 'string' ? value : fallback;
}

function booleanOr(value: JsonValue | undefined, fallback: boolean): boolean {
	return value === undefined ? fallback : jsonText(value).toLowerCase() === 'true';
}

function listOr(value: JsonValue | undefined, fallback: readonly string[]): readonly string[] {
	return Array.isArray(value) ? value.map(String) : fallback;
}
