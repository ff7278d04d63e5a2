import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';

export interface MonitoringServerOptions {
	/** 0 lets the system choose. */
	readonly port: number;
	readonly host?: string;
	/** The metrics page; absent where metrics are switched off. */
	readonly page?: () => Promise<string>;
	/**
	 * Whether connections are taken. A hub that cannot serve clients yet tells them so itself, which
	 * the SDKs understand; a Service without a ready pod refuses them, and they give up.
	 */
	readonly ready: () => boolean;
	readonly logger: Logger;
}

/** `/metrics` for Prometheus, `/healthz` and `/readyz` for Kubernetes, over plain HTTP. */
export class MonitoringServer implements Lifecycle {
	readonly #options: MonitoringServerOptions;
	#server: Server | undefined;

	constructor(options: MonitoringServerOptions) {
		this.#options = options;
	}

	/** The port that it listens on; 0 before `start`. */
	get port(): number {
		return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? 0;
	}

	async start(): Promise<void> {
		const { port, host, logger } = this.#options;
		const server = createServer((request, response) => {
			this.#answer(request, response).catch((error: unknown) => {
				logger.error('a monitoring request failed', { reason: messageOf(error) });
				response.writeHead(500).end();
			});
		});
		this.#server = server;
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
		});
	}

	async stop(): Promise<void> {
		const server = this.#server;
		if (server === undefined) return;
		this.#server = undefined;
		await new Promise<void>((resolve) => {
			server.close(() => resolve());
			server.closeAllConnections();
		});
	}

	async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { page, ready } = this.#options;
		const path = request.url?.split('?')[0];
		if (path === '/healthz') return send(response, 200, 'ok\n');
		if (path === '/readyz')
			return ready() ? send(response, 200, 'ok\n') : send(response, 503, 'not ready\n');
		if (path === '/metrics' && page !== undefined) {
			return send(response, 200, await page(), 'text/plain; version=0.0.4; charset=utf-8');
		}
		return send(response, 404, 'not found\n');
	}
}

function send(
	response: ServerResponse,
	status: number,
	body: string,
	type = 'text/plain; charset=utf-8',
): void {
	response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
	response.end(body);
}
