import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { referenceOf } from '../../cluster/kubernetes-object.ts';
import { holdAnnotation } from '../../edge-agent/translation/translation.ts';
import {
	connectToEdge,
	type EdgeOptions,
	moduleNameOf,
	moduleWorkloads,
	objectsOfModule,
} from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
import type { Terminal } from '../terminal.ts';

/** Holds the updates of a module, or releases them. */
export async function hold(
	module: string,
	held: boolean,
	options: EdgeOptions & { readonly output: OutputForm },
	terminal: Terminal,
): Promise<number> {
	const client = await connectToEdge(options);
	const name = await setHold(client, options.namespace, module, held);
	const text = held
		? `${name} is held: what runs of it stays as it is until it is released.\n`
		: `${name} is released: what the deployment wants is applied.\n`;
	terminal.write(options.output === 'json' ? `${JSON.stringify({ module: name, held })}\n` : text);
	return exitCode.ok;
}

/**
 * Annotates whatever runs a module.
 *
 * @returns the module's name as its manifest spells it.
 * @throws EdgeError EDGE_MODULE_UNKNOWN, ClusterError
 */
export async function setHold(
	client: Pick<ClusterClient, 'list' | 'patch'>,
	namespace: string,
	module: string,
	held: boolean,
): Promise<string> {
	const workloads = objectsOfModule(module, await moduleWorkloads(client, namespace), 'workload');
	let name = module;
	for (const workload of workloads) {
		name = moduleNameOf(workload);
		const annotations = { [holdAnnotation]: held ? 'true' : null };
		await client.patch(referenceOf(workload), { metadata: { annotations } });
	}
	return name;
}
