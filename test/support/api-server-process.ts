import { ApiServer } from '../../src/local-cluster/api-server/api-server.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';

// A process of its own, so that a test can kill it: serves the folder that it is given.
const [, , folder = ''] = process.argv;
const server = new ApiServer({
	folder,
	clusterIpBlock: '127.83.7',
	clock: systemClock,
	logger: silentLogger,
});
await server.start();
process.stdout.write(`${server.kubeconfig()}\0`);
