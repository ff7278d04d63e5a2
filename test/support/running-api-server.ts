import type { ExecutionContext } from 'ava';
import { connect, type HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import { parseKubeconfig } from '../../src/cluster/kubeconfig.ts';
import { ApiServer } from '../../src/local-cluster/api-server/api-server.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';

/** The local cluster's API server in this process, forgotten when the test ends. */
export async function runningApiServer(t: ExecutionContext): Promise<{
	readonly server: ApiServer;
	readonly client: HttpClusterClient;
}> {
	const settings = { clusterIpBlock: '127.80.1', clock: systemClock, logger: silentLogger };
	const server = new ApiServer(settings);
	await server.start();
	const file = { path: 'kubeconfig', text: server.kubeconfig() };
	const client = connect(await parseKubeconfig(file));
	t.teardown(async () => {
		client.close();
		await server.stop();
	});
	return { server, client };
}
