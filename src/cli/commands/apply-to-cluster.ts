import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { KubernetesObject, ObjectReference } from '../../cluster/kubernetes-object.ts';
import { edgeDeploymentKind } from '../../edge-agent/sources/edge-deployment-definition.ts';
import { byAge } from '../../edge-agent/sources/edge-deployment-source.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import { connectToEdge, type EdgeOptions } from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import { printResult, type ResultOptions } from '../hub/hub-result.ts';
import { checkManifestFile } from '../manifest-check.ts';
import { countProblems, formatProblems, hasErrors } from '../problem-list.ts';
import type { Terminal } from '../terminal.ts';

export interface ApplyToClusterOptions extends EdgeOptions, ResultOptions {
	readonly to: 'edge-deployment' | 'config-map';
	/** Default: the EdgeDeployment that counts, else `edge-deployment`. */
	readonly name?: string;
}

const defaultName = 'edge-deployment';
const configMapKind = { apiVersion: 'v1', kind: 'ConfigMap' } as const;

/** Checks a manifest and sets it as an EdgeDeployment or as a ConfigMap. @throws ClusterError */
export async function applyToCluster(
	file: string,
	options: ApplyToClusterOptions,
	terminal: Terminal,
): Promise<number> {
	const { content, problems } = await checkManifestFile(file);
	if (problems.length > 0) {
		terminal.note(`${formatProblems(file, problems, terminal).join('\n')}\n`);
	}
	if (content === undefined || hasErrors(problems)) {
		terminal.note(`Nothing was set: ${countProblems(problems)}.\n`);
		return exitCode.badInput;
	}
	const client = await connectToEdge(options);
	const { kind, metadata, isNew } = await setDeployment(client, content, options);
	const { name, generation } = metadata;
	const rows = [[kind, name, isNew ? 'created' : 'changed', String(generation ?? '')]];
	const headings = ['KIND', 'NAME', 'RESULT', 'GENERATION'];
	printResult({ kind, name, created: isNew, generation }, { headings, rows }, options, terminal);
	return exitCode.ok;
}

/** Sets the manifest; whatever else the object holds stays. */
export async function setDeployment(
	client: Pick<ClusterClient, 'get' | 'list' | 'create' | 'replace'>,
	content: JsonObject,
	{ to, namespace, name }: Pick<ApplyToClusterOptions, 'to' | 'namespace' | 'name'>,
): Promise<KubernetesObject & { readonly isNew: boolean }> {
	const isConfigMap = to === 'config-map';
	const kind = isConfigMap ? configMapKind : edgeDeploymentKind;
	const chosen = name ?? (isConfigMap ? undefined : await currentName(client, namespace));
	const reference: ObjectReference = { ...kind, namespace, name: chosen ?? defaultName };
	const known = await client.get(reference);
	const change = isConfigMap ? { data: dataOf(content, known) } : { spec: specOf(content, known) };
	const metadata = { name: reference.name, namespace };
	const written =
		known === undefined
			? await client.create({ ...kind, metadata, ...change })
			: await client.replace({ ...known, ...change });
	return { ...written, isNew: known === undefined };
}

/** Of several EdgeDeployments the oldest counts. */
async function currentName(
	client: Pick<ClusterClient, 'list'>,
	namespace: string,
): Promise<string | undefined> {
	const { items } = await client.list({ ...edgeDeploymentKind, namespace });
	return items.toSorted(byAge)[0]?.metadata.name;
}

function specOf(content: JsonObject, known: KubernetesObject | undefined): JsonObject {
	return { ...known?.spec, modulesContent: content['modulesContent'] ?? {} };
}

function dataOf(content: JsonObject, known: KubernetesObject | undefined): JsonObject {
	const data = isJsonObject(known?.['data']) ? known['data'] : {};
	return { ...data, 'deployment.json': `${JSON.stringify(content, null, 2)}\n` };
}
