import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createSecureServer } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { type ExecutionContext, default as test } from 'ava';
import { claimPodBlock } from '../../../src/local-cluster/node/pod-block.ts';
import type { ServiceEntry } from '../../../src/local-cluster/node/preload/service-table.ts';
import { copyPreload } from '../../../src/local-cluster/node/preload-copy.ts';
import { localhostCertificate } from '../../support/localhost-certificate.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A pod network without a cluster: a block, a services file, and programs run with the preload. */
class Network {
	readonly #folder: string;
	readonly #preload: URL;
	readonly block: string;

	constructor(folder: string, preload: URL, block: string) {
		this.#folder = folder;
		this.#preload = preload;
		this.block = block;
	}

	static async create(t: ExecutionContext): Promise<Network> {
		const folder = await temporaryFolder(t);
		const block = await claimPodBlock();
		t.teardown(() => block.release());
		return new Network(folder, await copyPreload(join(folder, 'preload')), block.prefix);
	}

	address(pod: number): string {
		return `${this.block}${pod}`;
	}

	async services(services: Record<string, Partial<ServiceEntry>>): Promise<void> {
		const clusterIps: Record<string, string> = {};
		const entries = Object.entries(services).map(([key, entry]) => {
			if (entry.clusterIp !== undefined) clusterIps[entry.clusterIp] = key;
			return [key, { sticky: false, ports: [], addresses: [], hosts: {}, ...entry }];
		});
		const table = { block: this.block, hostPorts: [], clusterIps };
		const file = join(this.#folder, 'services.json');
		await writeFile(
			`${file}.new`,
			JSON.stringify({ ...table, services: Object.fromEntries(entries) }),
		);
		await rename(`${file}.new`, file);
	}

	async run(
		t: ExecutionContext,
		pod: number,
		program: string,
		name = 'main.mjs',
	): Promise<Program> {
		const podFile = join(this.#folder, `pod-${pod}.json`);
		const settings = {
			namespace: 'edge',
			address: this.address(pod),
			hostName: `pod-${pod}`,
			hostNetwork: false,
			servicesFile: join(this.#folder, 'services.json'),
			importBase: pathToFileURL(join(import.meta.dirname, '../../../package.json')).href,
		};
		await writeFile(podFile, JSON.stringify(settings));
		const main = join(this.#folder, `${pod}-${name}`);
		await writeFile(main, program);
		const preload = new URL(this.#preload);
		preload.searchParams.set('pod', podFile);
		const child = spawn(process.execPath, [main], {
			env: { NODE_OPTIONS: `--import ${preload.href}`, IOTEDGE_K8S_LIFE_LINE: '3' },
			stdio: ['ignore', 'pipe', 'inherit', 'pipe'],
			detached: true,
		});
		t.teardown(() => child.kill('SIGKILL'));
		return new Program(child);
	}
}

class Program {
	readonly child: ChildProcess;
	readonly #lines: string[] = [];
	#rest = '';
	#closed = false;

	constructor(child: ChildProcess) {
		this.child = child;
		child.stdout?.setEncoding('utf8').on('data', (text: string) => {
			const lines = (this.#rest + text).split('\n');
			this.#rest = lines.pop() ?? '';
			this.#lines.push(...lines);
			child.emit('lines');
		});
		child.once('close', () => {
			this.#closed = true;
			child.emit('lines');
		});
	}

	/** The next line of the program's output. */
	async line(): Promise<string> {
		while (this.#lines.length === 0) {
			if (this.#closed) throw new Error('The program has ended.');
			await once(this.child, 'lines');
		}
		return this.#lines.shift() ?? '';
	}
}

const server = (port: number) => `
	import http from 'node:http';
	import os from 'node:os';
	const server = http.createServer((request, response) => {
		response.end(JSON.stringify([os.hostname(), request.socket.remoteAddress]));
	});
	server.listen(${port}, () => console.log('listening ' + server.address().port));
	process.on('message', () => {});
`;

const oneRequest = (name: string, port: number) => `
	const response = await fetch('http://${name}:${port}/', { headers: { connection: 'close' } });
	console.log(await response.text());
`;

test('two pods listen on the same ports and reach each other by name from their own address', async (t) => {
	const network = await Network.create(t);
	const entry = (pod: number): Partial<ServiceEntry> => ({
		clusterIp: `10.96.0.${pod}`,
		ports: [
			{ port: 80, protocol: 'TCP', targets: [`${network.address(pod)}:8080`] },
			{ port: 443, protocol: 'TCP', targets: [`${network.address(pod)}:443`] },
		],
	});
	await network.services({ 'edge/one': entry(1), 'edge/two': entry(2) });
	for (const pod of [1, 2]) {
		for (const port of [8080, 443]) {
			const program = await network.run(t, pod, server(port), `server-${port}.mjs`);
			t.is(await program.line(), `listening ${port}`);
		}
	}
	const calls: [number, string, number, number][] = [
		[1, 'two', 80, 2],
		[2, 'one.edge', 443, 1],
		[2, 'one.edge.svc.cluster.local', 80, 1],
		[1, '10.96.0.2', 443, 2],
		[1, 'localhost', 8080, 1],
	];
	for (const [from, name, port, to] of calls) {
		const client = await network.run(t, from, oneRequest(name, port));
		const [host, remote] = JSON.parse(await client.line()) as string[];
		t.is(host, `pod-${to}`, `${name}:${port}`);
		if (from !== to) t.is(remote, network.address(from), `${name}:${port}`);
	}
});

test('load is spread over the endpoints, and a change of endpoints is seen while running', async (t) => {
	const network = await Network.create(t);
	for (const pod of [1, 2, 3]) await (await network.run(t, pod, server(8080))).line();
	const targets = (pods: number[]) => pods.map((pod) => `${network.address(pod)}:8080`);
	const service = (pods: number[]) => ({
		'edge/web': {
			clusterIp: '10.96.0.9',
			ports: [{ port: 80, protocol: 'TCP', targets: targets(pods) }],
		},
	});
	await network.services(service([1, 2]));
	const client = await network.run(
		t,
		9,
		`
		setInterval(() => {}, 1000);
		import http from 'node:http';
		const get = () => new Promise((resolve) => http.get('http://web/', { agent: false }, (response) => {
			response.once('data', (body) => resolve(JSON.parse(body)[0]));
		}).on('error', (error) => resolve(error.code)));
		for (let round = 0; round < 3; round++) {
			const hosts = [await get(), await get(), await get(), await get()];
			const next = new Promise((resolve) => process.once('SIGUSR2', resolve));
			console.log([...new Set(hosts)].sort().join(' '));
			await next;
		}
		`,
	);
	t.is(await client.line(), 'pod-1 pod-2');
	await network.services(service([3]));
	client.child.kill('SIGUSR2');
	t.is(await client.line(), 'pod-3');
	await network.services(service([]));
	client.child.kill('SIGUSR2');
	t.is(await client.line(), 'ECONNREFUSED');
});

test('a worker thread and a CommonJS program live on the same network', async (t) => {
	const network = await Network.create(t);
	await network.services({
		'edge/web': {
			clusterIp: '10.96.0.9',
			ports: [{ port: 443, protocol: 'TCP', targets: [`${network.address(1)}:443`] }],
		},
	});
	const program = `
		const { Worker, isMainThread } = require('node:worker_threads');
		const net = require('node:net');
		const dns = require('node:dns/promises');
		if (isMainThread) {
			const server = net.createServer((socket) => socket.end(socket.remoteAddress));
			server.listen({ port: 443 }, () => new Worker(__filename));
		} else {
			dns.lookup('web').then(({ address }) => {
				const client = net.connect(443, address);
				client.on('data', (data) => { console.log(address + ' ' + data); });
			});
		}
	`;
	const worker = await network.run(t, 1, program, 'main.cjs');
	t.is(await worker.line(), `10.96.0.9 ${network.address(1)}`);
});

test('MQTT over TLS as the device SDK opens it reaches port 8883 of a Service', async (t) => {
	const network = await Network.create(t);
	await network.services({
		'edge/edgehub': {
			clusterIp: '10.96.0.9',
			ports: [{ port: 8883, protocol: 'TCP', targets: [`${network.address(1)}:8883`] }],
		},
	});
	const hub = await network.run(
		t,
		1,
		`
		import net from 'node:net';
		net.createServer((socket) => socket.once('data', (hello) => {
			console.log(socket.remoteAddress + ' ' + hello.includes('edgehub'));
			socket.destroy();
		})).listen(8883, '0.0.0.0', () => console.log('ready'));
		`,
	);
	await hub.line();
	await network.run(
		t,
		2,
		`
		import iot from 'azure-iot-device';
		import { Mqtt } from 'azure-iot-device-mqtt';
		const client = iot.ModuleClient.fromConnectionString(
			'HostName=hub.azure-devices.net;DeviceId=d;ModuleId=m;SharedAccessKey=AAAA;GatewayHostName=edgehub', Mqtt);
		client.open().catch(() => {});
		`,
	);
	t.is(await hub.line(), `${network.address(2)} true`);
});

test('localhost in a pod is the pod, then the machine', async (t) => {
	const network = await Network.create(t);
	await network.services({});
	const machine = createServer((socket) => socket.end('machine'));
	await new Promise<void>((resolve) => machine.listen(0, '127.0.0.1', resolve));
	t.teardown(() => machine.close());
	const { port } = machine.address() as AddressInfo;
	const { credentials } = await localhostCertificate();
	const secure = createSecureServer(
		{ cert: credentials.certificate, key: credentials.privateKey },
		(socket) => socket.end('secure'),
	);
	await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
	t.teardown(() => secure.close());
	const securePort = (secure.address() as AddressInfo).port;
	const program = await network.run(
		t,
		1,
		`
		import net from 'node:net';
		import tls from 'node:tls';
		const read = (socket) => new Promise((resolve) => socket.once('data', (data) => resolve(String(data)))
			.once('error', (error) => resolve(error.code)));
		for (const host of ['localhost', '127.0.0.1']) console.log(await read(net.connect(${port}, host)));
		console.log(await read(tls.connect({ port: ${securePort}, host: 'localhost', rejectUnauthorized: false })));
		const own = net.createServer((socket) => socket.end('pod')).listen(${port}, 'localhost');
		await new Promise((resolve) => own.once('listening', resolve));
		console.log(await read(net.connect(${port})));
		own.close();
		console.log(await read(net.connect(1, 'localhost')));
		`,
	);
	const lines: string[] = [];
	for (let line = 0; line < 5; line += 1) lines.push(await program.line());
	t.deepEqual(lines, ['machine', 'machine', 'secure', 'pod', 'ECONNREFUSED']);
});

test('datagrams find a Service and carry the sender', async (t) => {
	const network = await Network.create(t);
	await network.services({
		'edge/dns': {
			clusterIp: '10.96.0.9',
			ports: [{ port: 53, protocol: 'UDP', targets: [`${network.address(1)}:53`] }],
		},
	});
	const receiver = await network.run(
		t,
		1,
		`
		import dgram from 'node:dgram';
		const socket = dgram.createSocket('udp4', (message, from) => console.log(message + ' ' + from.address));
		socket.bind(53, () => console.log('bound'));
		`,
	);
	t.is(await receiver.line(), 'bound');
	await network.run(
		t,
		2,
		`
		import dgram from 'node:dgram';
		const socket = dgram.createSocket('udp4').bind(5000, () => socket.send('hello', 53, 'dns'));
		`,
	);
	t.is(await receiver.line(), `hello ${network.address(2)}`);
});

test('a process and its children end when the node that started them dies', async (t) => {
	const network = await Network.create(t);
	await network.services({});
	const program = await network.run(
		t,
		1,
		`
		import { spawn } from 'node:child_process';
		const child = spawn('sleep', ['1000']);
		console.log(child.pid);
		setInterval(() => {}, 1000);
		`,
	);
	const grandchild = Number(await program.line());
	program.child.stdio[3]?.destroy();
	const [, signal] = await once(program.child, 'exit');
	t.is(signal, 'SIGKILL');
	await t.throwsAsync(
		async () => {
			for (;;) {
				process.kill(grandchild, 0);
				await new Promise((resolve) => setTimeout(resolve, 5));
			}
		},
		{ code: 'ESRCH' },
	);
});
