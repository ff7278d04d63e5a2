import type { ExecutionContext } from 'ava';
import type { ClusterConfig } from '../../src/cluster/cluster-config.ts';
import { connect, type HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import { parseKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { ApiServer } from '../../src/local-cluster/api-server/api-server.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';

/** An API server and how to reach it. */
export interface RunningApiServer {
	/** The administrator's. */
	readonly config: ClusterConfig;
	readonly client: HttpClusterClient;
	/** The administrator's, as a file. */
	readonly kubeconfig: string;
	/** Requests that were refused for want of rights. */
	readonly denials: readonly unknown[];
}

/** The local cluster's API server in this process, forgotten when the test ends. */
export async function runningApiServer(t: ExecutionContext): Promise<RunningApiServer> {
	const denials: unknown[] = [];
	const server = new ApiServer({
		clusterIpBlock: '127.80.1',
		clock: systemClock,
		logger: silentLogger,
		onDenied: (denial) => denials.push(denial),
	});
	await server.start();
	const config = await parseKubeconfig({ path: 'kubeconfig', text: server.kubeconfig() });
	const client = connect(config);
	t.teardown(async () => {
		client.close();
		await server.stop();
	});
	return { config, client, kubeconfig: server.kubeconfig(), denials };
}
