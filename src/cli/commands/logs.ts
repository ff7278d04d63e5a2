import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { connectToEdge, type EdgeOptions, moduleNameOf, modulePods } from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../program.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `logs`. */
export interface LogsOptions extends EdgeOptions {
	readonly follow?: boolean;
	readonly tail?: number;
	readonly previous?: boolean;
	readonly output: OutputForm;
}

/**
 * Prints the log of a module's newest pod.
 *
 * @throws EdgeError EDGE_MODULE_UNKNOWN
 */
export async function logs(
	module: string,
	options: LogsOptions,
	terminal: Terminal,
): Promise<number> {
	const client = await connectToEdge(options);
	const pods = await modulePods(client, options.namespace);
	const pod = newestPodOf(module, pods);
	const lines = client.logs({
		namespace: options.namespace,
		pod: pod.metadata.name,
		...(options.follow === undefined ? {} : { follow: options.follow }),
		...(options.tail === undefined ? {} : { tailLines: options.tail }),
		...(options.previous === undefined ? {} : { previous: options.previous }),
	});
	for await (const line of lines) {
		const text = options.output === 'json' ? JSON.stringify({ module, line }) : line;
		terminal.write(`${text}\n`);
	}
	return exitCode.ok;
}

/** The pod to look at; `$edgeHub` and `edgeHub` are one. */
function newestPodOf(module: string, pods: readonly KubernetesObject[]): KubernetesObject {
	const wanted = plain(module);
	const [newest] = pods
		.filter((pod) => plain(moduleNameOf(pod)) === wanted)
		.sort((a, b) => created(b).localeCompare(created(a)));
	if (newest !== undefined) return newest;
	const known = [...new Set(pods.map(moduleNameOf))].sort().join(', ');
	throw new EdgeError('EDGE_MODULE_UNKNOWN', `There is no pod of a module "${module}".`, {
		remedy: known === '' ? 'No module runs in this namespace.' : `There are: ${known}.`,
	});
}

function plain(name: string): string {
	return name.replace(/^\$/, '').toLowerCase();
}

function created(pod: KubernetesObject): string {
	return pod.metadata.creationTimestamp ?? '';
}
