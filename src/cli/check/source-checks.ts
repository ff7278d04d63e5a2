import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { ClusterError } from '../../cluster/cluster-error.ts';
import { agentSettings } from '../../edge-agent/settings.ts';
import type { SourceKind } from '../../edge-agent/sources/deployment-source.ts';
import { edgeDeploymentKind } from '../../edge-agent/sources/edge-deployment-definition.ts';
import { byAge } from '../../edge-agent/sources/edge-deployment-source.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { doubtful, type Finding, faulty, fine, unknown } from './finding.ts';
import { agentVariables } from './installation-checks.ts';

type CheckClient = Pick<ClusterClient, 'get' | 'list'>;

const check = 'deployment source';

/** The sources that the agent's Deployment names, the most important first; `twin` where it cannot be read. */
export async function agentSources(
	client: Pick<ClusterClient, 'get'>,
	namespace: string,
): Promise<readonly SourceKind[]> {
	const { configSources } = agentSettings;
	const variables = await agentVariables(client, namespace);
	try {
		return configSources.parse(variables[configSources.env] || configSources.default);
	} catch {
		return ['twin'];
	}
}

/** Whether the sources in the cluster are there: what rules before IoT Hub, and what is missing. */
export async function checkSources(
	client: CheckClient,
	namespace: string,
	sources: readonly SourceKind[],
): Promise<Finding> {
	const order = sources.join(', ');
	for (const source of sources) {
		const finding = await findingOf(client, namespace, source);
		if (finding !== undefined) return finding;
		if (source === 'twin') break;
	}
	if (sources.includes('twin'))
		return fine(check, `IoT Hub, unless another has one first: ${order}`);
	const remedy = 'Set one with `iotedge-k8s apply --to …`; docs/sources.md says where.';
	return doubtful(check, `There is none in ${order}.`, remedy);
}

/** What a source says; undefined where it has no deployment, or only the agent can see it. */
async function findingOf(
	client: CheckClient,
	namespace: string,
	source: SourceKind,
): Promise<Finding | undefined> {
	try {
		if (source === 'edge-deployment') return await checkEdgeDeployments(client, namespace);
		return source === 'config-map' ? await checkConfigMap(client, namespace) : undefined;
	} catch (error) {
		return unknown(check, error, `You need the right to read what the source ${source} is.`);
	}
}

async function checkEdgeDeployments(
	client: CheckClient,
	namespace: string,
): Promise<Finding | undefined> {
	try {
		const { items } = await client.list({ ...edgeDeploymentKind, namespace });
		const [first] = items.toSorted(byAge);
		return first && fine(check, `EdgeDeployment ${first.metadata.name}`);
	} catch (error) {
		if (!(error instanceof ClusterError && error.status === 404)) throw error;
		const remedy =
			'An administrator applies deployments/kubernetes/edge-deployment-definition.yaml.';
		return faulty(check, `EdgeDeployments are a source, but: ${messageOf(error)}`, remedy);
	}
}

async function checkConfigMap(
	client: CheckClient,
	namespace: string,
): Promise<Finding | undefined> {
	const { env, default: usual } = agentSettings.deploymentConfigMap;
	const name = (await agentVariables(client, namespace))[env] || usual;
	const found = await client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
	return found && fine(check, `ConfigMap ${name}`);
}
