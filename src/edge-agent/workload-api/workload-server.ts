import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { CertificateAndKey } from '../../certificates/certificate-authority.ts';
import { ClusterError } from '../../cluster/cluster-error.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { http } from '../../runtime/node-http.ts';
import type { AgentCertificate } from './agent-certificate.ts';
import { type Caller, type CallerDirectory, evidenceOf } from './callers.ts';
import {
	parseWorkloadBody,
	type WorkloadResources,
	type WorkloadRoute,
	workloadRoutes,
} from './workload-routes.ts';

/** What the server needs. */
export interface WorkloadServerOptions {
	/** 0: one that is free. */
	readonly port: number;
	/** Address to listen on; absent: all. */
	readonly host?: string;
	readonly callers: CallerDirectory;
	/** Serves over TLS; absent: plain HTTP, as the SDKs speak it. */
	readonly certificate?: AgentCertificate;
	readonly resources: WorkloadResources;
	/** `/healthz` and `/readyz`, which need no caller: true is 200, false 503. */
	readonly health: { readonly live: () => boolean; readonly ready: () => boolean };
	/**
	 * Aborts when the agent is being uninstalled: nobody is served then, as the right to look up who calls
	 * may be gone.
	 */
	readonly uninstallation?: AbortSignal | undefined;
	readonly logger: Logger;
}

/** Every version that was published. A route answers to those not older than itself. */
const apiVersions = new Set([
	'2018-06-28',
	'2019-01-30',
	'2019-10-22',
	'2019-11-05',
	'2020-07-07',
	'2021-12-07',
	'2022-08-03',
]);

const maxBodyBytes = 64 * 1024;
const maxConcurrent = { perCaller: 10, total: 100 };

const statuses: Partial<Record<EdgeError['code'], number>> = {
	EDGE_CALLER_UNKNOWN: 403,
	EDGE_CALLER_FORBIDDEN: 403,
	EDGE_CALLER_TOKEN: 401,
	EDGE_ISSUER_KEYS_FORBIDDEN: 503,
	EDGE_WORKLOAD_REQUEST_INVALID: 400,
	EDGE_WORKLOAD_NOT_FOUND: 404,
	EDGE_WORKLOAD_BUSY: 503,
};

/**
 * The workload API: over plain HTTP for modules, each known by the address of its pod, and over TLS
 * for sidecars, known by a token.
 */
export class WorkloadServer implements Lifecycle {
	readonly #options: WorkloadServerOptions;
	/** Requests under way by address. */
	readonly #concurrent = new Map<string, number>();
	#total = 0;
	#server: Server | undefined;

	constructor(options: WorkloadServerOptions) {
		this.#options = options;
	}

	async start(): Promise<void> {
		if (this.#server !== undefined) return;
		const { port, host } = this.#options;
		const server = await this.#newServer((request, response) => {
			this.#serve(request, response).catch((error) => response.destroy(error));
		});
		server.headersTimeout = 10_000;
		server.requestTimeout = 30_000;
		// The SDKs keep connections for their next call; closing them early shows as a failed call.
		server.keepAliveTimeout = 65_000;
		server.maxConnections = 500;
		server.listen(host === undefined ? { port } : { port, host });
		await once(server, 'listening');
		this.#server = server;
	}

	async stop(): Promise<void> {
		const server = this.#server;
		if (server === undefined) return;
		this.#server = undefined;
		this.#options.certificate?.stop();
		const closed = once(server, 'close');
		server.close();
		server.closeAllConnections();
		await closed;
	}

	/** The port that was found; 0 before the start. */
	get port(): number {
		const address = this.#server?.address();
		return typeof address === 'object' && address !== null ? address.port : 0;
	}

	async #newServer(
		listener: (request: IncomingMessage, response: ServerResponse) => void,
	): Promise<Server> {
		const { certificate } = this.#options;
		if (certificate === undefined) return http.createServer(listener);
		const secure = createTlsServer({ minVersion: 'TLSv1.2' }, listener);
		const first = await certificate.start((renewed) => secure.setSecureContext(contextOf(renewed)));
		secure.setSecureContext(contextOf(first));
		return secure;
	}

	async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const url = new URL(request.url ?? '/', 'http://workload');
		const { health } = this.#options;
		if (url.pathname === '/healthz') return answerHealth(response, health.live());
		if (url.pathname === '/readyz') return answerHealth(response, health.ready());
		if (this.#options.uninstallation?.aborted) {
			answerJson(response, 503, { message: 'The agent is being uninstalled.' });
			return;
		}
		try {
			const { route, parameters } = findRoute(request.method ?? '', url);
			const evidence = evidenceOf(request);
			const answer = await this.#limited(evidence.address, async () => {
				this.#authorize(route, parameters, await this.#options.callers.identify(evidence));
				const body = parseWorkloadBody(await readBody(request));
				return route.handle({ parameters, body }, this.#options.resources);
			});
			answerJson(response, route.status, answer);
		} catch (error) {
			this.#fail(url.pathname, error, response);
		}
	}

	#authorize(
		route: WorkloadRoute,
		parameters: Readonly<Record<string, string>>,
		{ pod, module }: Caller,
	): void {
		if (route.access === 'pod') return;
		const asked = parameters['name'] ?? '';
		if (module !== undefined && bareName(module) === bareName(asked)) return;
		throw new EdgeError(
			'EDGE_CALLER_FORBIDDEN',
			`The pod ${pod} is ${module ?? 'no module'} and may not act for ${asked}.`,
		);
	}

	/** A caller that asks without end must not keep others from being served. */
	async #limited<Result>(from: string, action: () => Promise<Result>): Promise<Result> {
		const own = this.#concurrent.get(from) ?? 0;
		if (own >= maxConcurrent.perCaller || this.#total >= maxConcurrent.total) {
			throw new EdgeError('EDGE_WORKLOAD_BUSY', 'Too many requests at the same time.');
		}
		this.#concurrent.set(from, own + 1);
		this.#total += 1;
		try {
			return await action();
		} finally {
			this.#total -= 1;
			const left = (this.#concurrent.get(from) ?? 1) - 1;
			if (left === 0) this.#concurrent.delete(from);
			else this.#concurrent.set(from, left);
		}
	}

	#fail(path: string, error: unknown, response: ServerResponse): void {
		const status = statusOf(error);
		this.#options.logger.warn('A request to the workload API has failed.', {
			path,
			status,
			reason: messageOf(error),
		});
		// What went wrong inside is for the log; callers could be anybody in the cluster.
		const message = status === 500 ? 'The request has failed.' : messageOf(error);
		answerJson(response, status, { message });
	}
}

function contextOf({ certificate, privateKey }: CertificateAndKey) {
	return { cert: certificate, key: privateKey, minVersion: 'TLSv1.2' as const };
}

function statusOf(error: unknown): number {
	if (error instanceof ClusterError) return 503;
	return error instanceof EdgeError ? (statuses[error.code] ?? 500) : 500;
}

/** `$edgeHub` and `edgeHub` are the same module. */
function bareName(name: string): string {
	return name.replace(/^\$/, '');
}

function findRoute(
	method: string,
	url: URL,
): { readonly route: WorkloadRoute; readonly parameters: Readonly<Record<string, string>> } {
	const version = url.searchParams.get('api-version');
	if (version === null) throw invalid('api-version not specified');
	if (!apiVersions.has(version)) throw invalid(`invalid api-version ${version}`);
	const segments = segmentsOf(url.pathname);
	for (const route of workloadRoutes) {
		const parameters = route.method === method ? match(route.path, segments) : undefined;
		if (parameters === undefined) continue;
		if (version >= route.since) return { route, parameters };
		throw invalid(`invalid api-version ${version} for ${route.path}`);
	}
	throw new EdgeError('EDGE_WORKLOAD_NOT_FOUND', `There is no ${method} ${url.pathname}.`);
}

function segmentsOf(pathname: string): string[] {
	try {
		return pathname.replace(/\/$/, '').split('/').map(decodeURIComponent);
	} catch {
		throw invalid('The path is not percent-encoded as it should be.');
	}
}

function match(pattern: string, segments: readonly string[]): Record<string, string> | undefined {
	const expected = pattern.split('/');
	if (expected.length !== segments.length) return undefined;
	const parameters: Record<string, string> = {};
	for (const [index, part] of expected.entries()) {
		const given = segments[index] ?? '';
		if (part.startsWith(':') && given !== '') parameters[part.slice(1)] = given;
		else if (part !== given) return undefined;
	}
	return parameters;
}

async function readBody(request: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = [];
	let size = 0;
	// A request that is too large still gets its answer: the socket stays open.
	for await (const chunk of request.iterator({ destroyOnReturn: false })) {
		size += chunk.length;
		if (size > maxBodyBytes) throw invalid(`The request is larger than ${maxBodyBytes} bytes.`);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks).toString();
}

function invalid(message: string): EdgeError {
	return new EdgeError('EDGE_WORKLOAD_REQUEST_INVALID', message);
}

function answerJson(response: ServerResponse, status: number, body: JsonValue): void {
	const text = JSON.stringify(body);
	response.writeHead(status, {
		'content-type': 'application/json',
		'content-length': Buffer.byteLength(text),
		...(status === 503 ? { 'retry-after': '1' } : {}),
	});
	response.end(text);
}

function answerHealth(response: ServerResponse, good: boolean): void {
	response.writeHead(good ? 200 : 503, { 'content-type': 'text/plain' });
	response.end(good ? 'ok\n' : 'not ready\n');
}
