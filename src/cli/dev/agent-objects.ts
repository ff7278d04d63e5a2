import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';

/** What the agent of one edge device needs. */
export interface AgentInstallation {
	readonly namespace: string;
	/** Image of the program. */
	readonly image: string;
	/** It holds a secret. */
	readonly connectionString: string;
	/** PEM of the authority behind a private hub's certificate. */
	readonly hubAuthority: string;
	/** More environment variables of the agent. */
	readonly environment: Readonly<Record<string, string>>;
}

const manifestPath = new URL('../../../deployments/kubernetes/agent.yaml', import.meta.url);

/** The namespace, and the objects of `deployments/kubernetes/agent.yaml`, as they are applied to a cluster. */
export async function agentObjects(installation: AgentInstallation): Promise<KubernetesObject[]> {
	const { namespace } = installation;
	const documents = parseAllDocuments(await readFile(manifestPath, 'utf8'));
	const objects = documents.map((document) => document.toJS() as KubernetesObject);
	return [
		{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
		{
			apiVersion: 'v1',
			kind: 'Secret',
			metadata: { name: 'iotedge-device', namespace },
			stringData: { connectionString: installation.connectionString },
		},
		{
			apiVersion: 'v1',
			kind: 'ConfigMap',
			metadata: { name: 'iothub-trust', namespace },
			data: { 'ca.pem': installation.hubAuthority },
		},
		...objects.map((object) => installed(object, installation)),
	];
}

function installed(object: KubernetesObject, installation: AgentInstallation): KubernetesObject {
	const copy = structuredClone(object);
	copy.metadata.namespace = installation.namespace;
	for (const subject of (copy['subjects'] as JsonObject[] | undefined) ?? []) {
		subject['namespace'] = installation.namespace;
	}
	for (const container of containersOf(copy)) {
		container['image'] = installation.image;
		const variables = (container['env'] as JsonObject[] | undefined) ?? [];
		const more = Object.entries(installation.environment);
		const kept = variables.filter(
			({ name }) => !Object.hasOwn(installation.environment, `${name}`),
		);
		container['env'] = [...kept, ...more.map(([name, value]) => ({ name, value }))];
	}
	return copy;
}

function containersOf(object: KubernetesObject): JsonObject[] {
	const template = object.spec?.['template'];
	const spec = isJsonObject(template) ? template['spec'] : undefined;
	const containers = isJsonObject(spec) ? spec['containers'] : undefined;
	return Array.isArray(containers) ? containers.filter(isJsonObject) : [];
}
