import { memberPath } from '../../manifest/json-path.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import type { Placed } from './create-options.ts';
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
const booleanMembers = new Set(['readOnly', 'optional']);
const integerMembers = new Set(['defaultMode', 'mode', 'expirationSeconds']);
const quantityMembers = new Set(['sizeLimit', 'storage']);
const invalid = 'EDGE_EXTENSION_INVALID';

/** Reads `volumes` of the extension: fields are those of the Kubernetes API, strings stand for numbers. */
export function extensionVolumes(scope: ModuleScope): PodVolumes {
	const volumes = new Map<string, JsonObject>();
	const mounts = new Map<string, JsonObject>();
	for (const { value, path } of scope.extension.objects('volumes', scope.problems)) {
		const volume = isJsonObject(value['volume']) ? coerce(value['volume']) : {};
		const name = jsonText(volume['name'] ?? '');
		if (!volumeNaming.valid.test(name)) {
			const message = `"${name.slice(0, 60)}" is no valid name of a volume.`;
			scope.problems.refuse(invalid, path, message, 'Use lower-case letters, digits and `-`.');
			continue;
		}
		if (!isPermitted(scope, volume, path)) continue;
		volumes.set(name, volume);
		const list = value['volumeMounts'];
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
	const mount = isJsonObject(value) ? coerce(value) : {};
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

/** A copy in which members that the API takes as numbers, booleans or quantities are such. */
function coerce(object: JsonObject): JsonObject {
	const members = Object.entries(object).filter(([, value]) => value !== null);
	return Object.fromEntries(members.map(([name, value]) => [name, coerceMember(name, value)]));
}

function coerceMember(name: string, value: JsonValue | undefined): JsonValue | undefined {
	if (Array.isArray(value)) return value.map((item) => (isJsonObject(item) ? coerce(item) : item));
	if (isJsonObject(value)) return coerce(value);
	if (booleanMembers.has(name)) return jsonText(value).toLowerCase() === 'true';
	if (integerMembers.has(name)) return Number(value);
	return quantityMembers.has(name) ? jsonText(value) : value;
}
