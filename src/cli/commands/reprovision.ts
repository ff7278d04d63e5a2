import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { requestEntry } from '../../edge-agent/provisioning/device-provisioning.ts';
import { StateSecret } from '../../edge-agent/state-secret.ts';
import { installation } from '../check/installation-checks.ts';
import { connectToEdge, type EdgeOptions } from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
import type { Terminal } from '../terminal.ts';
import { restartPods } from './restart.ts';

/** Has the device registered with DPS again, as `iotedge system reprovision` does. */
export async function reprovision(
	options: EdgeOptions & { readonly output: OutputForm },
	terminal: Terminal,
): Promise<number> {
	const client = await connectToEdge(options);
	const pods = await askForRegistration(client, options.namespace);
	terminal.write(
		options.output === 'json'
			? `${JSON.stringify({ pods })}\n`
			: 'The agent starts anew and asks DPS, or reads its connection string again. Modules run on.\n',
	);
	return exitCode.ok;
}

/**
 * Leaves the wish for the next agent, and ends the one that runs.
 *
 * @returns the names of its pods
 * @throws EdgeError EDGE_MODULE_UNKNOWN where there is no agent, ClusterError
 */
export async function askForRegistration(
	client: Pick<ClusterClient, 'get' | 'create' | 'patch' | 'list' | 'delete'>,
	namespace: string,
): Promise<readonly string[]> {
	const state = new StateSecret({
		client: client as ClusterClient,
		namespace,
		name: installation.stateSecret,
	});
	await state.load();
	await state.set({ [requestEntry]: 'true' });
	return (await restartPods(client, namespace, 'edgeAgent')).pods;
}
