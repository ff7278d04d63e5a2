import { createSocket, type Socket as DatagramSocket, type RemoteInfo } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { Clock, Timer } from '../../runtime/clock.ts';

/** Where a connection goes; `undefined` when nothing is ready. */
export type TargetChoice = () => { readonly host: string; readonly port: number } | undefined;

/** A port of this machine that leads to pods. */
export interface PortForwarder {
	/** The port that is really open. */
	readonly port: number;
	close(): Promise<void>;
}

/** Ports below this need root; they are opened this much higher. */
const firstFreePort = 1024;
const privilegedPortShift = 30_000;
/** Milliseconds after which a silent UDP client is forgotten. */
const datagramIdle = 60_000;

/**
 * Opens a port of 127.0.0.1 and forwards it.
 *
 * @param port the port to open; where it is taken, the system chooses another one.
 */
export async function forwardPort(
	protocol: string,
	port: number,
	choose: TargetChoice,
	clock: Clock,
): Promise<PortForwarder> {
	const wanted = port < firstFreePort ? port + privilegedPortShift : port;
	const open = protocol === 'UDP' ? forwardDatagrams : forwardConnections;
	try {
		return await open(wanted, choose, clock);
	} catch {
		return open(0, choose, clock);
	}
}

async function forwardConnections(port: number, choose: TargetChoice): Promise<PortForwarder> {
	const sockets = new Set<Socket>();
	const keep = (socket: Socket) => {
		sockets.add(socket);
		socket.once('close', () => sockets.delete(socket));
	};
	const server = createServer((client) => {
		keep(client);
		const target = choose();
		if (target === undefined) {
			client.destroy();
			return;
		}
		const upstream = connect(target);
		keep(upstream);
		client.on('error', () => upstream.destroy());
		upstream.on('error', () => client.destroy());
		client.on('close', () => upstream.destroy());
		upstream.on('close', () => client.destroy());
		client.pipe(upstream).pipe(client);
	});
	await listening(server, port);
	const address = server.address();
	return {
		port: typeof address === 'object' && address !== null ? address.port : port,
		close: () => {
			for (const socket of sockets) socket.destroy();
			return new Promise((resolve) => server.close(() => resolve()));
		},
	};
}

function listening(server: Server, port: number): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	server.once('error', reject);
	server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
	return promise;
}

interface DatagramClient {
	readonly upstream: DatagramSocket;
	timer: Timer;
}

async function forwardDatagrams(
	port: number,
	choose: TargetChoice,
	clock: Clock,
): Promise<PortForwarder> {
	const clients = new Map<string, DatagramClient>();
	const server = createSocket('udp4');
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	server.once('error', reject);
	server.bind({ port, address: '127.0.0.1', exclusive: true }, resolve);
	await promise;
	const forget = (key: string) => {
		clients.get(key)?.upstream.close();
		clients.delete(key);
	};
	const clientOf = (from: RemoteInfo): DatagramClient => {
		const key = `${from.address}:${from.port}`;
		const timer = clock.after(datagramIdle, () => forget(key));
		const known = clients.get(key);
		if (known !== undefined) {
			known.timer[Symbol.dispose]();
			known.timer = timer;
			return known;
		}
		const upstream = createSocket('udp4', (message) =>
			server.send(message, from.port, from.address),
		);
		upstream.on('error', () => {});
		const client = { upstream, timer };
		clients.set(key, client);
		return client;
	};
	server.on('message', (message, from) => {
		const target = choose();
		if (target !== undefined) clientOf(from).upstream.send(message, target.port, target.host);
	});
	return {
		port: server.address().port,
		close: () => {
			for (const [key, { timer }] of clients) {
				timer[Symbol.dispose]();
				forget(key);
			}
			return new Promise((done) => server.close(() => done()));
		},
	};
}
