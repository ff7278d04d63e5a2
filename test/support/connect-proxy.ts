import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

export interface ConnectProxy {
	readonly port: number;
	/** `host:port` of every tunnel that was asked for. */
	readonly targets: string[];
	/** What `Proxy-Authorization` said. */
	readonly authorizations: (string | undefined)[];
	/** Bytes that came from clients, and went to them. */
	readonly fromClients: () => number;
	readonly toClients: () => number;
	/** Cuts every tunnel. */
	cut(): void;
}

/** A real HTTP proxy for tunnels, which stops with the test. */
export async function connectProxy(
	t: ExecutionContext,
	{ answer }: { readonly answer?: 'refuse' | 'silence' } = {},
): Promise<ConnectProxy> {
	const targets: string[] = [];
	const authorizations: (string | undefined)[] = [];
	const sockets = new Set<Socket>();
	const server = createServer();
	server.on('connection', (socket: Socket) => {
		sockets.add(socket);
		socket.on('error', () => {});
	});
	server.on('connect', ({ url = '', headers }, client: Socket, head: Buffer) => {
		targets.push(url);
		authorizations.push(headers['proxy-authorization']);
		if (answer === 'silence') return;
		if (answer === 'refuse') {
			client.end('HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n');
			return;
		}
		const { hostname, port } = new URL(`http://${url}`);
		const upstream = connect({ host: hostname, port: Number(port) }, () => {
			client.write('HTTP/1.1 200 Connection established\r\n\r\n');
			if (head.length > 0) upstream.write(head);
			client.pipe(upstream).pipe(client);
		});
		upstream.on('error', () => client.destroy());
		client.on('close', () => upstream.destroy());
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const cut = () => {
		for (const socket of sockets) socket.destroy();
	};
	t.teardown(() => {
		cut();
		server.close();
	});
	const sum = (count: (socket: Socket) => number) => () =>
		[...sockets].reduce((total, socket) => total + count(socket), 0);
	return {
		port: (server.address() as AddressInfo).port,
		targets,
		authorizations,
		fromClients: sum((socket) => socket.bytesRead),
		toClients: sum((socket) => socket.bytesWritten),
		cut,
	};
}
