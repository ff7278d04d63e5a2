import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterClient } from '../cluster/cluster-client.ts';
import { HttpClusterClient } from '../cluster/http-cluster-client.ts';
import { loadKubeconfig } from '../cluster/kubeconfig.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import { type Lifecycle, startAll } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { ApiServer } from './api-server/api-server.ts';
import { ClusterState } from './controllers/cluster-state.ts';
import { Controller } from './controllers/controller.ts';
import { createReconcilers } from './controllers/create-reconcilers.ts';
import { ensureInitialObjects } from './initial-objects.ts';
import type { CrashBackoffSettings } from './node/crash-backoff.ts';
import type { BuiltinImage } from './node/image-store.ts';
import { LocalNode } from './node/local-node.ts';
import { NodeLogSource } from './node/node-log-source.ts';
import { tokenIssuer } from './node/token-request.ts';

/** How a local cluster is made. Delays in milliseconds. */
export interface LocalClusterSettings {
	/** Where everything is kept; the cluster goes on with it after a restart. */
	readonly folder: string;
	/** Folders whose children are module folders, the first ones first. */
	readonly moduleRoots: readonly string[];
	/** Images that are programs of this machine, by image. */
	readonly builtinImages: ReadonlyMap<string, BuiltinImage>;
	readonly clock?: Clock;
	readonly logger: Logger;
	/** Delays before a crashed container is started again. Default 10 s to 300 s, as Kubernetes. */
	readonly crashBackoff?: CrashBackoffSettings;
	/** Delays before an image that was not found is looked for again. Default 2 s to 30 s. */
	readonly imageBackoff?: CrashBackoffSettings;
	/** Delays between the tries of a Job. Default 10 s to 10 minutes, as Kubernetes. */
	readonly jobBackoff?: CrashBackoffSettings;
	/** Bytes of a container's log before it is put aside. Default 10 MiB. */
	readonly maxLogBytes?: number;
}

/**
 * A Kubernetes cluster with one node in this process, for development and tests: an API server,
 * the usual controllers, and a node that runs each container as a process of this machine. There
 * is no isolation: a module can read every file that its user can. Never use it in production.
 */
export class LocalCluster implements Lifecycle, AsyncDisposable {
	readonly #settings: LocalClusterSettings;
	#running:
		| {
				readonly client: HttpClusterClient;
				readonly node: LocalNode;
				readonly stop: () => Promise<void>;
		  }
		| undefined;

	constructor(settings: LocalClusterSettings) {
		this.#settings = settings;
	}

	/** The Kubernetes API as its administrator sees it. @throws Error before `start`. */
	get client(): ClusterClient {
		if (this.#running === undefined) throw new Error('The local cluster has not been started.');
		return this.#running.client;
	}

	/** What every pod address begins with: `127.70.1.`. A program at such an address sees pods by theirs. */
	get podAddressPrefix(): string {
		return this.#running?.node.podAddressPrefix ?? '';
	}

	/** The kubeconfig of the administrator, written by `start`. */
	get kubeconfigPath(): string {
		return join(this.#apiFolder, 'kubeconfig');
	}

	/** Resolves when the API serves and the node is ready for pods. */
	async start(): Promise<void> {
		const { clock = systemClock, logger } = this.#settings;
		let node: LocalNode | undefined;
		const podLogs = new NodeLogSource(async (uid, container, previous) =>
			node?.findLog(uid, container, previous),
		);
		const server = new ApiServer({
			folder: this.#apiFolder,
			clusterIpBlock: await this.#serviceBlock(),
			clock,
			logger: logger.child({ part: 'api-server' }),
			podLogs,
		});
		await server.start();
		try {
			const client = new HttpClusterClient(await this.#config(clock), { clock });
			await ensureInitialObjects(client, Number(new URL(server.url).port));
			const state = new ClusterState({ client, clock, logger });
			const controllers = this.#controllers(state, server.caCertificate, clock);
			node = this.#node(state, server, clock);
			// The node must be registered before anything looks for nodes.
			const stop = await startAll([state, node, ...controllers]);
			this.#running = {
				client,
				node,
				stop: async () => {
					await stop();
					client.close();
					await server.stop();
				},
			};
		} catch (error) {
			await server.stop();
			throw error;
		}
	}

	/** Ends all pods within their grace periods. They run again after the next start. */
	async stop(): Promise<void> {
		const running = this.#running;
		this.#running = undefined;
		await running?.stop();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
	}

	get #apiFolder(): string {
		return join(this.#settings.folder, 'api-server');
	}

	/** The block of Service addresses: loopback, another one for each folder, and always the same. */
	async #serviceBlock(): Promise<string> {
		const { folder } = this.#settings;
		await mkdir(folder, { recursive: true, mode: 0o700 });
		const file = join(folder, 'service-block');
		const known = await readFile(file, 'utf8').catch(() => undefined);
		// A start that was killed while it wrote the file leaves it empty: no Service has an address yet.
		if (known !== undefined && known !== '') return checkedBlock(known.trim(), file);
		const [one = 0, two = 0] = crypto.getRandomValues(new Uint8Array(2));
		const block = `127.${firstServiceNumber + (one & 31)}.${two}`;
		await writeFile(file, `${block}\n`);
		return block;
	}

	async #config(clock: Clock) {
		return loadKubeconfig(this.kubeconfigPath, { context: undefined, environment: {}, clock });
	}

	#controllers(state: ClusterState, certificate: string, clock: Clock): Controller[] {
		const { folder, logger, jobBackoff = defaultJobBackoff } = this.#settings;
		const volumeFolder = join(folder, 'volumes');
		return createReconcilers({ state, logger, certificate, volumeFolder, jobBackoff }).map(
			(reconciler) => new Controller(reconciler, { clock, logger }),
		);
	}

	#node(state: ClusterState, server: ApiServer, clock: Clock): LocalNode {
		const { folder, moduleRoots, builtinImages, logger } = this.#settings;
		const { url, caCertificate, adminToken } = server;
		const { hostname, port } = new URL(url);
		return new LocalNode({
			state,
			clock,
			logger: logger.child({ part: 'node' }),
			folder: join(folder, 'node'),
			name: nodeName,
			moduleRoots,
			builtinImages,
			apiServer: { host: hostname, port: Number(port) },
			issueToken: tokenIssuer({ url, caCertificate, bearerToken: adminToken }),
			crashBackoff: this.#settings.crashBackoff ?? { initial: 10_000, max: 300_000 },
			imageBackoff: this.#settings.imageBackoff ?? { initial: 2000, max: 30_000 },
			maxLogBytes: this.#settings.maxLogBytes ?? 10 * 1024 * 1024,
		});
	}
}

/** @throws EdgeError EDGE_STORAGE_CORRUPT */
function checkedBlock(text: string, file: string): string {
	const numbers = /^127\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number) ?? [];
	if (numbers.length === 2 && numbers.every((number) => number <= 255)) return text;
	throw new EdgeError('EDGE_STORAGE_CORRUPT', 'This is no block of loopback addresses.', {
		where: file,
	});
}

/** The node's name; the same in every run, because pods are bound to it. */
export const nodeName = 'local';
/** Services live in 127.32 to 127.63, pods in 127.64 to 127.127. */
const firstServiceNumber = 32;
const defaultJobBackoff = { initial: 10_000, max: 600_000 };
