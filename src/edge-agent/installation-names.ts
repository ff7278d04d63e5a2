import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';

/** Which settings of the agent name objects of its installation. */
export interface InstallationSettings {
	/** Name of the agent's Deployment and Service. */
	readonly agentName: string;
	/** Address of the workload API; the first label of its host is a Service. */
	readonly workloadUri: string;
}

/**
 * Names of workloads, accounts, Services and claims that belong to the installation of the agent: a
 * module of such a name would take them over.
 *
 * @param own the agent's own Deployment; undefined outside a cluster.
 */
export function installationNames(
	{ agentName, workloadUri }: InstallationSettings,
	own: KubernetesObject | undefined,
): string[] {
	const template = own?.spec?.['template'];
	const spec = isJsonObject(template) && isJsonObject(template['spec']) ? template['spec'] : {};
	const volumes = Array.isArray(spec['volumes']) ? spec['volumes'].filter(isJsonObject) : [];
	const host = URL.canParse(workloadUri) ? new URL(workloadUri).hostname : '';
	const names = [
		agentName,
		// An address is nobody's Service.
		/^[a-z]/.test(host) ? host.split('.')[0] : undefined,
		own?.metadata.name,
		spec['serviceAccountName'],
		...volumes.map(claimOf),
	];
	return [...new Set(names.filter((name) => typeof name === 'string' && name !== ''))] as string[];
}

function claimOf(volume: JsonObject): unknown {
	const claim = volume['persistentVolumeClaim'];
	return isJsonObject(claim) ? claim['claimName'] : undefined;
}
