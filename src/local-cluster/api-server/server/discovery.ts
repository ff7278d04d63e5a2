import type { JsonObject } from '../../../runtime/json.ts';
import type { KindRegistry } from '../kinds/kind-registry.ts';
import { apiVersionOf, type ResourceKind } from '../kinds/resource-kind.ts';

/** What can be done with objects that are kept. */
const objectVerbs = [
	...['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
];
const doorVerbs = ['get', 'patch', 'update'];

/** The version of Kubernetes whose API this is. */
export const kubernetesVersion = { major: '1', minor: '35', gitVersion: 'v1.35.0' } as const;

function verbsOf(kind: ResourceKind): string[] {
	return kind.isQuestion ? ['create'] : objectVerbs;
}

interface Door {
	readonly name: string;
	readonly kind: string;
	readonly group: string;
	readonly version: string;
	readonly verbs: readonly string[];
}

function doorsOf(kind: ResourceKind): Door[] {
	const { group, version } = kind;
	const doors: Door[] = kind.subresources.map((door) => ({
		name: door.name,
		kind: door.kind,
		group: door.group ?? group,
		version: door.version ?? version,
		verbs: door.verbs,
	}));
	if (kind.hasStatus) {
		doors.push({ name: 'status', kind: kind.kind, group, version, verbs: doorVerbs });
	}
	if (kind.scale !== undefined) {
		const scale = { kind: 'Scale', group: 'autoscaling', version: 'v1' };
		doors.push({ name: 'scale', ...scale, verbs: doorVerbs });
	}
	return doors.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `/api/v1` and `/apis/<group>/<version>`. */
export function resourceList(kinds: readonly ResourceKind[], groupVersion: string): JsonObject {
	const resources = kinds.flatMap((kind) => [
		{
			name: kind.plural,
			singularName: kind.singular,
			namespaced: kind.namespaced,
			kind: kind.kind,
			verbs: verbsOf(kind),
			...(kind.shortNames.length === 0 ? {} : { shortNames: [...kind.shortNames] }),
			...(kind.categories.length === 0 ? {} : { categories: [...kind.categories] }),
		},
		...doorsOf(kind).map((door) => ({
			name: `${kind.plural}/${door.name}`,
			singularName: '',
			namespaced: kind.namespaced,
			...(door.group === kind.group ? {} : { group: door.group, version: door.version }),
			kind: door.kind,
			verbs: [...door.verbs],
		})),
	]);
	return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

/** Groups with their versions, in the order of the registry; the core group is left out. */
function groupsOf(registry: KindRegistry): Map<string, string[]> {
	const groups = new Map<string, string[]>();
	for (const { group, version } of registry.all()) {
		if (group === '') continue;
		const versions = groups.get(group) ?? [];
		if (!versions.includes(version)) versions.push(version);
		groups.set(group, versions);
	}
	return groups;
}

function apiGroup(name: string, versions: readonly string[]): JsonObject {
	const rows = versions.map((version) => ({ groupVersion: `${name}/${version}`, version }));
	return { name, versions: rows, preferredVersion: rows[0] ?? {} };
}

/** `/apis` */
export function groupList(registry: KindRegistry): JsonObject {
	const groups = [...groupsOf(registry)].map(([name, versions]) => apiGroup(name, versions));
	return { kind: 'APIGroupList', apiVersion: 'v1', groups };
}

/** `/apis/<group>`; undefined for a group that is not served. */
export function groupOf(registry: KindRegistry, name: string): JsonObject | undefined {
	const versions = groupsOf(registry).get(name);
	if (versions === undefined) return undefined;
	return { kind: 'APIGroup', apiVersion: 'v1', ...apiGroup(name, versions) };
}

/** `/api` */
export function coreVersions(address: string): JsonObject {
	const serverAddressByClientCIDRs = [{ clientCIDR: '0.0.0.0/0', serverAddress: address }];
	return { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs };
}

/** All groups, versions and resources at once: `/api` or `/apis` for clients that ask for it. */
export function aggregatedDiscovery(registry: KindRegistry, core: boolean): JsonObject {
	const groups: [string, string[]][] = core ? [['', ['v1']]] : [...groupsOf(registry)];
	const items = groups.map(([name, versions]) => ({
		metadata: name === '' ? { creationTimestamp: null } : { name, creationTimestamp: null },
		versions: versions.map((version) => ({
			version,
			resources: registry
				.all()
				.filter((kind) => kind.group === name && kind.version === version)
				.map(aggregatedResource),
			freshness: 'Current',
		})),
	}));
	return {
		kind: 'APIGroupDiscoveryList',
		apiVersion: 'apidiscovery.k8s.io/v2',
		metadata: {},
		items,
	};
}

function aggregatedResource(kind: ResourceKind): JsonObject {
	const subresources = doorsOf(kind).map((door) => ({
		subresource: door.name,
		responseKind: { group: door.group, version: door.version, kind: door.kind },
		verbs: [...door.verbs],
	}));
	return {
		resource: kind.plural,
		responseKind: { group: kind.group, version: kind.version, kind: kind.kind },
		scope: kind.namespaced ? 'Namespaced' : 'Cluster',
		singularResource: kind.singular,
		verbs: verbsOf(kind),
		...(kind.shortNames.length === 0 ? {} : { shortNames: [...kind.shortNames] }),
		...(kind.categories.length === 0 ? {} : { categories: [...kind.categories] }),
		...(subresources.length === 0 ? {} : { subresources }),
	};
}

/** Resources of one group and version; undefined where it is not served. */
export function resourcesOf(
	registry: KindRegistry,
	group: string,
	version: string,
): JsonObject | undefined {
	const kinds = registry.all().filter((kind) => kind.group === group && kind.version === version);
	return kinds.length === 0 ? undefined : resourceList(kinds, apiVersionOf({ group, version }));
}
