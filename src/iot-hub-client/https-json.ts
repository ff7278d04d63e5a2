import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import type { NetworkEndpoint } from '../protocol/host-name.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import type { JsonValue } from '../runtime/json.ts';
import type { ClientCertificate } from './device-credential.ts';
import { HubAgent } from './hub-agent.ts';
import type { HubNetwork } from './hub-network.ts';

/** Where requests go and how long each may take. */
export interface HttpsJsonOptions {
	readonly endpoint: NetworkEndpoint;
	readonly network: HubNetwork;
	/** How the other side is called in errors. Default: IoT Hub. */
	readonly peer?: string;
	/** Milliseconds from the start of a request to the end of its answer. */
	readonly timeout: number;
	readonly clock: Clock;
}

/** A request with a JSON body, or none. */
export interface JsonRequest {
	readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
	/** Path and query. */
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly body?: JsonValue;
	/** Shown in the TLS handshake. The same object for as long as it is the same certificate. */
	readonly certificate?: ClientCertificate;
	readonly signal?: AbortSignal;
}

/** An answer of any status. */
export interface JsonResponse {
	readonly status: number;
	readonly headers: IncomingHttpHeaders;
	readonly text: string;
}

/** Larger answers are cut off: a page of 100 identities takes some 100 kB. */
const maxResponseBytes = 8 * 1024 * 1024;

/** JSON over HTTPS to one host, with connections kept open. */
export class HttpsJson {
	readonly #options: HttpsJsonOptions;
	#agent: HubAgent | undefined;

	constructor(options: HttpsJsonOptions) {
		this.#options = options;
	}

	/** @throws EdgeError EDGE_HUB_UNREACHABLE without an answer; the signal's reason when it aborts. */
	async send(jsonRequest: JsonRequest): Promise<JsonResponse> {
		const { clock, timeout } = this.#options;
		const late = new AbortController();
		using _limit = clock.after(timeout, () =>
			late.abort(new Error(`no answer within ${timeout} ms`)),
		);
		const { signal } = jsonRequest;
		const either = signal === undefined ? late.signal : AbortSignal.any([late.signal, signal]);
		try {
			return await this.#exchange(jsonRequest, either);
		} catch (error) {
			if (signal?.aborted) throw signal.reason;
			const cause = late.signal.aborted ? late.signal.reason : error;
			const { endpoint, peer = 'IoT Hub' } = this.#options;
			const { host, port } = endpoint;
			const message = `${peer} ${host}:${port} cannot be reached: ${messageOf(cause)}.`;
			throw new EdgeError('EDGE_HUB_UNREACHABLE', message, { cause });
		}
	}

	/** Closes connections that are kept open. */
	close(): void {
		this.#agent?.destroy();
		this.#agent = undefined;
	}

	#exchange(jsonRequest: JsonRequest, signal: AbortSignal): Promise<JsonResponse> {
		const { host, port } = this.#options.endpoint;
		const { method, path, headers } = jsonRequest;
		const body = jsonRequest.body === undefined ? undefined : JSON.stringify(jsonRequest.body);
		const content =
			body === undefined
				? {}
				: {
						'content-type': 'application/json; charset=utf-8',
						'content-length': Buffer.byteLength(body),
					};
		const options = {
			host,
			port,
			method,
			path,
			agent: this.#agentFor(jsonRequest.certificate),
			signal,
		};
		return new Promise((resolve, reject) => {
			const outgoing = request({ ...options, headers: { ...headers, ...content } });
			outgoing.on('error', reject);
			outgoing.on('response', (incoming) => {
				const chunks: Buffer[] = [];
				let size = 0;
				incoming.on('data', (chunk: Buffer) => {
					size += chunk.length;
					if (size > maxResponseBytes) outgoing.destroy(new Error('the answer is too large'));
					else chunks.push(chunk);
				});
				incoming.on('error', reject);
				incoming.on('end', () => {
					const { statusCode: status = 0, headers: received } = incoming;
					resolve({ status, headers: received, text: Buffer.concat(chunks).toString() });
				});
			});
			outgoing.end(body);
		});
	}

	/** A connection belongs to the certificate that it was made with. */
	#agentFor(certificate: ClientCertificate | undefined): HubAgent {
		if (this.#agent?.certificate !== certificate) this.close();
		this.#agent ??= new HubAgent(this.#options.network, this.#options.clock, certificate);
		return this.#agent;
	}
}
