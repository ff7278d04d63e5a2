import { connectToEdge, type EdgeOptions, modulePods, podsOfModule } from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
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
	const [pod] = podsOfModule(module, pods);
	if (pod === undefined) return exitCode.failed;
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
