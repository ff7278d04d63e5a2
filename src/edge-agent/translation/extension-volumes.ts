import { memberPath } from '../../manifest/json-path.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { apiObject } from './api-value.ts';
import type { Placed } from './create-options.ts';
import { foldedMembers } from './folded-members.ts';
import { judgeHostPath } from './host-path.ts';
import { hubClaimName, type ModuleScope, reservedNames } from './module-scope.ts';
import { volumeNaming } from './object-name.ts';
import { protectedReference } from './protected-secret.ts';

/** A pod's volumes and where its container mounts them. */
export interface PodVolumes {
	readonly volumes: readonly JsonObject[];
	readonly mounts: readonly JsonObject[];
}

/** Kinds of volume that the Pod Security level `restricted` allows, and host paths, judged apart. */
const allowedKinds = new Set([
	'configMap',
	'csi',
	'downwardAPI',
	'emptyDir',
	'ephemeral',
	'hostPath',
	'persistentVolumeClaim',
	'projected',
	'secret',
]);
/** Fields of volumes and mounts, which Microsoft's preview read without regard to case. */
const fieldNames = [
	...allowedKinds,
	'claimName',
	'defaultMode',
	'items',
	'key',
	'medium',
	'mode',
	'mountPath',
	'mountPropagation',
	'name',
	'optional',
	'path',
	'readOnly',
	'secretName',
	'sizeLimit',
	'sources',
	'subPath',
	'type',
];
const fields = new Map(fieldNames.map((name) => [name.toLowerCase(), name]));
const entryMembers = ['volume', 'volumeMounts'] as const;
const invalid = 'EDGE_EXTENSION_INVALID';

/** Reads `volumes` of the extension: fields are those of the Kubernetes API. */
export function extensionVolumes(scope: ModuleScope): PodVolumes {
	const volumes = new Map<string, JsonObject>();
	const mounts = new Map<string, JsonObject>();
	for (const { value, path } of scope.extension.objects('volumes', scope.problems)) {
		const code = 'EDGE_EXTENSION_UNKNOWN';
		const members = foldedMembers(value, entryMembers, path, scope.problems, code);
		const volume = spelledFields(members.get('volume'));
		const name = jsonText(volume['name'] ?? '');
		if (!volumeNaming.valid.test(name)) {
			const message = `"${name.slice(0, 60)}" is no valid name of a volume.`;
			scope.problems.refuse(invalid, path, message, 'Use lower-case letters, digits and `-`.');
			continue;
		}
		if (!isPermitted(scope, volume, path)) continue;
		volumes.set(name, volume);
		const list = members.get('volumeMounts');
		for (const mount of Array.isArray(list) ? list : []) {
			addMount(scope, mounts, name, { value: mount, path: memberPath(path, 'volumeMounts') });
		}
	}
	return { volumes: [...volumes.values()], mounts: [...mounts.values()] };
}

function addMount(
	{ problems }: ModuleScope,
	mounts: Map<string, JsonObject>,
	volume: string,
	{ value, path }: Placed<JsonValue>,
): void {
	const mount = spelledFields(value);
	const target = mount['mountPath'];
	if (typeof target !== 'string' || !target.startsWith('/')) {
		problems.refuse(invalid, path, 'A volume mount needs an absolute "mountPath".');
	} else if (mount['name'] !== undefined && mount['name'] !== volume) {
		const message = `The mount names the volume "${jsonText(mount['name']).slice(0, 60)}", not "${volume}".`;
		problems.refuse(invalid, path, message, 'Give volume and mount the same name.');
	} else {
		mounts.set(target, { ...mount, name: volume });
	}
}

function isPermitted(scope: ModuleScope, volume: JsonObject, path: string): boolean {
	const { policy, problems } = scope;
	const kind = Object.keys(volume).find((name) => name !== 'name') ?? 'emptyDir';
	if (!allowedKinds.has(kind)) {
		const message = `Volumes of kind "${kind.slice(0, 40)}" are not allowed to modules.`;
		problems.refuse('EDGE_POLICY_DENIED', path, message, 'Use a claim of a storage class instead.');
		return false;
	}
	const secret = protectedReference(volume, policy);
	if (secret !== undefined) {
		problems.refuse('EDGE_POLICY_DENIED', path, `The Secret "${secret}" belongs to the runtime.`);
		return false;
	}
	const claim = volume['persistentVolumeClaim'];
	const claimName = isJsonObject(claim) ? jsonText(claim['claimName']) : '';
	if ([hubClaimName, ...reservedNames(scope.context)].includes(claimName)) {
		problems.refuse('EDGE_POLICY_DENIED', path, `The claim "${claimName}" belongs to the runtime.`);
		return false;
	}
	if (kind !== 'hostPath') return true;
	const host = volume['hostPath'];
	const verdict = judgeHostPath(jsonText(isJsonObject(host) ? host['path'] : ''), policy);
	if (verdict.allowed) return true;
	problems.refuse('EDGE_POLICY_DENIED', path, verdict.message);
	return false;
}

/** A volume or mount whose known fields have the spelling of the API. */
function spelledFields(value: JsonValue | undefined): JsonObject {
	return isJsonObject(value) ? (spelled(value) as JsonObject) : {};
}

function spelled(value: JsonValue | undefined): JsonValue | undefined {
	if (Array.isArray(value)) return value.map((item) => spelled(item) ?? null);
	if (!isJsonObject(value)) return value;
	const members = Object.entries(value).map(([name, member]) => {
		const field = fields.get(name.toLowerCase()) ?? name;
		return [field, field === 'volumeAttributes' ? member : spelled(member)];
	});
	return apiObject(Object.fromEntries(members));
}
