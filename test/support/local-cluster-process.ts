import { LocalCluster } from '../../src/local-cluster/local-cluster.ts';
import { silentLogger } from '../../src/runtime/logger.ts';

/** A local cluster in a process of its own, for tests that kill it: `node <this> <folder> <modules>`. */
const [, , folder = '', modules = ''] = process.argv;
const cluster = new LocalCluster({
	folder,
	moduleRoots: [modules],
	builtinImages: new Map(),
	logger: silentLogger,
});
await cluster.start();
process.send?.('started');
