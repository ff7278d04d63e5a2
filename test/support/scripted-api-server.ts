import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';
import { type ClusterConfig, fixedCredentials } from '../../src/cluster/cluster-config.ts';

/** A request that the scripted server received. */
export interface ReceivedRequest {
	readonly method: string;
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingMessage['headers'];
	readonly body: string;
}

type Answer = (request: ReceivedRequest, response: ServerResponse) => void;

const resourceLists: Readonly<Record<string, unknown>> = {
	'/api/v1': {
		resources: [
			{ name: 'pods', kind: 'Pod', namespaced: true },
			{ name: 'pods/log', kind: 'Pod', namespaced: true },
			{ name: 'configmaps', kind: 'ConfigMap', namespaced: true },
			{ name: 'namespaces', kind: 'Namespace', namespaced: false },
		],
	},
	'/apis/apps/v1': { resources: [{ name: 'deployments', kind: 'Deployment', namespaced: true }] },
};

/** An HTTP server that answers discovery itself and everything else as a test says. */
export class ScriptedApiServer {
	readonly requests: ReceivedRequest[] = [];
	answer: Answer = (_request, response) => response.writeHead(500).end();
	readonly #server: Server;

	private constructor(server: Server) {
		this.#server = server;
	}

	static async start(t: ExecutionContext): Promise<ScriptedApiServer> {
		const server = createServer((request, response) => void scripted.#handle(request, response));
		const scripted = new ScriptedApiServer(server);
		await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
		t.teardown(() => {
			server.closeAllConnections();
			server.close();
		});
		return scripted;
	}

	get config(): ClusterConfig {
		const { port } = this.#server.address() as AddressInfo;
		return {
			server: `http://127.0.0.1:${port}`,
			skipTlsVerify: false,
			namespace: 'edge',
			credentials: fixedCredentials({ token: 'secret-token' }),
		};
	}

	async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
		const { pathname: path, searchParams: query } = new URL(request.url ?? '', 'http://server');
		const chunks: Uint8Array[] = [];
		for await (const chunk of request) chunks.push(chunk);
		const body = Buffer.concat(chunks).toString();
		const received = { method: request.method ?? '', path, query, headers: request.headers, body };
		const resources = resourceLists[path];
		if (resources !== undefined) {
			sendJson(response, 200, resources);
			return;
		}
		this.requests.push(received);
		this.answer(received, response);
	}
}

/** Answers with a JSON document. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
	response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
