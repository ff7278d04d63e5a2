import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { Mqtt } from 'azure-iot-device-mqtt';
import type { MethodResponse } from '../protocol/direct-method.ts';
import type { Identity } from '../protocol/identity.ts';
import { bagOfMessage, type Message } from '../protocol/message.ts';
import type { TwinProperties } from '../protocol/twin.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import { GuardedMqtt, type HubMessageHandlers, type MqttSessionOptions } from './guarded-mqtt.ts';
import type { HubNetwork } from './hub-network.ts';
import { loadSdkModules, type SdkCallback, type SdkModules } from './sdk-modules.ts';

/** Kinds of messages that a connection may subscribe to. */
export type Feature = 'methods' | 'desired-properties' | 'cloud-to-device';

/** What lets a connection in. */
export interface HubAccess {
	/** Valid for the whole life of the connection. */
	readonly token: string;
	/** Where the token is that of an edge hub which speaks for the identity. */
	readonly authChain?: string;
}

/** What one connection needs. */
export interface HubConnectionOptions {
	readonly hostName: string;
	readonly gatewayHostName?: string | undefined;
	readonly network: HubNetwork;
	readonly identity: Identity;
	readonly access: HubAccess;
	readonly productInfo?: string;
	readonly session: Omit<MqttSessionOptions, 'authChain'>;
	/** Milliseconds that a twin request or a message waits for its answer. */
	readonly requestTimeout: number;
	readonly clock: Clock;
	readonly handlers: HubMessageHandlers & { onDesired(patch: JsonObject): void };
}

/** CONNACK codes that no retry with the same credential will change (MQTT 3.1.1, table 3.1). */
const refusals = new Set<unknown>([2, 4, 5]);

/**
 * One MQTT connection of one identity, from CONNECT to its end. It is never mended: the SDK forgets
 * twin subscriptions when it reconnects, so that a new connection gets new SDK objects.
 *
 * It drives the SDK's transport, the layer below the SDK's clients: those add retries of their own
 * that last four minutes, cannot be cancelled and hide the state of the connection.
 */
export class HubConnection {
	/** Resolves with the reason when the connection has ended, whoever ended it. */
	readonly ended: Promise<string>;
	readonly #options: HubConnectionOptions;
	readonly #sdk: SdkModules;
	readonly #driver: GuardedMqtt;
	readonly #transport: Mqtt;
	/** Requests without an answer, by the function that fails them. */
	readonly #pending = new Set<(error: Error) => void>();
	/** Ends the making of the connection. */
	readonly #abort = new AbortController();
	#end: (reason: string) => void;
	#idle: (() => void) | undefined;
	#closed = false;

	constructor(options: HubConnectionOptions) {
		const { hostName, identity, access, productInfo } = options;
		this.#options = options;
		const { promise, resolve } = Promise.withResolvers<string>();
		this.ended = promise;
		this.#end = resolve;
		this.#sdk = loadSdkModules();
		const session = { ...options.session, authChain: access.authChain };
		this.#driver = new GuardedMqtt(this.#sdk, session, options.handlers);
		const provider = new OneToken({
			host: hostName,
			...identity,
			sharedAccessSignature: access.token,
		});
		this.#transport = new this.#sdk.Mqtt(provider, this.#driver);
		if (productInfo !== undefined) this.#transport.setOptions({ productInfo });
		this.#transport.on('disconnect', (error?: Error) => {
			this.#finish(error?.message ?? 'The connection was closed.');
		});
		this.#transport.on('error', (error: Error) => this.#finish(messageOf(error)));
		this.#transport.on('twinDesiredPropertiesUpdate', options.handlers.onDesired);
	}

	/**
	 * Connects.
	 *
	 * @throws EdgeError EDGE_HUB_REFUSED when the hub does not accept the identity or its token,
	 * EDGE_HUB_UNREACHABLE for every other reason.
	 */
	async open(): Promise<void> {
		try {
			this.#driver.use(await this.#dial());
			await new Promise<void>((resolve, reject) => {
				this.#transport.connect((error) => (error ? reject(error) : resolve()));
			});
		} catch (error) {
			const cause = this.#driver.connectError ?? error;
			this.#finish(messageOf(cause));
			this.#driver.destroy();
			throw connectFailure(cause, this.#options);
		}
		if (!this.#closed) return;
		this.#driver.destroy();
		throw unreachable('The connection was given up while it was being made.');
	}

	/** Subscribes. @throws EdgeError EDGE_HUB_UNREACHABLE, EDGE_HUB_REQUEST_FAILED when refused. */
	async enable(feature: Feature): Promise<void> {
		const transport = this.#transport;
		await this.#request((done) => {
			switch (feature) {
				case 'methods':
					return transport.enableMethods(done);
				case 'desired-properties':
					return transport.enableTwinDesiredPropertiesUpdates(done);
				case 'cloud-to-device':
					return transport.enableC2D(done);
			}
		});
	}

	/** Unsubscribes. */
	async disable(feature: Feature): Promise<void> {
		const transport = this.#transport;
		await this.#request((done) => {
			switch (feature) {
				case 'methods':
					return transport.disableMethods(done);
				case 'desired-properties':
					return transport.disableTwinDesiredPropertiesUpdates(done);
				case 'cloud-to-device':
					return transport.disableC2D(done);
			}
		});
	}

	async getTwin(): Promise<TwinProperties> {
		const twin = await this.#request<unknown>((done) => this.#transport.getTwin(done));
		if (isJsonObject(twin) && isJsonObject(twin['desired']) && isJsonObject(twin['reported'])) {
			return { desired: twin['desired'], reported: twin['reported'] };
		}
		throw new EdgeError('EDGE_HUB_REQUEST_FAILED', 'IoT Hub answered without a twin.');
	}

	async patchReported(patch: JsonObject): Promise<void> {
		await this.#request((done) => this.#transport.updateTwinReportedProperties(patch, done));
	}

	/** Resolves with the hub's PUBACK. */
	async send(message: Message): Promise<void> {
		const event = new this.#sdk.Message(asBuffer(message.body));
		for (const [name, value] of upstreamBag(message)) event.properties.add(name, value ?? '');
		// The SDK turns every message into JSON for a debug log, whether or not the log is on.
		Object.defineProperty(event, 'toJSON', { value: () => undefined });
		await this.#request((done) => this.#transport.sendEvent(event, done));
	}

	/** Answers a method call. An answer that cannot be sent is lost, as the call has then timed out. */
	respond(requestId: string, response: MethodResponse): void {
		if (this.#closed) return;
		const topic = `$iothub/methods/res/${response.status}/?$rid=${requestId}`;
		this.#driver.publish(topic, JSON.stringify(response.payload), { qos: 0 }, () => {});
	}

	/**
	 * Ends the connection: waits for answers that are still out, then disconnects.
	 *
	 * @param grace milliseconds that answers and the disconnection may take together.
	 */
	async close(grace: number): Promise<void> {
		if (this.#closed) return;
		const { promise: late, resolve } = Promise.withResolvers<void>();
		using _limit = this.#options.clock.after(grace, resolve);
		if (this.#pending.size > 0) {
			const idle = new Promise<void>((done) => {
				this.#idle = done;
			});
			await Promise.race([idle, late, this.ended]);
		}
		const gone = new Promise<void>((done) => this.#transport.disconnect(() => done()));
		await Promise.race([gone, late, this.ended]);
		this.#finish('The connection was closed by this side.');
		this.#driver.destroy();
	}

	/** Cuts the connection at once. */
	abandon(reason: string): void {
		this.#finish(reason);
		this.#driver.destroy();
	}

	async #dial(): Promise<Duplex> {
		const { hostName, gatewayHostName = hostName, network, session, clock } = this.#options;
		const { signal } = this.#abort;
		using _limit = clock.after(session.connectTimeout, () =>
			this.#abort.abort(new Error(`no connection within ${session.connectTimeout} ms`)),
		);
		return await network.connectMqtt(gatewayHostName, { signal });
	}

	/** Settles when the SDK answers, the time is over or the connection ends, whichever is first. */
	#request<Result = void>(start: (done: SdkCallback<Result>) => void): Promise<Result> {
		return new Promise((resolve, reject) => {
			if (this.#closed) {
				reject(unreachable('The connection has ended.'));
				return;
			}
			const { clock, requestTimeout } = this.#options;
			const settle = () => {
				timer[Symbol.dispose]();
				this.#pending.delete(fail);
				if (this.#pending.size === 0) this.#idle?.();
			};
			const fail = (error: Error) => {
				settle();
				reject(error);
			};
			const timer = clock.after(requestTimeout, () =>
				fail(unreachable(`IoT Hub has not answered within ${requestTimeout} ms.`)),
			);
			this.#pending.add(fail);
			try {
				start((error, result) => {
					if (error) return fail(requestFailure(error));
					settle();
					resolve(result as Result);
				});
			} catch (error) {
				fail(requestFailure(error as Error));
			}
		});
	}

	#finish(reason: string): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#abort.abort(new Error(reason));
		for (const fail of [...this.#pending]) fail(unreachable(reason));
		this.#end(reason);
	}
}

/** The SDK asks a provider for the credential; this one has a single token and no timers. */
class OneToken extends EventEmitter {
	/** `AuthenticationType.Token` */
	readonly type = 1;
	readonly #credentials: object;

	constructor(credentials: object) {
		super();
		this.#credentials = credentials;
	}

	getDeviceCredentials(): Promise<never>;
	getDeviceCredentials(done: (error?: Error, credentials?: never) => void): void;
	getDeviceCredentials(
		done?: (error?: Error, credentials?: never) => void,
	): Promise<never> | undefined {
		if (done === undefined) return Promise.resolve(this.#credentials as never);
		done(undefined, this.#credentials as never);
		return undefined;
	}

	stop(): void {}
}

/** Names that the hub derives from the connection, not from a message. */
const assignedByHub = ['$.cdid', '$.cmid'];

function upstreamBag(message: Message): Map<string, string | null> {
	const bag = bagOfMessage(message);
	for (const name of assignedByHub) bag.delete(name);
	const { systemProperties } = message;
	const output = systemProperties.get('outputName');
	if (output !== undefined) bag.set('$.on', output);
	const interfaceId = systemProperties.get('iothub-interface-id');
	if (interfaceId !== undefined) bag.set('$.ifid', interfaceId);
	return bag;
}

function asBuffer(bytes: Uint8Array): Buffer {
	return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function connectFailure(cause: unknown, { hostName }: HubConnectionOptions): EdgeError {
	const reason = messageOf(cause);
	if (refusals.has((cause as { code?: unknown }).code)) {
		return new EdgeError('EDGE_HUB_REFUSED', `IoT Hub ${hostName} has refused: ${reason}.`, {
			cause,
		});
	}
	return new EdgeError(
		'EDGE_HUB_UNREACHABLE',
		`IoT Hub ${hostName} cannot be reached: ${reason}.`,
		{ cause },
	);
}

/** Names of SDK errors that mean the hub was not there, rather than that it said no. */
const absences = new Set(['NotConnectedError', 'TimeoutError', 'ServiceUnavailableError']);

function requestFailure(cause: Error): EdgeError {
	const code = absences.has(cause.name) ? 'EDGE_HUB_UNREACHABLE' : 'EDGE_HUB_REQUEST_FAILED';
	return new EdgeError(code, cause.message || cause.name, { cause });
}

function unreachable(reason: string): EdgeError {
	return new EdgeError('EDGE_HUB_UNREACHABLE', reason);
}
