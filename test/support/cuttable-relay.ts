import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { ExecutionContext } from 'ava';

/** A way to a port that can be cut: bytes go through as they are. */
export interface CuttableRelay {
	readonly port: number;
	/** Connections that have come so far. */
	readonly connections: number;
	/** Ends all open connections without a word; new ones go through. */
	cut(): void;
}

export async function cuttableRelay(t: ExecutionContext, target: number): Promise<CuttableRelay> {
	const open = new Set<Socket>();
	let connections = 0;
	const server = createServer((near) => {
		connections += 1;
		const far = connect(target, '127.0.0.1');
		near.pipe(far).pipe(near);
		for (const socket of [near, far]) {
			open.add(socket);
			socket.on('error', () => {});
			socket.on('close', () => {
				open.delete(socket);
				near.destroy();
				far.destroy();
			});
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const cut = () => {
		for (const socket of open) socket.destroy();
	};
	t.teardown(() => {
		cut();
		server.close();
	});
	return {
		port: (server.address() as AddressInfo).port,
		get connections() {
			return connections;
		},
		cut,
	};
}
