import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../../protocol/identity.ts';
import { type HttpAnswer, refusal } from './http-answer.ts';
import type { HttpCall, HttpHeadOptions } from './http-call.ts';
import { callMethod } from './method-route.ts';
import { sendTelemetry } from './telemetry-route.ts';

type Route = (call: HttpCall) => Promise<HttpAnswer>;

/** Requests under way; more would only pile up behind them. */
const maxRequests = 1_000;

/** Last parts of a path, behind those that name a device or module. */
const routes: readonly { readonly path: RegExp; readonly route: Route }[] = [
	{ path: /^\/twins\/([^/]+)(?:\/modules\/([^/]+))?\/methods\/?$/, route: callMethod },
	{
		path: /^\/devices\/([^/]+)(?:\/modules\/([^/]+))?\/messages\/events\/?$/,
		route: sendTelemetry,
	},
];

/**
 * HTTP as modules and devices speak it to their hub: direct methods from module to module, and
 * messages.
 */
export class HttpHead {
	readonly #options: HttpHeadOptions;
	#underway = 0;

	constructor(options: HttpHeadOptions) {
		this.#options = options;
	}

	async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
		this.#underway += 1;
		try {
			const { status, body } = await this.#answer(request);
			const text = body === undefined ? '' : JSON.stringify(body);
			const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
			// What was not read of a request cannot be told from the next one.
			const last = request.complete ? {} : { connection: 'close' };
			response.writeHead(status, { ...type, ...last, 'content-length': Buffer.byteLength(text) });
			response.end(text);
		} finally {
			this.#underway -= 1;
		}
	}

	async #answer(request: IncomingMessage): Promise<HttpAnswer> {
		const [path = ''] = (request.url ?? '').split('?', 1);
		for (const { path: pattern, route } of routes) {
			const match = pattern.exec(path);
			if (match === null) continue;
			if (request.method !== 'POST') return refusal(405, 'Only POST is served here.');
			const target = identityOf(match[1] ?? '', match[2]);
			if (target === undefined) return refusal(400, 'The path is not well-formed.');
			const authenticator = this.#options.authenticator();
			if (authenticator === undefined) return refusal(503, 'The hub is not ready.');
			if (this.#underway > maxRequests) return refusal(429, 'Too many requests are under way.');
			return route({ request, target, authenticator, options: this.#options });
		}
		return refusal(404, 'There is nothing here.');
	}
}

function identityOf(deviceId: string, moduleId: string | undefined): Identity | undefined {
	try {
		const device = { deviceId: decodeURIComponent(deviceId) };
		return moduleId === undefined ? device : { ...device, moduleId: decodeURIComponent(moduleId) };
	} catch {
		return undefined;
	}
}
