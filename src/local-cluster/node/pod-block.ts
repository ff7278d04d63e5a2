import { createServer, type Server } from 'node:net';
import { EdgeError } from '../../runtime/edge-error.ts';

/** A part of this machine's loopback network that belongs to one local cluster. */
export interface PodBlock {
	/** `127.70.1.`: a pod's address is this and a number from 1 to 254. */
	readonly prefix: string;
	release(): Promise<void>;
}

/** Listening here claims a block: the system gives it back even after `kill -9`. */
const claimHost = 255;
const claimPort = 10_250;
const firstSecondNumber = 64;
const blockCount = 64 * 256;

/**
 * Claims a block of loopback addresses that no other local cluster on this machine uses.
 *
 * @param start where to begin looking; default random.
 * @throws EdgeError EDGE_POD_NETWORK_UNAVAILABLE where the system has only one loopback address,
 * as macOS does.
 */
export async function claimPodBlock(start = Math.random()): Promise<PodBlock> {
	const first = Math.floor(start * blockCount);
	for (let attempt = 0; attempt < blockCount; attempt++) {
		const block = (first + attempt) % blockCount;
		const prefix = `127.${firstSecondNumber + (block >> 8)}.${block & 255}.`;
		const server = await claim(`${prefix}${claimHost}`);
		if (server !== undefined) return { prefix, release: () => close(server) };
	}
	throw new EdgeError('EDGE_POD_NETWORK_UNAVAILABLE', 'Every block of pod addresses is in use.');
}

async function claim(host: string): Promise<Server | undefined> {
	const server = createServer((socket) => socket.destroy());
	const { promise, resolve, reject } = Promise.withResolvers<Server | undefined>();
	server.once('listening', () => resolve(server));
	server.once('error', (error: NodeJS.ErrnoException) => {
		if (error.code === 'EADDRINUSE') resolve(undefined);
		else reject(unavailable(host, error));
	});
	server.unref().listen({ host, port: claimPort, exclusive: true });
	return promise;
}

function unavailable(host: string, cause: NodeJS.ErrnoException): EdgeError {
	const message = `Pods need own loopback addresses, but ${host} cannot be used (${cause.code}).`;
	return new EdgeError('EDGE_POD_NETWORK_UNAVAILABLE', message, { cause });
}

function close(server: Server): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	server.close(() => resolve());
	return promise;
}
