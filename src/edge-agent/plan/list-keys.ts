import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';

/**
 * Members by which server-side apply tells the items of a list apart, by the list's name. Lists that
 * are not here are replaced whole. Source: `x-kubernetes-list-map-keys` of the Kubernetes API.
 */
const keysByList: ReadonlyMap<string, readonly (readonly string[])[]> = new Map([
	['containers', [['name']]],
	['initContainers', [['name']]],
	['ephemeralContainers', [['name']]],
	['volumes', [['name']]],
	['env', [['name']]],
	['imagePullSecrets', [['name']]],
	['secrets', [['name']]],
	['resourceClaims', [['name']]],
	['schedulingGates', [['name']]],
	['volumeMounts', [['mountPath']]],
	['volumeDevices', [['devicePath']]],
	['hostAliases', [['ip']]],
	['ownerReferences', [['uid']]],
	['conditions', [['type']]],
	['topologySpreadConstraints', [['topologyKey', 'whenUnsatisfiable']]],
	[
		'ports',
		[
			['containerPort', 'protocol'],
			['port', 'protocol'],
		],
	],
]);

/** What the API server fills in for a key that was not declared. */
const keyDefaults: Readonly<Record<string, string>> = { protocol: 'TCP' };

/**
 * The identity of each item of a list, where the list is one whose items have identities and each
 * has its own.
 *
 * @param name the member of which the list is the value, e.g. `containers`.
 * @returns identities in the order of the items, or undefined for a list that is one value.
 */
export function itemKeys(name: string, list: readonly JsonValue[]): string[] | undefined {
	for (const members of keysByList.get(name) ?? []) {
		const keys = list.map((item) => (isJsonObject(item) ? keyOf(item, members) : undefined));
		const complete = keys.filter((key) => key !== undefined);
		if (complete.length === list.length && new Set(complete).size === list.length) return complete;
	}
	return undefined;
}

function keyOf(item: JsonObject, members: readonly string[]): string | undefined {
	const values = members.map((member) => item[member] ?? keyDefaults[member]);
	if (values.some((value) => value === undefined)) return undefined;
	return values.join('/');
}
