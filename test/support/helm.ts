import { execFile } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { kubernetesPrograms } from './kubernetes-programs.ts';
import { temporaryFolder } from './temporary-folder.ts';

const run = promisify(execFile);

/** The chart of the agent. */
export const chart = resolve(import.meta.dirname, '../../deployments/helm/iotedge-k8s');

/** Runs helm, with nothing of this machine's user. Rejects, with `stderr`, when helm fails. */
export type Helm = (
	...args: readonly string[]
) => Promise<{ readonly stdout: string; readonly stderr: string }>;

/**
 * Helm for one namespace of a cluster; without them, for what needs no cluster.
 *
 * @param folder where Helm keeps what it does.
 */
export async function helmFor(
	folder: string,
	target?: { readonly kubeconfig: string; readonly namespace: string },
): Promise<Helm> {
	const { helm } = await kubernetesPrograms('helm');
	const places = ['CACHE', 'CONFIG', 'DATA'].map((name) => [
		`HELM_${name}_HOME`,
		join(folder, name),
	]);
	const env = { ...process.env, ...Object.fromEntries(places), KUBECONFIG: '/dev/null' };
	const { kubeconfig, namespace } = target ?? {};
	const where =
		kubeconfig === undefined ? [] : [`--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`];
	return (...args) => run(helm, [...args, ...where], { env, maxBuffer: 2 ** 26 });
}

/** A copy of the chart that says it is another version, of another version of the program. */
export async function chartOfVersion(t: ExecutionContext, version: string): Promise<string> {
	const folder = join(await temporaryFolder(t), 'iotedge-k8s');
	await cp(chart, folder, { recursive: true });
	const file = join(folder, 'Chart.yaml');
	const text = await readFile(file, 'utf8');
	await writeFile(file, text.replace(/^(version|appVersion): .*$/gm, `$1: ${version}`));
	return folder;
}
