import type { Agent as HttpAgent, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import { http } from '../runtime/node-http.ts';
import type { ClusterConfig, ClusterCredentials } from './cluster-config.ts';
import { ClusterError, errorOfAnswer } from './cluster-error.ts';

/** One HTTP request to the API server. */
export interface ApiRequest {
	readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Path and query, below the server's base URL. */
	readonly path: string;
	readonly body?: unknown;
	readonly contentType?: string;
	/** Media type of the answer. Default `application/json`. */
	readonly accept?: string;
	/** Milliseconds until the answer must have begun (`open`) or be complete (`json`). */
	readonly timeout?: number;
	readonly signal?: AbortSignal | undefined;
}

/** How a transport behaves. */
export interface TransportOptions {
	readonly clock: Clock;
	/** Milliseconds a request may take. */
	readonly requestTimeout: number;
	readonly userAgent: string;
}

/** How a kept connection ends that the server closed before it saw the request. */
const connectionLost = new Set(['ECONNRESET', 'EPIPE']);

/** HTTPS to one API server: kept connections, credentials, timeouts, errors as `ClusterError`. */
export class ApiTransport {
	readonly #config: ClusterConfig;
	readonly #options: TransportOptions;
	readonly #base: URL;
	#agent: { readonly agent: HttpAgent; readonly identity: string } | undefined;

	constructor(config: ClusterConfig, options: TransportOptions) {
		this.#config = config;
		this.#options = options;
		this.#base = new URL(config.server);
	}

	/** Sends a request and parses the JSON of its answer. @throws ClusterError */
	async json(request: ApiRequest): Promise<unknown> {
		const limit = this.#limit(request);
		try {
			const answer = await this.#exchange(request, limit.signal);
			return parseJson(await textOf(answer), describe(request));
		} catch (error) {
			throw this.#explain(error, request, limit.timedOut());
		} finally {
			limit.end();
		}
	}

	/** Sends a request and returns its answer as a stream of bytes, which the caller reads or destroys. */
	async open(request: ApiRequest): Promise<IncomingMessage> {
		const limit = this.#limit(request);
		try {
			return await this.#exchange(request, limit.signal);
		} catch (error) {
			throw this.#explain(error, request, limit.timedOut());
		} finally {
			limit.end();
		}
	}

	/** Closes idle connections. Requests under way end by their signals. */
	close(): void {
		this.#agent?.agent.destroy();
		this.#agent = undefined;
	}

	/** Sends; once more with new credentials after 401, once more when a kept connection was dead. */
	async #exchange(request: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
		let attempt = await this.#send(request, signal);
		// Safe for every method: should a create have arrived after all, the second answers 409.
		if (attempt.lostKeptConnection) attempt = await this.#send(request, signal);
		if (attempt.answer?.statusCode === 401) {
			attempt.answer.resume();
			this.#config.credentials.renew();
			attempt = await this.#send(request, signal);
		}
		if (attempt.answer === undefined) throw attempt.error;
		const { statusCode = 0, headers } = attempt.answer;
		if (statusCode >= 200 && statusCode < 300) return attempt.answer;
		const body = await textOf(attempt.answer);
		throw errorOfAnswer(statusCode, body, describe(request), headers['retry-after']);
	}

	async #send(request: ApiRequest, signal: AbortSignal): Promise<Attempt> {
		const credentials = await this.#config.credentials.current();
		const body = request.body === undefined ? undefined : JSON.stringify(request.body);
		const url = new URL(this.#base.pathname.replace(/\/$/, '') + request.path, this.#base);
		const send = url.protocol === 'http:' ? http.request : requestHttps;
		const options = {
			method: request.method,
			agent: this.#agentFor(credentials),
			headers: this.#headers(request, credentials, body),
			signal,
		};
		return new Promise((resolve) => {
			const outgoing = send(url, options, (answer) =>
				resolve({ answer, lostKeptConnection: false }),
			);
			outgoing.on('error', (error: NodeJS.ErrnoException) => {
				const lost = connectionLost.has(error.code ?? '') && !signal.aborted;
				const lostKeptConnection = outgoing.reusedSocket && lost;
				resolve({ error, lostKeptConnection });
			});
			outgoing.end(body);
		});
	}

	#headers(
		request: ApiRequest,
		credentials: ClusterCredentials,
		body?: string,
	): OutgoingHttpHeaders {
		const authorization = authorizationOf(credentials);
		return {
			...this.#config.headers,
			accept: request.accept ?? 'application/json',
			'user-agent': this.#options.userAgent,
			...(authorization === undefined ? {} : { authorization }),
			...(body === undefined
				? {}
				: {
						'content-type': request.contentType ?? 'application/json',
						'content-length': String(Buffer.byteLength(body)),
					}),
		};
	}

	/** The agent for a client certificate and an authority: others need other connections. */
	#agentFor(credentials: ClusterCredentials): HttpAgent {
		const { certificateAuthority, skipTlsVerify, tlsServerName } = this.#config;
		const authority = credentials.authority ?? certificateAuthority;
		const identity = `${credentials.certificate ?? ''}\n${authority ?? ''}`;
		if (this.#agent?.identity === identity) return this.#agent.agent;
		this.#agent?.agent.destroy();
		const kept = { keepAlive: true, keepAliveMsecs: 30_000, maxFreeSockets: 4 } as const;
		const agent =
			this.#base.protocol === 'http:'
				? new http.Agent(kept)
				: new HttpsAgent({
						...kept,
						minVersion: 'TLSv1.2',
						rejectUnauthorized: !skipTlsVerify,
						...(authority === undefined ? {} : { ca: authority }),
						...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
						...(credentials.certificate === undefined ? {} : { cert: credentials.certificate }),
						...(credentials.privateKey === undefined ? {} : { key: credentials.privateKey }),
					});
		this.#agent = { agent, identity };
		return agent;
	}

	#limit(request: ApiRequest): TimeLimit {
		const timeout = request.timeout ?? this.#options.requestTimeout;
		return new TimeLimit(this.#options.clock, timeout, request.signal);
	}

	#explain(error: unknown, request: ApiRequest, timedOut: boolean): unknown {
		if (error instanceof ClusterError) return error;
		if (request.signal?.aborted) return request.signal.reason;
		const what = timedOut ? 'no answer in time' : messageOf(error);
		return new ClusterError(
			'EDGE_CLUSTER_UNREACHABLE',
			`The API server at ${this.#base.host} cannot be reached: ${what}.`,
			{ where: describe(request), cause: error },
		);
	}
}

interface Attempt {
	readonly answer?: IncomingMessage;
	readonly error?: Error;
	readonly lostKeptConnection: boolean;
}

/** Joins the caller's signal with a timeout by the injected clock. */
class TimeLimit {
	readonly signal: AbortSignal;
	#timedOut = false;
	readonly #timer: Disposable;

	constructor(clock: Clock, timeout: number, signal: AbortSignal | undefined) {
		const own = new AbortController();
		this.#timer = clock.after(timeout, () => {
			this.#timedOut = true;
			own.abort();
		});
		this.signal = signal === undefined ? own.signal : AbortSignal.any([own.signal, signal]);
	}

	timedOut(): boolean {
		return this.#timedOut;
	}

	end(): void {
		this.#timer[Symbol.dispose]();
	}
}

function authorizationOf({ token, basic }: ClusterCredentials): string | undefined {
	if (token !== undefined) return `Bearer ${token}`;
	if (basic === undefined) return undefined;
	return `Basic ${Buffer.from(`${basic.username}:${basic.password}`).toString('base64')}`;
}

function describe({ method, path }: ApiRequest): string {
	return `${method} ${path.split('?', 1)[0]}`;
}

async function textOf(answer: IncomingMessage): Promise<string> {
	const chunks: Uint8Array[] = [];
	for await (const chunk of answer) chunks.push(chunk);
	return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string, where: string): unknown {
	try {
		return JSON.parse(text);
	} catch (error) {
		throw new ClusterError(
			'EDGE_CLUSTER_ANSWER_INVALID',
			'The answer of the API server is no JSON.',
			{ where, cause: error },
		);
	}
}
