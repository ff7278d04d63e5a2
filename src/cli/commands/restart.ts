import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { referenceOf } from '../../cluster/kubernetes-object.ts';
import {
	connectToEdge,
	type EdgeOptions,
	moduleNameOf,
	modulePods,
	podsOfModule,
} from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
import { plural } from '../problem-list.ts';
import type { Terminal } from '../terminal.ts';

/** Restarts a module, as `iotedge restart` does: its pods are deleted, and replaced by the cluster. */
export async function restart(
	module: string,
	options: EdgeOptions & { readonly output: OutputForm },
	terminal: Terminal,
): Promise<number> {
	const client = await connectToEdge(options);
	const { name, pods } = await restartPods(client, options.namespace, module);
	terminal.write(
		options.output === 'json'
			? `${JSON.stringify({ module: name, pods })}\n`
			: `${name}: ${plural(pods.length, 'pod')} deleted, the cluster starts it anew.\n`,
	);
	return exitCode.ok;
}

/** Deletes the pods of a module. @throws EdgeError EDGE_MODULE_UNKNOWN, ClusterError */
export async function restartPods(
	client: Pick<ClusterClient, 'list' | 'delete'>,
	namespace: string,
	module: string,
): Promise<{ readonly name: string; readonly pods: readonly string[] }> {
	const pods = podsOfModule(module, await modulePods(client, namespace));
	const deleted: string[] = [];
	for (const pod of pods) {
		const { uid, name } = pod.metadata;
		// Not a successor that has the name by now.
		if (await client.delete(referenceOf(pod), uid === undefined ? {} : { uid })) deleted.push(name);
	}
	return { name: pods[0] === undefined ? module : moduleNameOf(pods[0]), pods: deleted };
}
