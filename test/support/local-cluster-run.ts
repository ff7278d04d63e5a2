import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import type { ClusterClient } from '../../src/cluster/cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { LocalCluster, type LocalClusterSettings } from '../../src/local-cluster/local-cluster.ts';
import type { Job } from '../../src/local-cluster/workloads/job.ts';
import type { Pod, PodSpec } from '../../src/local-cluster/workloads/pod.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { until } from './until.ts';

export type { Job, Pod };

/** A local cluster for one test, with short delays and modules that the test writes itself. */
export class LocalClusterRun {
	readonly folder: string;
	readonly #settings: Partial<LocalClusterSettings>;
	cluster: LocalCluster;

	private constructor(folder: string, settings: Partial<LocalClusterSettings>) {
		this.folder = folder;
		this.#settings = settings;
		this.cluster = this.#create();
	}

	static async start(
		t: ExecutionContext,
		settings: Partial<LocalClusterSettings> = {},
	): Promise<LocalClusterRun> {
		const run = new LocalClusterRun(await temporaryFolder(t), settings);
		t.teardown(() => run.cluster.stop());
		await run.cluster.start();
		return run;
	}

	get client(): ClusterClient {
		return this.cluster.client;
	}

	/** Stops the cluster and starts another one on the same folder. */
	async restart(): Promise<void> {
		await this.cluster.stop();
		this.cluster = this.#create();
		await this.cluster.start();
	}

	/** Writes a module folder: its image is its name. */
	async module(name: string, program: string): Promise<void> {
		const folder = join(this.folder, 'modules', name);
		await mkdir(folder, { recursive: true });
		await writeFile(join(folder, 'main.mjs'), program);
		await writeFile(join(folder, 'package.json'), JSON.stringify({ name, main: 'main.mjs' }));
	}

	async apply(...objects: object[]): Promise<void> {
		for (const object of objects) {
			await this.client.apply(object as KubernetesObject, { fieldManager: 'test' });
		}
	}

	async list<T extends KubernetesObject>(apiVersion: string, kind: T['kind']): Promise<T[]> {
		const { items } = await this.client.list({ apiVersion, kind, namespace: 'default' });
		return items as T[];
	}

	/** Waits until the pods whose name begins so are as wanted. */
	async pods(prefix: string, wanted: (pods: Pod[]) => boolean): Promise<Pod[]> {
		return until(async () => {
			const pods = await this.list<Pod>('v1', 'Pod');
			const mine = pods.filter((pod) => pod.metadata.name.startsWith(prefix));
			return wanted(mine) ? mine : undefined;
		}, `pods ${prefix}`);
	}

	/** Waits for one pod. */
	async pod(prefix: string, wanted: (pod: Pod) => boolean): Promise<Pod> {
		const [pod] = await this.pods(prefix, ([first]) => first !== undefined && wanted(first));
		return pod as Pod;
	}

	async object<T extends KubernetesObject>(
		apiVersion: string,
		kind: T['kind'],
		name: string,
		wanted: (object: T) => boolean,
	): Promise<T> {
		return until(async () => {
			const reference = { apiVersion, kind, name, namespace: 'default' };
			const object = (await this.client.get(reference)) as T | undefined;
			return object !== undefined && wanted(object) ? object : undefined;
		}, `${kind} ${name}`);
	}

	async events(name: string): Promise<string[]> {
		const events = await this.list('v1', 'Event');
		return events
			.filter((event) => (event['involvedObject'] as { name: string }).name.startsWith(name))
			.map((event) => `${event['reason']}: ${event['message']}`);
	}

	/** Everything that a container has written. */
	async log(
		pod: string,
		options: { previous?: boolean; container?: string } = {},
	): Promise<string[]> {
		const lines: string[] = [];
		const query = { namespace: 'default', pod, ...options };
		for await (const line of this.client.logs(query)) lines.push(line);
		return lines;
	}

	/** Waits until a log has a line that matches. */
	async line(pod: string, pattern: RegExp): Promise<string> {
		return until(async () => {
			// There is no log before the container has started.
			const lines = await this.log(pod).catch(() => []);
			return lines.find((line) => pattern.test(line));
		}, `line ${pattern}`);
	}

	#create(): LocalCluster {
		return new LocalCluster({
			folder: join(this.folder, 'cluster'),
			moduleRoots: [join(this.folder, 'modules')],
			builtinImages: new Map(),
			logger: silentLogger,
			crashBackoff: { initial: 100, max: 400 },
			imageBackoff: { initial: 100, max: 400 },
			jobBackoff: { initial: 50, max: 100 },
			...this.#settings,
		});
	}
}

/** A pod without a workload around it. */
export function podOf(name: string, spec: Partial<PodSpec> & { image?: string }): object {
	const { image, ...rest } = spec;
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'default', labels: { app: name } },
		spec: {
			terminationGracePeriodSeconds: 2,
			...(image === undefined ? {} : { containers: [{ name: 'main', image }] }),
			...rest,
		},
	};
}

/** A Deployment of one container. */
export function deploymentOf(name: string, replicas: number, container: object = {}): object {
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name, namespace: 'default' },
		spec: {
			replicas,
			selector: { matchLabels: { app: name } },
			template: {
				metadata: { labels: { app: name } },
				spec: {
					terminationGracePeriodSeconds: 2,
					containers: [{ name: 'main', image: name, ...container }],
				},
			},
		},
	};
}

export function serviceOf(
	name: string,
	port: number,
	targetPort: number,
	spec: object = {},
): object {
	return {
		apiVersion: 'v1',
		kind: 'Service',
		metadata: { name, namespace: 'default' },
		spec: { selector: { app: name }, ports: [{ port, targetPort }], ...spec },
	};
}

/** Whether every container of a pod is ready. */
export function isReady(pod: Pod): boolean {
	return pod.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
}
