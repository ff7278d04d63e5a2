import test from 'ava';
import { startEdge } from '../../src/testing/testing.ts';
import { connectProxy } from '../support/connect-proxy.ts';
import { until } from '../support/until.ts';

test('a whole edge hub works through a proxy, over WebSocket, and goes on when the proxy is cut', async (t) => {
	const proxy = await connectProxy(t);
	await using edge = await startEdge({
		hubEnv: { https_proxy: `http://me:hush@127.0.0.1:${proxy.port}` },
	});
	const leaf = await edge.device('leaf1');
	await leaf.send({ n: 1 });
	t.deepEqual((await edge.upstream({ from: 'leaf1' })).body, { n: 1 });
	await leaf.report({ firmware: '1.2' });
	await until(() => edge.hub.twin('leaf1').reported['firmware'] === '1.2', 'the report');
	const { targets, authorizations } = proxy;
	t.deepEqual([...new Set(targets)], [edge.hub.hostName]);
	t.deepEqual([...new Set(authorizations)], [`Basic ${btoa('me:hush')}`]);
	const before = targets.length;
	proxy.cut();
	await leaf.send({ n: 2 });
	t.deepEqual((await edge.upstream({ from: 'leaf1' })).body, { n: 2 });
	t.true(targets.length > before);
});
