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

/** What to open. */
export interface PortRequest {
	readonly protocol: string;
	readonly host: string;
	readonly port: number;
	/** Whether another port is of no use. */
	readonly exact: boolean;
}

/**
 * Opens a port of this machine and forwards it. Where the port is taken, or needs root, another
 * one is opened.
 *
 * @returns `undefined` when exactly this port was asked for and cannot be had.
 */
export async function forwardPort(
	{ protocol, host, port, exact }: PortRequest,
	choose: TargetChoice,
	clock: Clock,
): Promise<PortForwarder | undefined> {
	const shifted = exact || port >= firstFreePort ? port : port + privilegedPortShift;
	const open = protocol === 'UDP' ? forwardDatagrams : forwardConnections;
	try {
		return await open({ host, port: shifted }, choose, clock);
	} catch {
		return exact ? undefined : open({ host, port: 0 }, choose, clock);
	}
}

interface Address {
	readonly host: string;
	readonly port: number;
}

async function forwardConnections(at: Address, choose: TargetChoice): Promise<PortForwarder> {
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
	await listening(server, at);
	const address = server.address();
	return {
		port: typeof address === 'object' && address !== null ? address.port : at.port,
		close: () => {
			for (const socket of sockets) socket.destroy();
			return new Promise((resolve) => server.close(() => resolve()));
		},
	};
}

function listening(server: Server, { host, port }: Address): Promise<void> {
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	server.once('error', reject);
	server.listen({ port, host, exclusive: true }, resolve);
	return promise;
}

interface DatagramClient {
	readonly upstream: DatagramSocket;
	timer: Timer;
}

async function forwardDatagrams(
	{ host, port }: Address,
	choose: TargetChoice,
	clock: Clock,
): Promise<PortForwarder> {
	const clients = new Map<string, DatagramClient>();
	const server = createSocket('udp4');
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	server.once('error', reject);
	server.bind({ port, address: host, exclusive: true }, resolve);
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
