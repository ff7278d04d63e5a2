import { once } from 'node:events';
import { chmod, rm } from 'node:fs/promises';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { http } from '../runtime/node-http.ts';
import { type AgentAnswer, AgentConnection, type ModuleCall } from './agent-connection.ts';
import type { WorkloadProxySettings } from './settings.ts';

/** What the proxy stands on. */
export interface WorkloadProxyOptions extends Omit<WorkloadProxySettings, 'logLevel'> {
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Milliseconds that a call waits for an agent that is away: an agent that starts anew takes less. */
const patience = 60_000;
const maxBodyBytes = 64 * 1024;
/** Connections of the one module that there is. */
const maxConnections = 64;

/**
 * The workload API on a socket that only one module can see. A call is the module's because it
 * comes through the socket; to the agent the proxy shows the token of the pod.
 *
 * SDKs give up a module whose signature fails once, so that a call waits for an agent that is away.
 */
export class WorkloadProxy implements Lifecycle {
	readonly #options: WorkloadProxyOptions;
	readonly #agent: AgentConnection;
	readonly #stop = new AbortController();
	#server: Server | undefined;

	constructor(options: WorkloadProxyOptions) {
		this.#options = options;
		this.#agent = new AgentConnection(options);
	}

	/** Resolves when the module can connect. */
	async start(): Promise<void> {
		const { socket } = this.#options;
		// What a run before this one has left.
		await rm(socket, { force: true });
		const server = http.createServer((request, response) => {
			this.#serve(request, response).catch((error) => response.destroy(error));
		});
		server.maxConnections = maxConnections;
		server.listen(socket);
		await once(server, 'listening');
		// The folder is mounted into the module alone, whatever user that runs as.
		await chmod(socket, 0o666);
		this.#server = server;
	}

	async stop(): Promise<void> {
		this.#stop.abort();
		const server = this.#server;
		if (server === undefined) return;
		this.#server = undefined;
		const closed = once(server, 'close');
		server.close();
		server.closeAllConnections();
		await closed;
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const gone = new AbortController();
		response.once('close', () => gone.abort());
		const signal = AbortSignal.any([gone.signal, this.#stop.signal]);
		const body = await readBody(request);
		if (body === undefined) {
			const message = `The request is larger than ${maxBodyBytes} bytes.`;
			return send(response, failure(400, message));
		}
		const { method = 'GET', url = '/', headers } = request;
		const target = url.startsWith('/') ? url : '/';
		const call = { method, target, contentType: headers['content-type'], body };
		const answer = await this.#askPatiently(call, signal);
		if (!signal.aborted) send(response, answer);
	}

	async #askPatiently(call: ModuleCall, signal: AbortSignal): Promise<AgentAnswer> {
		const { clock, logger } = this.#options;
		const backoff = new Backoff({ initial: 250, max: 5_000 });
		const end = clock.monotonic() + patience;
		for (;;) {
			const answer = await this.#ask(call, signal);
			if (!isPassing(answer.status) || signal.aborted) return answer;
			const wait = Math.max(backoff.next(), (answer.retryAfter ?? 0) * 1000);
			if (clock.monotonic() + wait > end) return answer;
			const path = call.target.split('?', 1)[0];
			const { status } = answer;
			const log = backoff.failures === 1 ? logger.info : logger.warn;
			log('The edge agent is asked again.', { path, status, reason: answer.body.toString() });
			await clock.sleep(wait, signal).catch(() => {});
		}
	}

	async #ask(call: ModuleCall, signal: AbortSignal): Promise<AgentAnswer> {
		try {
			return await this.#agent.send(call, signal);
		} catch (error) {
			return failure(503, `The edge agent cannot be reached: ${messageOf(error)}.`);
		}
	}
}

/** 401: the token has ended and the kubelet will bring the next; 502 to 504: the agent is away. */
function isPassing(status: number): boolean {
	return status === 401 || status === 429 || (status >= 502 && status <= 504);
}

function failure(status: number, message: string): AgentAnswer {
	const body = Buffer.from(JSON.stringify({ message }));
	return { status, contentType: 'application/json', retryAfter: undefined, body };
}

/** @returns undefined for a body that is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
	const chunks: Buffer[] = [];
	let size = 0;
	for await (const chunk of request.iterator({ destroyOnReturn: false })) {
		size += chunk.length;
		if (size > maxBodyBytes) return undefined;
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}

function send(response: ServerResponse, { status, contentType, body }: AgentAnswer): void {
	response.writeHead(status, {
		'content-type': contentType ?? 'application/json',
		'content-length': body.length,
	});
	response.end(body);
}
