import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ExecutionContext } from 'ava';
import { parseAllDocuments } from 'yaml';
import { ApiTransport } from '../../src/cluster/api-transport.ts';
import { type ClusterConfig, fixedCredentials } from '../../src/cluster/cluster-config.ts';
import { connect, type HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import type { KubernetesObject, OwnerReference } from '../../src/cluster/kubernetes-object.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { isJsonObject } from '../../src/runtime/json.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';

const agentManifest = resolve(import.meta.dirname, '../../deployments/kubernetes/agent.yaml');
const account = 'edgeagent';

/** A namespace in which the edge agent is installed, but does not run. */
export interface EdgeNamespace {
	readonly namespace: string;
	readonly admin: HttpClusterClient;
	/** With the token of the agent's ServiceAccount: what the Role allows, and no more. */
	readonly agent: HttpClusterClient;
	readonly agentConfig: ClusterConfig;
	/** The agent's Deployment, as owner. */
	readonly owner: OwnerReference;
}

/** Makes a namespace and installs the agent as `deployments/kubernetes/agent.yaml` has it, without pods. */
export async function edgeNamespace(
	t: ExecutionContext,
	cluster: ClusterUnderTest,
	labels: Record<string, string> = {},
): Promise<EdgeNamespace> {
	const namespace = `edge-${randomBytes(4).toString('hex')}`;
	const admin = connect(cluster.config);
	t.teardown(async () => {
		await admin.delete({ apiVersion: 'v1', kind: 'Namespace', name: namespace });
		admin.close();
	});
	await admin.create({
		apiVersion: 'v1',
		kind: 'Namespace',
		metadata: { name: namespace, labels },
	});
	let owner: OwnerReference | undefined;
	for (const object of await agentObjects()) {
		object.metadata.namespace = namespace;
		if (object.kind === 'Deployment') object.spec = { ...object.spec, replicas: 0 };
		const { apiVersion, kind, metadata } = await admin.apply(object, { fieldManager: 'installer' });
		if (kind !== 'Deployment') continue;
		owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' };
	}
	if (owner === undefined) throw new Error('The agent has no Deployment.');
	const token = await accountToken(cluster.config, namespace);
	const agentConfig = { ...cluster.config, namespace, credentials: fixedCredentials({ token }) };
	const agent = connect(agentConfig);
	t.teardown(() => agent.close());
	return { namespace, admin, agent, agentConfig, owner };
}

/** A transport for requests that the project's own client does not make. */
export function transportTo(t: ExecutionContext, config: ClusterConfig): ApiTransport {
	const options = { clock: systemClock, requestTimeout: 30_000, userAgent: 'iotedge-k8s-tests' };
	const transport = new ApiTransport(config, options);
	t.teardown(() => transport.close());
	return transport;
}

async function agentObjects(): Promise<KubernetesObject[]> {
	const documents = parseAllDocuments(await readFile(agentManifest, 'utf8'));
	return documents.map((document) => document.toJS() as KubernetesObject);
}

/**
 * A token of the agent's ServiceAccount, for an hour.
 *
 * @param boundObjectRef what it ends with; default: nothing.
 */
export async function accountToken(
	config: ClusterConfig,
	namespace: string,
	boundObjectRef?: OwnerReference,
): Promise<string> {
	const options = { clock: systemClock, requestTimeout: 30_000, userAgent: 'iotedge-k8s-tests' };
	const transport = new ApiTransport(config, options);
	try {
		const answer = await transport.json({
			method: 'POST',
			path: `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`,
			body: {
				apiVersion: 'authentication.k8s.io/v1',
				kind: 'TokenRequest',
				spec: { audiences: [], expirationSeconds: 3600, boundObjectRef },
			},
		});
		const status = isJsonObject(answer) ? answer['status'] : undefined;
		const token = isJsonObject(status) ? status['token'] : undefined;
		if (typeof token !== 'string') throw new Error('The ServiceAccount gets no token.');
		return token;
	} finally {
		transport.close();
	}
}
