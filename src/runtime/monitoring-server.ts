import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { messageOf } from './edge-error.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import { http } from './node-http.ts';

/** What is served. */
export interface MonitoringServerOptions {
	/** 0 lets the system choose. */
	readonly port: number;
	readonly host?: string;
	/** The page of metrics in Prometheus's text format; absent where they are switched off. */
	readonly page?: () => Promise<string>;
	/** Why the program should be started anew; undefined while it works. */
	readonly fault?: () => string | undefined;
	/** Whether it does what others need it for. */
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
		const server = http.createServer((request, response) => {
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
		const { page, ready, fault } = this.#options;
		const path = request.url?.split('?')[0];
		if (path === '/healthz') return health(response, fault?.());
		if (path === '/readyz') return health(response, ready() ? undefined : 'not ready');
		if (path === '/metrics' && page !== undefined) {
			return send(response, 200, await page(), 'text/plain; version=0.0.4; charset=utf-8');
		}
		return send(response, 404, 'not found\n');
	}
}

function health(response: ServerResponse, fault: string | undefined): void {
	send(response, fault === undefined ? 200 : 503, `${fault ?? 'ok'}\n`);
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
