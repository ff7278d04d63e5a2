import type { IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import type { ExecutionContext } from 'ava';
import {
	ApiServer,
	type ApiServerSettings,
} from '../../src/local-cluster/api-server/api-server.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';

/** How a request differs from a plain one of the administrator. */
export interface RequestOptions {
	readonly body?: unknown;
	/** Content type of the body. Default JSON. */
	readonly type?: string;
	/** Bearer token; empty: none. */
	readonly token?: string;
	readonly headers?: Record<string, string>;
}

/** An answer, its body read. */
export interface Answer {
	readonly code: number;
	readonly headers: IncomingMessage['headers'];
	readonly text: string;
	// biome-ignore lint/suspicious/noExplicitAny: tests look into bodies of every kind.
	readonly body: any;
}

/** Where an API server is, and who its administrator is. */
export type ServerAddress = Pick<ApiServer, 'url' | 'caCertificate' | 'adminToken'>;

/** Raw requests to an API server, without a client that could hide a fault. */
export class KubernetesRequests<Server extends ServerAddress = ApiServer> {
	readonly server: Server;
	readonly #agent: Agent;

	constructor(server: Server) {
		this.server = server;
		this.#agent = new Agent({ ca: server.caCertificate, keepAlive: true });
	}

	async send(method: string, path: string, options: RequestOptions = {}): Promise<Answer> {
		const response = await this.open(method, path, options);
		const chunks: Buffer[] = [];
		for await (const chunk of response) chunks.push(chunk);
		const text = Buffer.concat(chunks).toString('utf8');
		const isJson = /^application\/(jwk-set\+)?json/.test(response.headers['content-type'] ?? '');
		const body = isJson && text !== '' ? JSON.parse(text) : undefined;
		return { code: response.statusCode ?? 0, headers: response.headers, text, body };
	}

	get(path: string, options?: RequestOptions): Promise<Answer> {
		return this.send('GET', path, options);
	}

	post(path: string, body: unknown, options?: RequestOptions): Promise<Answer> {
		return this.send('POST', path, { ...options, body });
	}

	put(path: string, body: unknown, options?: RequestOptions): Promise<Answer> {
		return this.send('PUT', path, { ...options, body });
	}

	delete(path: string, options?: RequestOptions): Promise<Answer> {
		return this.send('DELETE', path, options);
	}

	/** Server-side apply. */
	apply(path: string, body: unknown, manager = 'agent', query = ''): Promise<Answer> {
		const type = 'application/apply-patch+yaml';
		return this.send('PATCH', `${path}?fieldManager=${manager}${query}`, { body, type });
	}

	/** A patch of one of the other forms: `merge`, `strategic-merge` or `json`. */
	patch(path: string, body: unknown, form = 'merge'): Promise<Answer> {
		const type = form === 'json' ? 'application/json-patch+json' : `application/${form}-patch+json`;
		return this.send('PATCH', path, { body, type });
	}

	/** Opens a stream; the caller reads or destroys it. */
	open(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
		const { body, type = 'application/json', token = this.server.adminToken } = options;
		const headers: Record<string, string> = { ...options.headers };
		if (token !== '') headers['authorization'] = `Bearer ${token}`;
		const isRaw = body instanceof Uint8Array || typeof body === 'string';
		const content = Buffer.from(isRaw ? body : (JSON.stringify(body) ?? ''));
		if (content.length > 0) headers['content-type'] = type;
		headers['content-length'] = String(content.length);
		return new Promise((resolve, reject) => {
			const request = httpsRequest(
				`${this.server.url}${path}`,
				{ method, headers, agent: this.#agent },
				resolve,
			);
			request.on('error', reject);
			request.end(content);
		});
	}

	/** The events of a watch, one by one, until it ends or the caller stops to ask. */
	// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every kind.
	async *watch(path: string, options?: RequestOptions): AsyncGenerator<any> {
		const response = await this.open('GET', path, options);
		let rest = '';
		try {
			for await (const chunk of response) {
				const lines = (rest + chunk.toString('utf8')).split('\n');
				rest = lines.pop() ?? '';
				for (const line of lines) yield JSON.parse(line);
			}
		} finally {
			response.destroy();
		}
	}

	close(): void {
		this.#agent.destroy();
	}
}

/** An API server for one test, and requests to it. */
export async function startApiServer(
	t: ExecutionContext,
	settings: Partial<ApiServerSettings> = {},
): Promise<KubernetesRequests> {
	const server = new ApiServer({
		clusterIpBlock: '127.83.7',
		clock: systemClock,
		logger: silentLogger,
		...settings,
	});
	await server.start();
	const requests = new KubernetesRequests(server);
	t.teardown(async () => {
		requests.close();
		await server.stop();
	});
	return requests;
}

/** A Deployment that is valid. */
export function deploymentOf(name: string, spec: object = {}): object {
	return {
		apiVersion: 'apps/v1',
		kind: 'Deployment',
		metadata: { name },
		spec: {
			selector: { matchLabels: { app: name } },
			template: {
				metadata: { labels: { app: name } },
				spec: { containers: [{ name, image: `${name}:1` }] },
			},
			...spec,
		},
	};
}

/** A pod that is valid. */
export function podOf(name: string, spec: object = {}): object {
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name },
		spec: { containers: [{ name: 'main', image: 'image:1' }], ...spec },
	};
}

/** A ConfigMap. */
export function configMapOf(name: string, data: object = {}, metadata: object = {}): object {
	return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}
