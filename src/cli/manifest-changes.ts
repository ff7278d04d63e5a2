import type { ClusterClient } from '../cluster/cluster-client.ts';
import { ClusterError } from '../cluster/cluster-error.ts';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import { fieldManager } from '../edge-agent/apply.ts';
import { managedKinds } from '../edge-agent/managed-objects.ts';
import {
	type DeviceScope,
	declaredHashAnnotation,
	desiredObjects,
	managedSelector,
} from '../edge-agent/plan/desired-object.ts';
import { heldModules } from '../edge-agent/plan/held-modules.ts';
import { makePlan, type Step } from '../edge-agent/plan/plan.ts';
import type { Translation } from '../edge-agent/translation/translation.ts';
import { isJsonObject, type JsonValue } from '../runtime/json.ts';
import { objectYaml } from './object-yaml.ts';
import { unifiedDiff } from './unified-diff.ts';

/** What would become of one object. */
export interface ObjectChange {
	readonly kind: string;
	readonly name: string;
	readonly change: 'create' | 'update' | 'replace' | 'delete';
	/** Hunks of a unified diff of YAML; values of Secrets are hidden. */
	readonly diff: readonly string[];
	/** What the server says to it, where it does not take it as it is. */
	readonly note?: string;
}

/** What would change, and what cannot. */
export interface Changes {
	readonly changes: readonly ObjectChange[];
	/** Objects that stay as they are. */
	readonly unchanged: number;
	/** Whole sentences: fields of claims that nobody can change. */
	readonly notes: readonly string[];
}

/** What the server, controllers or the agent itself write, and nobody declares. */
const unshownMetadata = [
	'managedFields',
	'resourceVersion',
	'uid',
	'generation',
	'creationTimestamp',
	'selfLink',
];
const unshownAnnotations = [
	declaredHashAnnotation,
	'deployment.kubernetes.io/revision',
	'kubectl.kubernetes.io/last-applied-configuration',
];

/**
 * Asks a cluster what a deployment would change there: the agent's own plan, each write of it as a
 * server-side dry run under the agent's name. Nothing is written.
 *
 * @throws ClusterError
 */
export async function findChanges(
	client: ClusterClient,
	translation: Translation,
	scope: DeviceScope,
): Promise<Changes> {
	const desired = desiredObjects(translation, scope);
	const actual = await managedObjects(client, scope);
	const refused = translation.modules.filter((module) => module.refused);
	const plan = makePlan({
		scope,
		desired,
		actual,
		protectedModules: new Set(refused.map(({ objectName }) => objectName)),
		heldModules: heldModules(translation, actual),
		// Whoever waits for others is shown as well.
		passedOrders: new Set(translation.modules.map(({ startupOrder }) => startupOrder)),
	});
	const found: ObjectChange[] = [];
	for (const step of plan.stages.flat()) {
		const change = await changeOf(client, step);
		if (change !== undefined) found.push(change);
	}
	const kept = desired.length - found.filter(({ change }) => change !== 'delete').length;
	const notes = plan.unchangeable.map(({ desired: { reference }, drift }) => {
		const fields = drift.join(', ');
		return `The claim ${reference.name} stays as it is in what cannot be changed: ${fields}.`;
	});
	for (const module of plan.held) notes.push(`Module ${module} is held: its changes wait.`);
	return { changes: found, unchanged: kept, notes };
}

async function managedObjects(
	client: ClusterClient,
	scope: DeviceScope,
): Promise<KubernetesObject[]> {
	const { namespace } = scope;
	const labelSelector = managedSelector(scope);
	const lists = managedKinds.map(async ({ apiVersion, kind, optional = false }) => {
		try {
			const query = { apiVersion, kind, namespace, labelSelector };
			const { items } = await client.list(query);
			return items.map((item) => ({ ...item, apiVersion, kind }));
		} catch (error) {
			const isAbsent = error instanceof ClusterError && [403, 404].includes(error.status);
			if (optional && isAbsent) return [];
			throw error;
		}
	});
	return (await Promise.all(lists)).flat();
}

async function changeOf(client: ClusterClient, step: Step): Promise<ObjectChange | undefined> {
	if (step.kind === 'delete') return change('delete', step.live, undefined);
	const { object, reference } = step.desired;
	const live = step.kind === 'create' ? await client.get(reference) : step.live;
	// It does not carry the agent's labels, else it had been listed.
	if (step.kind === 'create' && live !== undefined) return foreign(live);
	try {
		const after = await client.apply(object, { fieldManager, dryRun: true });
		const found = change(live === undefined ? 'create' : 'update', live, after);
		return found.diff.length === 0 ? undefined : found;
	} catch (error) {
		if (!(error instanceof ClusterError) || error.status !== 422) throw error;
		const what = live === undefined ? 'create' : 'replace';
		return { ...change(what, live, object), note: error.message };
	}
}

/** What somebody else has made: a claim is used as it is, anything else stands in the way. */
function foreign(live: KubernetesObject): ObjectChange | undefined {
	if (live.kind === 'PersistentVolumeClaim') return undefined;
	const note = 'It exists and was not made by this edge agent, which leaves it alone.';
	return { ...change('create', live, live), note };
}

function change(
	what: ObjectChange['change'],
	before: KubernetesObject | undefined,
	after: KubernetesObject | undefined,
): ObjectChange {
	const { kind = '', metadata = { name: '' } } = after ?? before ?? {};
	const diff = unifiedDiff(linesOf(before, after), linesOf(after, before, 'after'));
	return { kind, name: metadata.name, change: what, diff };
}

/** The object as YAML, without what nobody declares. */
function linesOf(
	object: KubernetesObject | undefined,
	other: KubernetesObject | undefined,
	side = 'before',
): string[] {
	if (object === undefined) return [];
	const { status: _, metadata, ...rest } = object;
	const shown: KubernetesObject = {
		...rest,
		...(object.kind === 'Secret' ? hidden(object, other, side) : {}),
		metadata: shownMetadata(metadata),
	};
	return objectYaml(sorted(shown) as unknown as KubernetesObject)
		.trimEnd()
		.split('\n');
}

function shownMetadata(metadata: KubernetesObject['metadata']): KubernetesObject['metadata'] {
	const members = Object.entries(metadata).filter(([name]) => !unshownMetadata.includes(name));
	const annotations = Object.entries(metadata.annotations ?? {}).filter(([name]) => {
		return !unshownAnnotations.includes(name);
	});
	const rest = Object.fromEntries(members.filter(([name]) => name !== 'annotations'));
	const shown = annotations.length === 0 ? {} : { annotations: Object.fromEntries(annotations) };
	return { ...rest, name: metadata.name, ...shown };
}

/** A Secret's keys, and of its values only whether they change. */
function hidden(
	object: KubernetesObject,
	other: KubernetesObject | undefined,
	side: string,
): Record<string, JsonValue> {
	const masked: Record<string, JsonValue> = {};
	for (const member of ['data', 'stringData']) {
		const values = object[member];
		if (!isJsonObject(values)) continue;
		const others = isJsonObject(other?.[member]) ? other[member] : {};
		const entries = Object.entries(values).map(([key, value]) => {
			const isSame = other === undefined || others[key] === value;
			return [key, isSame ? '***' : `*** (${side})`];
		});
		masked[member] = Object.fromEntries(entries);
	}
	return masked;
}

/** Members in the order of kubectl's output, so that only differences differ. */
function sorted(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(sorted);
	if (!isJsonObject(value)) return value;
	const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
	return Object.fromEntries(entries.map(([name, member]) => [name, sorted(member)]));
}
