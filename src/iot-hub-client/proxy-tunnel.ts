import type { Socket } from 'node:net';
import type { NetworkEndpoint } from '../protocol/host-name.ts';
import { http } from '../runtime/node-http.ts';
import type { HttpProxy } from './http-proxy.ts';

/**
 * Asks a proxy for a tunnel to an endpoint [RFC 9110, 9.3.6].
 *
 * @param connection to the proxy; after an error it is destroyed.
 * @throws Error with the proxy's refusal. It tells nothing that was sent.
 */
export function openTunnel(
	connection: Socket,
	proxy: HttpProxy,
	{ host, port }: NetworkEndpoint,
	signal: AbortSignal,
): Promise<Socket> {
	const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
	const { promise, resolve, reject } = Promise.withResolvers<Socket>();
	const asking = http.request({
		method: 'CONNECT',
		path: target,
		headers: {
			host: target,
			...(proxy.authorization === undefined ? {} : { 'proxy-authorization': proxy.authorization }),
		},
		createConnection: () => connection,
		signal,
	});
	asking.on('error', reject);
	asking.on('connect', ({ statusCode, statusMessage }, socket, head) => {
		if (statusCode !== undefined && statusCode >= 200 && statusCode < 300) {
			if (head.length > 0) socket.unshift(head);
			resolve(socket as Socket);
			return;
		}
		socket.destroy();
		const place = `${proxy.host}:${proxy.port}`;
		reject(new Error(`the proxy ${place} refuses: ${statusCode} ${statusMessage}`.trimEnd()));
	});
	// Whatever a proxy answers to CONNECT, Node.js tells by `connect`.
	asking.end();
	return promise;
}
