import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

const manifest = new URL('../../deployments/kubernetes/agent.yaml', import.meta.url);

/** The ServiceAccount, Role and RoleBinding of the agent, as an administrator applies them. */
export async function installedRole(namespace: string): Promise<KubernetesObject[]> {
	const documents = parseAllDocuments(await readFile(manifest, 'utf8'));
	return documents
		.map((document) => document.toJS() as KubernetesObject)
		.filter(({ kind }) => ['ServiceAccount', 'Role', 'RoleBinding'].includes(kind))
		.map((object) => {
			for (const subject of (object['subjects'] as JsonObject[] | undefined) ?? []) {
				subject['namespace'] = namespace;
			}
			return { ...object, metadata: { ...object.metadata, namespace } };
		});
}
