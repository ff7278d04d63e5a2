/** Starts an edge with a module, uses it, disposes of it, and has nothing left to do. */
import { startEdge } from '../../src/testing/testing.ts';

const average = new URL('../testing/modules/average', import.meta.url);

{
	await using edge = await startEdge({ modules: { average } });
	await edge.send('average', 'readings', { temperature: 1 });
	await edge.send('average', 'readings', { temperature: 2 });
	await edge.upstream({ from: 'average' });
}
process.stdout.write('disposed\n');
