import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import test from 'ava';
import { exposedPorts } from '../../../src/local-cluster/node/exposed-ports.ts';
import { forwardPort } from '../../../src/local-cluster/node/port-forwarder.ts';
import type { Pod } from '../../../src/local-cluster/workloads/pod.ts';
import type { Service, ServiceSpec } from '../../../src/local-cluster/workloads/service.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const local = { host: '127.0.0.1', exact: false };

test('a connection is forwarded both ways, and refused while nothing is ready', async (t) => {
	const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
	t.teardown(() => server.close());
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	let ready = false;
	const choose = () => (ready ? { host: '127.0.0.1', port } : undefined);
	const request = { ...local, protocol: 'TCP', port: 0 };
	const forwarder = await forwardPort(request, choose, new FakeClock());
	const refused = connect(forwarder?.port ?? 0, '127.0.0.1');
	await once(refused, 'close');
	ready = true;
	const client = connect(forwarder?.port ?? 0, '127.0.0.1');
	client.write('hello');
	t.is(String(await once(client, 'data')), 'hello');
	const closed = once(client, 'close');
	await forwarder?.close();
	await closed;
});

test('a port that is taken becomes another one, unless exactly that one is asked for', async (t) => {
	const taken = createServer().listen(0, '127.0.0.1');
	t.teardown(() => taken.close());
	await once(taken, 'listening');
	const { port } = taken.address() as AddressInfo;
	const request = { ...local, protocol: 'TCP', port };
	const other = await forwardPort(request, () => undefined, new FakeClock());
	t.true(other !== undefined && other.port !== port);
	await other?.close();
	t.is(await forwardPort({ ...request, exact: true }, () => undefined, new FakeClock()), undefined);
});

test('datagrams find their way and their way back, and silent clients are forgotten', async (t) => {
	const server = createSocket('udp4', (message, from) => server.send(`${message}!`, from.port));
	await new Promise<void>((resolve) => server.bind(0, '127.0.0.1', resolve));
	t.teardown(() => server.close());
	const { port } = server.address();
	const clock = new FakeClock();
	const request = { ...local, protocol: 'UDP', port: 0 };
	const forwarder = await forwardPort(request, () => ({ host: '127.0.0.1', port }), clock);
	const client = createSocket('udp4');
	t.teardown(() => client.close());
	client.send('hello', forwarder?.port ?? 0, '127.0.0.1');
	const [answer] = await once(client, 'message');
	t.is(String(answer), 'hello!');
	t.is(clock.pending, 1);
	await clock.advance(60_000);
	t.is(clock.pending, 0);
	await forwarder?.close();
});

const service = (name: string, spec: ServiceSpec): Service => ({
	apiVersion: 'v1',
	kind: 'Service',
	metadata: { name, namespace: 'edge', uid: name },
	spec: { ports: [{ port: 443, nodePort: 30_443 }], ...spec },
});

test('Services and pods say which ports must be open, and where', (t) => {
	const pod: Pod = {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name: 'p', namespace: 'edge', uid: 'p' },
		spec: {
			containers: [{ name: 'a', image: 'a', ports: [{ containerPort: 80, hostPort: 8080 }] }],
		},
		status: { podIP: '127.70.1.1', phase: 'Running' },
	};
	const services = [
		service('cluster', { clusterIP: '127.40.1.2' }),
		service('headless', { clusterIP: 'None' }),
		service('node', { type: 'NodePort' }),
		service('balancer', { type: 'LoadBalancer' }),
	];
	const ports = exposedPorts(services, [], [pod, { ...pod, status: { phase: 'Succeeded' } }]);
	t.deepEqual(
		ports.map(({ key, host, port, exact, targets }) => [
			key.split(' ')[1],
			host,
			port,
			exact,
			targets,
		]),
		[
			['cluster', '127.40.1.2', 443, true, []],
			['node', '127.0.0.1', 30_443, false, []],
			['balancer', '127.0.0.1', 443, false, []],
			['p', '127.0.0.1', 8080, false, ['127.70.1.1:80']],
		],
	);
});
