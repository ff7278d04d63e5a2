import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems give to connections, and those of NodePorts: what is found free there
 * is not taken by the next connection of a neighbour before it is used.
 */
const range = [20_000, 30_000] as const;

/** A port of this machine that was free a moment ago. */
export async function freePort(): Promise<number> {
	for (;;) {
		const port = randomInt(...range);
		if (await isFree(port)) return port;
	}
}

async function isFree(port: number): Promise<boolean> {
	const server = createServer();
	try {
		server.listen(port);
		await once(server, 'listening');
	} catch {
		return false;
	}
	server.close();
	await once(server, 'close');
	return true;
}
