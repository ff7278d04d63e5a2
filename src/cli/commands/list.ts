import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { ModuleStatus } from '../../edge-agent/status/module-status.ts';
import { moduleStatus } from '../../edge-agent/status/workload-status.ts';
import { holdAnnotation, moduleLabel } from '../../edge-agent/translation/translation.ts';
import { systemClock } from '../../runtime/clock.ts';
import {
	connectToEdge,
	type EdgeOptions,
	moduleNameOf,
	modulePods,
	moduleWorkloads,
} from '../edge-cluster.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
import { formatTable } from '../table.ts';
import type { Terminal } from '../terminal.ts';

/** Lists the modules of an edge, as `iotedge list` does. */
export async function list(
	options: EdgeOptions & { readonly output: OutputForm },
	terminal: Terminal,
): Promise<number> {
	const client = await connectToEdge(options);
	const modules = await modulesOf(client, options.namespace);
	if (options.output === 'json') {
		terminal.write(`${JSON.stringify(modules, null, 2)}\n`);
		return exitCode.ok;
	}
	const rows = modules.map((module) => [
		module.name,
		module.runtimeStatus,
		`${module.readyReplicas}/${module.replicas}`,
		String(module.restartCount),
		module.image,
		module.statusDescription,
	]);
	const headings = ['NAME', 'STATUS', 'READY', 'RESTARTS', 'IMAGE', 'DESCRIPTION'];
	terminal.write(`${formatTable(headings, rows).join('\n')}\n`);
	if (rows.length === 0) terminal.note(`There are no modules in ${options.namespace}.\n`);
	return exitCode.ok;
}

/** A module with the image that it runs. */
export type ListedModule = ModuleStatus & { readonly image: string };

/** The modules of an edge as its cluster shows them. */
export async function modulesOf(
	client: Pick<ClusterClient, 'list'>,
	namespace: string,
): Promise<ListedModule[]> {
	const [pods, all] = await Promise.all([
		modulePods(client, namespace),
		moduleWorkloads(client, namespace),
	]);
	const workloads = new Map(all.map((workload) => [labelOf(workload), workload]));
	const labels = new Set([...workloads.keys(), ...pods.map(labelOf)]);
	return [...labels].sort().map((label) =>
		listedModule(
			label,
			workloads.get(label),
			pods.filter((pod) => labelOf(pod) === label),
		),
	);
}

function listedModule(
	label: string,
	workload: KubernetesObject | undefined,
	pods: readonly KubernetesObject[],
): ListedModule {
	const named = pods[0] ?? workload;
	const status = moduleStatus({
		name: named === undefined ? label : moduleNameOf(named),
		container: label,
		desiredStatus: isStopped(workload) ? 'stopped' : 'running',
		...(workload === undefined ? {} : { workload }),
		pods,
		now: systemClock.now(),
	});
	const held = workload?.metadata.annotations?.[holdAnnotation] === 'true' ? 'Held. ' : '';
	const statusDescription = `${held}${status.statusDescription}`;
	return { ...status, statusDescription, image: imageOf(pods[0]?.spec, label) };
}

function labelOf(object: KubernetesObject): string {
	return object.metadata.labels?.[moduleLabel] ?? '';
}

function isStopped(workload: KubernetesObject | undefined): boolean {
	return workload?.spec?.['replicas'] === 0 || workload?.spec?.['suspend'] === true;
}

function imageOf(podSpec: KubernetesObject['spec'], container: string): string {
	const containers = (podSpec?.['containers'] ?? []) as { name: string; image?: string }[];
	return containers.find(({ name }) => name === container)?.image ?? containers[0]?.image ?? '';
}
