import test from 'ava';
import { StateSecret } from '../../src/edge-agent/state-secret.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

function secretOf(client: MemoryCluster): StateSecret {
	return new StateSecret({ client, namespace: 'edge', name: 'state', labels: { of: 'edge1' } });
}

test('what is stored is there for the next agent', async (t) => {
	const cluster = new MemoryCluster();
	const state = secretOf(cluster);
	await state.load();
	t.is(state.get('a'), undefined);
	await state.set({ a: 'one', json: '{"x":1}' });
	await state.set({ b: Buffer.of(0, 255) });
	const next = secretOf(cluster);
	await next.load();
	t.is(String(next.get('a')), 'one');
	t.deepEqual(next.get('b'), Buffer.of(0, 255));
	t.deepEqual(next.getJson('json'), { x: 1 });
	t.is(next.getJson('a'), undefined);
	t.deepEqual(cluster.all('Secret')[0]?.metadata.labels, { of: 'edge1' });
});

test('null removes an entry and leaves the others', async (t) => {
	const cluster = new MemoryCluster();
	const state = secretOf(cluster);
	await state.set({ a: '1', b: '2' });
	await state.set({ a: null });
	t.is(state.get('a'), undefined);
	t.is(String(state.get('b')), '2');
});

test('two agents that make the same thing at once get the same', async (t) => {
	const cluster = new MemoryCluster();
	const [one, two] = [secretOf(cluster), secretOf(cluster)];
	await Promise.all([one.load(), two.load()]);
	const made = await Promise.all([
		one.getOrCreate('key', () => Buffer.from('from one')),
		two.getOrCreate('key', () => Buffer.from('from two')),
	]);
	t.is(String(made[0]), String(made[1]));
});

test('a write that another has overtaken is repeated on top of it', async (t) => {
	const cluster = new MemoryCluster();
	const [one, two] = [secretOf(cluster), secretOf(cluster)];
	await one.set({ a: '1' });
	await two.load();
	await one.set({ b: '2' });
	await two.set({ c: '3' });
	t.is(String(two.get('b')), '2');
	await one.load();
	t.is(String(one.get('c')), '3');
});

test('a Secret that somebody has deleted is made again', async (t) => {
	const cluster = new MemoryCluster();
	const state = secretOf(cluster);
	await state.set({ a: '1' });
	await cluster.delete({ apiVersion: 'v1', kind: 'Secret', namespace: 'edge', name: 'state' });
	await state.set({ b: '2' });
	t.is(String(state.get('b')), '2');
});
