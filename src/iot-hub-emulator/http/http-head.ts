import { randomUUID } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { type FastifyError, type FastifyInstance, type FastifyReply, fastify } from 'fastify';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { WebSocketUpgrade } from '../../web-socket/web-socket-upgrade.ts';
import type { Faults } from '../faults.ts';
import { blobContainers } from '../files/blobs.ts';
import type { Hub } from '../hub.ts';
import { asIotHubError, IotHubError } from '../iot-hub-error.ts';
import { addBlobRoutes } from './blob-routes.ts';
import { addCertificateRoutes } from './certificate-routes.ts';
import { addConfigurationRoutes } from './configuration-routes.ts';
import { addDeviceMessageRoutes } from './device-message-routes.ts';
import { addDeviceRoutes } from './device-routes.ts';
import { addDeviceScopeRoutes } from './device-scope-routes.ts';
import { addDigitalTwinRoutes } from './digital-twin-routes.ts';
import { addEmulatorRoutes, emulatorPath } from './emulator-routes.ts';
import { addEnrollmentRoutes } from './enrollment-routes.ts';
import { addFileUploadRoutes } from './file-upload-routes.ts';
import { addJobRoutes } from './job-routes.ts';
import { addMethodRoutes } from './method-routes.ts';
import { addModuleOnBehalfRoutes } from './module-on-behalf-routes.ts';
import { addModuleRoutes } from './module-routes.ts';
import { addProvisioningRoutes } from './provisioning-routes.ts';
import { addQueryRoutes } from './query-routes.ts';
import { addRegistryJobRoutes } from './registry-job-routes.ts';
import { RequestAuthorization } from './request-authorization.ts';
import { addRoutingRoutes } from './routing-routes.ts';
import { addTelemetryRoutes } from './telemetry-routes.ts';
import { throttledOperation } from './throttled-operation.ts';
import { addTwinRoutes } from './twin-routes.ts';

/** The SDKs keep connections open between calls and do not expect the hub to close them. */
const keepAliveTimeout = 180_000;

/** What a throttled client is told to wait. */
const retryAfterSeconds = 10;

const maxBodyBytes = 4 * 1024 * 1024;

/** IoT Hub's REST interface, for services and for devices. */
export class HttpHead {
	readonly #hub: Hub;
	readonly #faults: Faults;
	readonly #webSockets: WebSocketUpgrade;
	#server: Server | undefined;
	#app: FastifyInstance | undefined;

	constructor(hub: Hub, faults: Faults, webSockets: WebSocketUpgrade) {
		this.#hub = hub;
		this.#faults = faults;
		this.#webSockets = webSockets;
	}

	async start(): Promise<void> {
		const app = fastify({
			serverFactory: (handler) => {
				this.#server = createServer({ keepAliveTimeout }, handler);
				this.#server.on('upgrade', (...upgrade) => this.#webSockets.accept(...upgrade));
				return this.#server;
			},
			bodyLimit: maxBodyBytes,
			forceCloseConnections: true,
			routerOptions: { ignoreTrailingSlash: true, caseSensitive: false, maxParamLength: 512 },
		});
		this.#app = app;
		readBodiesAsJson(app);
		app.addHook('onRequest', async (request, reply) => {
			reply.header('x-ms-request-id', randomUUID());
			if (isEmulators(request.url)) return;
			await this.#faults.request();
			requireApiVersion(request.url);
			const operation = throttledOperation(request.method, request.routeOptions.url ?? '');
			if (operation !== undefined) this.#hub.throttles.take(operation);
		});
		app.setErrorHandler((error, _request, reply) => this.#refuse(error, reply));
		app.setNotFoundHandler((request, reply) =>
			this.#refuse(new IotHubError('RouteNotFound', `No route ${request.method} is here.`), reply),
		);
		const authorization = new RequestAuthorization(this.#hub);
		const context = { app, hub: this.#hub, authorization };
		addDeviceRoutes(context);
		addModuleRoutes(context);
		addModuleOnBehalfRoutes(context);
		addDeviceScopeRoutes(context);
		addTwinRoutes(context);
		addMethodRoutes(context);
		addConfigurationRoutes(context);
		addFileUploadRoutes(context);
		addCertificateRoutes(context);
		addEnrollmentRoutes(context);
		addDigitalTwinRoutes(context);
		addRegistryJobRoutes(context);
		addQueryRoutes(context);
		addJobRoutes(context);
		addTelemetryRoutes(context);
		addRoutingRoutes(context);
		await app.register(async (own) => {
			addEmulatorRoutes({ ...context, app: own }, this.#faults);
		});
		await app.register(async (provisioning) => {
			addProvisioningRoutes({ app: provisioning, hub: this.#hub });
		});
		await app.register(async (rawBodies) => {
			readBodiesAsBuffers(rawBodies);
			addDeviceMessageRoutes({ ...context, app: rawBodies });
			addBlobRoutes({ ...context, app: rawBodies });
		});
		await app.ready();
	}

	/** Serves HTTP on a connection. */
	accept(stream: Duplex): void {
		this.#server?.emit('connection', stream);
	}

	async stop(): Promise<void> {
		await this.#app?.close();
	}

	#refuse(error: unknown, reply: FastifyReply): FastifyReply {
		const refusal = refusalOf(error);
		if (refusal.code === 'ServerError' && refusal !== error) {
			this.#hub.logger.error('a request failed', { reason: reasonOf(error) });
		}
		if (refusal.code === 'ThrottlingException') reply.header('retry-after', retryAfterSeconds);
		return reply
			.code(refusal.status)
			.header('iothub-errorcode', refusal.code)
			.send(refusal.httpBody(new Date(this.#hub.clock.now())));
	}
}

function reasonOf(error: unknown): string {
	return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** What the framework refuses has a status but no code of IoT Hub's. */
function refusalOf(error: unknown): IotHubError {
	if (error instanceof EdgeError && error.code === 'EDGE_METHOD_INVALID') {
		return new IotHubError('ArgumentInvalid', error.message);
	}
	const status = (error as Partial<FastifyError>).statusCode;
	if (error instanceof IotHubError || status === undefined || status >= 500) {
		return asIotHubError(error);
	}
	const code = status === 413 ? 'MessageTooLarge' : 'ArgumentInvalid';
	return new IotHubError(code, (error as Error).message);
}

/** Clients send JSON under various content types; no body at all is none. */
function readBodiesAsJson(app: FastifyInstance): void {
	app.removeAllContentTypeParsers();
	app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: unknown, body: Buffer) => {
		if (body.length === 0) return undefined;
		try {
			return JSON.parse(body.toString()) as unknown;
		} catch {
			throw new IotHubError('ArgumentInvalid', 'The body is not JSON.');
		}
	});
}

function readBodiesAsBuffers(app: FastifyInstance): void {
	app.removeAllContentTypeParsers();
	app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_: unknown, body: Buffer) => body);
}

function isEmulators(url: string): boolean {
	return url.toLowerCase().startsWith(`${emulatorPath}/`);
}

/** Paths of Azure Storage and of this emulator's own have no api-version. */
const unversioned = [
	'/messages/events',
	...Object.values(blobContainers).map((name) => `/${name}/`),
];

/** Every documented call names an api-version; the version is not looked at. */
function requireApiVersion(url: string): void {
	const question = url.indexOf('?');
	const path = question < 0 ? url : url.slice(0, question);
	const query = new URLSearchParams(question < 0 ? '' : url.slice(question + 1));
	const free = unversioned.some((start) => path.toLowerCase().startsWith(start));
	if (free || query.get('api-version')) return;
	throw new IotHubError('InvalidProtocolVersion', 'The request has no api-version.');
}
