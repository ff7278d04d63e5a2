import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { sameQuantity } from '../../cluster/quantity.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import { itemKeys } from './list-keys.ts';

/** Members of an object that say which object it is, or that the server or others own. */
const notCompared = new Set(['apiVersion', 'kind', 'status', 'stringData']);
const metadataCompared = ['labels', 'annotations', 'ownerReferences', 'finalizers'];

/**
 * Members that server-side apply treats as one value, so that a member more is another value. Source:
 * `x-kubernetes-map-type: atomic` of the Kubernetes API, without those that the server fills in.
 */
const wholeMaps = new Set(['selector', 'nodeSelector', 'matchLabels']);

/** Members whose values are quantities, which the server rewrites: `1000m` becomes `1`. */
const holdsQuantities = new Set(['limits', 'requests', 'capacity', 'sizeLimit', 'divisor']);

/**
 * Compares the fields that an object declares with the live object. Fields that only the live
 * object has are no drift: the server, controllers and other people set them.
 *
 * @returns paths of the fields that differ, such as `spec.template.spec.containers[filter].image`;
 * empty when the live object is as declared.
 */
export function driftOf(declared: KubernetesObject, live: KubernetesObject): string[] {
	const found: string[] = [];
	for (const [name, value] of Object.entries(declared)) {
		if (notCompared.has(name)) continue;
		if (name === 'metadata') compareMetadata(declared, live, found);
		else compare(name, name, asJson(value), asJson(live[name]), found);
	}
	return found;
}

function compareMetadata(declared: KubernetesObject, live: KubernetesObject, found: string[]) {
	const before = asJson(declared.metadata) as JsonObject;
	const after = asJson(live.metadata) as JsonObject;
	for (const name of metadataCompared) {
		compare(`metadata.${name}`, name, before[name], after[name], found);
	}
}

/** @param name the last member of the path that is no list item: it tells what kind of value this is. */
function compare(
	path: string,
	name: string,
	declared: JsonValue | undefined,
	live: JsonValue | undefined,
	found: string[],
): void {
	if (declared === undefined || declared === null) return;
	if (isJsonObject(declared)) {
		compareMembers(path, name, declared, live, found);
	} else if (Array.isArray(declared)) {
		compareList(path, name, declared, live ?? [], found);
	} else if (!sameScalar(name, declared, live)) {
		found.push(path);
	}
}

function compareMembers(
	path: string,
	name: string,
	declared: JsonObject,
	live: JsonValue | undefined,
	found: string[],
): void {
	if (live !== undefined && !isJsonObject(live)) {
		found.push(path);
		return;
	}
	if (wholeMaps.has(name) && Object.keys(live ?? {}).length > Object.keys(declared).length) {
		found.push(path);
		return;
	}
	for (const [member, value] of Object.entries(declared)) {
		const here = live !== undefined && Object.hasOwn(live, member) ? live[member] : undefined;
		compare(
			`${path}${step(member)}`,
			holdsQuantities.has(name) ? name : member,
			value,
			here,
			found,
		);
	}
}

function compareList(
	path: string,
	name: string,
	declared: readonly JsonValue[],
	live: JsonValue,
	found: string[],
): void {
	if (!Array.isArray(live)) {
		found.push(path);
		return;
	}
	const keys = itemKeys(name, declared);
	const liveKeys = itemKeys(name, live);
	if (keys !== undefined && liveKeys !== undefined) {
		for (const [index, item] of declared.entries()) {
			const key = keys[index] ?? '';
			const at = liveKeys.indexOf(key);
			if (at < 0) found.push(`${path}[${key}]`);
			else compare(`${path}[${key}]`, '', item, live[at], found);
		}
		return;
	}
	if (declared.length !== live.length) {
		found.push(path);
		return;
	}
	for (const [index, item] of declared.entries()) {
		compare(`${path}[${index}]`, name, item, live[index], found);
	}
}

/** The server leaves out what is empty, and writes quantities its own way. */
function sameScalar(
	name: string,
	declared: string | number | boolean,
	live: JsonValue | undefined,
): boolean {
	if (declared === live) return true;
	if (live === undefined) return declared === '' || declared === false || declared === 0;
	return holdsQuantities.has(name) && sameQuantity(declared, live);
}

function step(member: string): string {
	return /^[\w-]+$/.test(member) ? `.${member}` : `[${JSON.stringify(member)}]`;
}

function asJson(value: unknown): JsonValue | undefined {
	return value as JsonValue | undefined;
}
