import test from 'ava';
import { startEdge } from '../../src/testing/testing.ts';

const average = new URL('./modules/average', import.meta.url);

test('the module passes on the average of two readings', async (t) => {
	await using edge = await startEdge({ modules: { average } });

	await edge.send('average', 'readings', { temperature: 20 });
	await edge.send('average', 'readings', { temperature: 22 });

	const { body } = await edge.upstream({ from: 'average' });
	t.deepEqual(body, { average: 21 });
});
