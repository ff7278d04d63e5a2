import { X509Certificate } from 'node:crypto';
import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject } from '../../runtime/json.ts';
import { doubtful, type Finding, faulty, fine, unknown } from './finding.ts';

/** What an installation consists of, under the names of `deployments/kubernetes/agent.yaml`. */
export const installation = {
	agent: 'edgeagent',
	stateSecret: 'edgeagent-state',
	hubAuthorities: { configMap: 'iothub-trust', key: 'ca.pem' },
} as const;

type CheckClient = Pick<ClusterClient, 'get'>;
type Container = { env?: { name: string; value?: string }[] };
const day = 86_400_000;
/** The agent renews its authorities at 180 days (issuing) and 730 days (root). */
const leastDays = { 'edge-root': 365, 'edge-issuing': 90 } as const;

/** Whether the agent runs. */
export async function checkAgent(client: CheckClient, namespace: string): Promise<Finding> {
	const check = 'agent';
	const name = installation.agent;
	try {
		const agent = await client.get({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name });
		if (agent === undefined) {
			const remedy = 'Install the chart, or apply deployments/kubernetes/agent.yaml.';
			return faulty(check, `There is no Deployment ${namespace}/${name}.`, remedy);
		}
		const ready = Number(agent.status?.['readyReplicas'] ?? 0);
		if (ready > 0) return fine(check, `${ready} ready`);
		const remedy = `kubectl -n ${namespace} describe pod -l app.kubernetes.io/name=${name}`;
		return faulty(check, 'No pod of the agent is ready.', remedy);
	} catch (error) {
		return unknown(check, error, 'You need the right to get Deployments.');
	}
}

/** Variables of the agent's container that are plain text. */
export async function agentVariables(
	client: CheckClient,
	namespace: string,
): Promise<Readonly<Record<string, string | undefined>>> {
	const reference = { apiVersion: 'apps/v1', kind: 'Deployment', namespace };
	const agent = await client.get({ ...reference, name: installation.agent }).catch(() => undefined);
	const template = agent?.spec?.['template'] as { spec?: { containers?: Container[] } } | undefined;
	const variables = template?.spec?.containers?.[0]?.env ?? [];
	return Object.fromEntries(variables.map(({ name, value }) => [name, value]));
}

/** Whether the edge's own authorities last. @param now wall time in milliseconds */
export async function checkCertificates(
	client: CheckClient,
	namespace: string,
	now: number,
): Promise<Finding> {
	const check = 'certificates';
	const { stateSecret: name } = installation;
	try {
		const secret = await client.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
		if (secret === undefined) {
			const remedy = 'It is made when the agent starts: see its log.';
			return doubtful(check, `There is no Secret ${name} yet.`, remedy);
		}
		const ends = Object.entries(leastDays).map(([key, least]) => {
			const days = Math.floor((endOf(entryOf(secret, key)) - now) / day);
			return { text: `${key} ends in ${days} days`, isSoon: !(days >= least) };
		});
		const detail = ends.map(({ text }) => text).join(', ');
		if (!ends.some(({ isSoon }) => isSoon)) return fine(check, detail);
		return doubtful(
			check,
			detail,
			'The agent should have renewed it: restart the agent, see its log.',
		);
	} catch (error) {
		return unknown(check, error, `You need the right to get the Secret ${name}.`);
	}
}

/** PEM of the authorities of a private hub; undefined where none is needed or it cannot be read. */
export async function hubAuthorities(
	client: CheckClient,
	namespace: string,
): Promise<string | undefined> {
	const { configMap: name, key } = installation.hubAuthorities;
	try {
		const map = await client.get({ apiVersion: 'v1', kind: 'ConfigMap', namespace, name });
		const data = map?.['data'];
		const text = isJsonObject(data) ? data[key] : undefined;
		return typeof text === 'string' && text.trim() !== '' ? text : undefined;
	} catch {
		return undefined;
	}
}

/** The bytes under a key of a Secret. */
export function entryOf(secret: KubernetesObject | undefined, key: string): Buffer | undefined {
	const data = secret?.['data'];
	const text = isJsonObject(data) ? data[key] : undefined;
	return typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
}

/** Wall time in milliseconds; NaN where it cannot be read. */
function endOf(authority: Buffer | undefined): number {
	try {
		const { certificate } = JSON.parse(authority?.toString() ?? '');
		return new X509Certificate(certificate).validToDate.getTime();
	} catch (error) {
		throw new Error(`The authorities cannot be read: ${messageOf(error)}`, { cause: error });
	}
}
