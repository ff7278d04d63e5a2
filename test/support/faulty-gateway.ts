import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import type { ExecutionContext } from 'ava';
import type { ClusterConfig } from '../../src/cluster/cluster-config.ts';

/** A request on its way to the API server. */
export interface PassingRequest {
	readonly method: string;
	/** Without the query. */
	readonly path: string;
	readonly isWatch: boolean;
}

/**
 * What becomes of a request instead of reaching the server: an answer, or a connection that is reset
 * before anything came or in the midst of the server's answer.
 */
export type Trouble =
	| { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
	| 'reset'
	| 'cut short';

/** A proxy between an agent and an API server, that does to requests what a test says. */
export interface FaultyGateway {
	/** The way through it, otherwise like the one given. */
	readonly config: ClusterConfig;
	/** What a request meets; undefined: the server. May take its time. */
	trouble: (request: PassingRequest) => Trouble | undefined | Promise<Trouble | undefined>;
	/** Ends all watches that are open, as a proxy does that is restarted. */
	cutWatches(): void;
}

/** @param config of a server with TLS, and the credentials of whoever uses the gateway. */
export async function faultyGateway(
	t: ExecutionContext,
	config: ClusterConfig,
): Promise<FaultyGateway> {
	const target = new URL(config.server);
	const watches = new Set<ServerResponse>();
	const server = createServer((request, response) => void pass(request, response));
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address() as AddressInfo;
	const { certificateAuthority: _, tlsServerName: __, ...rest } = config;
	const gateway: FaultyGateway = {
		config: { ...rest, server: `http://127.0.0.1:${port}` },
		trouble: () => undefined,
		cutWatches: () => {
			for (const response of watches) response.destroy();
		},
	};
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});

	async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { method = 'GET', url = '/', headers } = request;
		const { pathname: path, searchParams } = new URL(url, target);
		const isWatch = searchParams.get('watch') === 'true';
		const trouble = await gateway.trouble({ method, path, isWatch });
		if (trouble === 'reset' || response.destroyed) {
			response.destroy();
			return;
		}
		if (typeof trouble === 'object') {
			request.resume();
			response.writeHead(trouble.status, trouble.headers).end(trouble.body ?? '');
			return;
		}
		if (isWatch) watches.add(response);
		response.on('close', () => watches.delete(response));
		const { host, hostname, port: to } = target;
		const ca = config.certificateAuthority;
		const options = { hostname, port: to, path: url, method, ...(ca === undefined ? {} : { ca }) };
		const onward = requestHttps({ ...options, headers: { ...headers, host } }, (answer) => {
			if (response.destroyed) {
				answer.destroy();
				return;
			}
			response.writeHead(answer.statusCode ?? 502, answer.headers);
			if (trouble === 'cut short') {
				answer.once('data', (chunk: Buffer) => {
					response.write(chunk.subarray(0, chunk.length / 2), () => response.destroy());
				});
			} else pipeline(answer, response, () => {});
		});
		onward.on('error', () => response.destroy());
		response.on('close', () => onward.destroy());
		request.pipe(onward);
	}

	return gateway;
}
