import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../../protocol/identity.ts';
import { type HttpAnswer, Refused, refusal } from './http-answer.ts';
import type { HttpCall, HttpHeadOptions } from './http-call.ts';
import { callMethod } from './method-route.ts';
import { manageModules, manageModulesOnBehalf } from './module-registry-route.ts';
import { getScopeIdentity, listScope } from './scope-route.ts';
import { sendTelemetry } from './telemetry-route.ts';

type Route = (call: HttpCall) => Promise<HttpAnswer>;

/** Requests under way; more would only pile up behind them. */
const maxRequests = 1_000;

const device = '/devices/([^/]+)';
const deviceOrModule = `${device}(?:/modules/([^/]+))?`;
const edgeHub = `${device}/modules/([^/]+)`;

/** Paths, with the device and the module that they name → what is served there, by method. */
const routes: readonly {
	readonly path: RegExp;
	readonly methods: Readonly<Record<string, Route>>;
}[] = [
	route('/twins/([^/]+)(?:/modules/([^/]+))?/methods', { POST: callMethod }),
	route(`${deviceOrModule}/messages/events`, { POST: sendTelemetry }),
	route(`${edgeHub}/devicesAndModulesInTargetDeviceScope`, { POST: listScope }),
	route(`${edgeHub}/getDeviceAndModuleOnBehalfOf`, { POST: getScopeIdentity }),
	// Azure IoT Edge serves this one as PUT and asks for it with POST.
	route(`${edgeHub}/putModuleOnBehalfOf`, {
		PUT: manageModulesOnBehalf('putModuleOnBehalfOf'),
		POST: manageModulesOnBehalf('putModuleOnBehalfOf'),
	}),
	route(`${edgeHub}/getModuleOnBehalfOf`, { POST: manageModulesOnBehalf('getModuleOnBehalfOf') }),
	route(`${edgeHub}/getModulesOnTargetDevice`, {
		POST: manageModulesOnBehalf('getModulesOnTargetDevice'),
	}),
	route(`${edgeHub}/deleteModuleOnBehalfOf`, {
		POST: manageModulesOnBehalf('deleteModuleOnBehalfOf'),
	}),
	route(`${device}/modules`, { GET: manageModules }),
	route(`${device}/modules/([^/]+)`, {
		PUT: manageModules,
		GET: manageModules,
		DELETE: manageModules,
	}),
];

function route(path: string, methods: Readonly<Record<string, Route>>) {
	return { path: new RegExp(`^${path}/?$`, 'i'), methods };
}

/**
 * HTTP as modules and devices speak it to their hub: direct methods from module to module, messages,
 * and what edge devices below this one ask of IoT Hub.
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
			const { status, body, headers } = await this.#answer(request);
			const text = body === undefined ? '' : JSON.stringify(body);
			const type = body === undefined ? {} : { 'content-type': 'application/json; charset=utf-8' };
			// What was not read of a request cannot be told from the next one.
			const last = request.complete ? {} : { connection: 'close' };
			const length = { 'content-length': Buffer.byteLength(text) };
			response.writeHead(status, { ...headers, ...type, ...last, ...length });
			response.end(text);
		} finally {
			this.#underway -= 1;
		}
	}

	async #answer(request: IncomingMessage): Promise<HttpAnswer> {
		const [path = ''] = (request.url ?? '').split('?', 1);
		for (const { path: pattern, methods } of routes) {
			const match = pattern.exec(path);
			if (match === null) continue;
			const serve = methods[request.method ?? ''];
			if (serve === undefined) return refusal(405, `Only ${Object.keys(methods)} is served here.`);
			const target = identityOf(match[1] ?? '', match[2]);
			if (target === undefined) return refusal(400, 'The path is not well-formed.');
			const authenticator = this.#options.authenticator();
			if (authenticator === undefined) return refusal(503, 'The hub is not ready.');
			if (this.#underway > maxRequests) return refusal(429, 'Too many requests are under way.');
			return this.#serve(serve, { request, target, authenticator, options: this.#options });
		}
		return refusal(404, 'There is nothing here.');
	}

	async #serve(route: Route, call: HttpCall): Promise<HttpAnswer> {
		try {
			return await route(call);
		} catch (error) {
			if (error instanceof Refused) return error.answer;
			throw error;
		}
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
