import type { ClusterConfig } from '../../src/cluster/cluster-config.ts';
import { parseKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { ApiServer } from '../../src/local-cluster/api-server/api-server.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';

/** A Kubernetes API server, of whatever make, that a test file shares among its tests. */
export interface ClusterUnderTest extends AsyncDisposable {
	/** How its administrator reaches it. */
	readonly config: ClusterConfig;
	/** Whether controllers act on objects: Deployments get pods, statuses change. */
	readonly hasControllers: boolean;
	/** Where pods really run: how. */
	readonly pods?: {
		/** An image with Node.js, as `node`. */
		readonly nodeImage: string;
		/** Where pods reach this process. */
		readonly address: string;
	};
	/** Requests of ServiceAccounts that were refused for want of rights; absent: it cannot tell. */
	readonly refusedRequests?: () => Promise<string[]>;
	/** Kills it and starts it anew, at the same address, with what it has stored. */
	readonly restart?: () => Promise<void>;
	/** Forgets the history of changes, so that watches from the past get 410. */
	readonly compact?: () => Promise<void>;
}

/** A cluster that somebody else runs. It is written to: in namespaces that tests make and delete. */
export function foreignCluster(config: ClusterConfig): ClusterUnderTest {
	return { config, hasControllers: true, [Symbol.asyncDispose]: async () => {} };
}

/** The API server of the local cluster, in this process, without controllers. */
export async function localCluster(folder: string): Promise<ClusterUnderTest> {
	const refused: string[] = [];
	const start = async () => {
		const server = new ApiServer({
			folder,
			clusterIpBlock: '127.80.1',
			clock: systemClock,
			logger: silentLogger,
			onDenied: ({ user, verb, resource }) => refused.push(`${user}: ${verb} ${resource}`),
		});
		await server.start();
		return server;
	};
	let server = await start();
	return {
		config: await parseKubeconfig({ path: 'kubeconfig', text: server.kubeconfig() }),
		hasControllers: false,
		refusedRequests: async () => [...refused],
		restart: async () => {
			await server.stop();
			server = await start();
		},
		compact: async () => server.compact(),
		[Symbol.asyncDispose]: () => server.stop(),
	};
}
