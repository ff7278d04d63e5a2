import {
	type MethodRequest,
	type MethodResponse,
	methodLimits,
} from '../protocol/direct-method.ts';
import { type Identity, identityKey } from '../protocol/identity.ts';
import { type Message, messageFromBag } from '../protocol/message.ts';
import { parsePropertyBag } from '../protocol/property-bag.ts';
import type { TwinProperties } from '../protocol/twin.ts';
import { Backoff, type BackoffOptions } from '../runtime/backoff.ts';
import { EdgeError, messageOf } from '../runtime/edge-error.ts';
import type { JsonObject, JsonValue } from '../runtime/json.ts';
import { mintToken } from './access-token.ts';
import { type Feature, type HubAccess, HubConnection } from './hub-connection.ts';
import type { HubNetwork } from './hub-network.ts';
import type { ConnectionState, IotHubClient, IotHubClientOptions } from './iot-hub-client.ts';

/** Times of a client, in milliseconds. The defaults are for production. */
export interface IotHubClientTiming {
	/** Between attempts to connect. */
	readonly backoff: BackoffOptions;
	/** Between attempts after the hub has refused the identity. */
	readonly refusedBackoff: BackoffOptions;
	/** A connection that has lived this long makes the next back-off begin anew. */
	readonly stableAfter: number;
	readonly connectTimeout: number;
	readonly requestTimeout: number;
	/** How long a cloud-to-device message may be in its handler. */
	readonly handlerTimeout: number;
	/** How long a token is good for. */
	readonly tokenLifetime: number;
	/** How long before its end a token is replaced, which takes a new connection. */
	readonly renewalMargin: number;
	/** How long `stop` waits for answers. */
	readonly drainTimeout: number;
	/** Seconds between pings. */
	readonly keepAliveSeconds: number;
}

/** Token times are those of the official SDK. */
export const defaultTiming: IotHubClientTiming = {
	backoff: { initial: 1000, max: 60_000, jitter: 0.8 },
	refusedBackoff: { initial: 5000, max: 300_000, jitter: 0.5 },
	stableAfter: 30_000,
	connectTimeout: 30_000,
	requestTimeout: 30_000,
	handlerTimeout: 30_000,
	tokenLifetime: 3_600_000,
	renewalMargin: 900_000,
	drainTimeout: 5000,
	keepAliveSeconds: 120,
};

/** The part of the time to a renewal that is random. */
const renewalJitter = 0.1;

/** What a client over the SDK needs besides. */
export interface SdkIotHubClientOptions extends IotHubClientOptions {
	readonly network: HubNetwork;
	/** The parent edge hub through which IoT Hub is reached, with `:port` where it is not on 8883. */
	readonly gatewayHostName?: string | undefined;
}

/** `IotHubClient` over the official SDK: keeps one connection after the other. */
export class SdkIotHubClient implements IotHubClient {
	readonly #options: SdkIotHubClientOptions;
	readonly #timing: IotHubClientTiming;
	readonly #stateListeners = new Set<(state: ConnectionState) => void>();
	readonly #desiredListeners = new Set<(patch: JsonObject) => void>();
	readonly #backoff: Backoff;
	readonly #refusedBackoff: Backoff;
	#methodHandler: ((request: MethodRequest) => Promise<MethodResponse>) | undefined;
	#messageHandler: ((message: Message) => Promise<void>) | undefined;
	#state: ConnectionState = { kind: 'disconnected', reason: 'The client has not been started.' };
	#connection: HubConnection | undefined;
	/** Present while one connection replaces another: requests wait for the new one. */
	#handover: PromiseWithResolvers<HubConnection> | undefined;
	/** Made before its predecessor's connection ends. */
	#nextAccess: HubAccess | undefined;
	#abort: AbortController | undefined;
	#running: Promise<void> | undefined;

	constructor(options: SdkIotHubClientOptions, timing: Partial<IotHubClientTiming> = {}) {
		this.#options = options;
		this.#timing = { ...defaultTiming, ...timing };
		this.#backoff = new Backoff(this.#timing.backoff);
		this.#refusedBackoff = new Backoff(this.#timing.refusedBackoff);
	}

	get identity(): Identity {
		return this.#options.identity;
	}

	get state(): ConnectionState {
		return this.#state;
	}

	async start(): Promise<void> {
		if (this.#abort !== undefined) return;
		this.#abort = new AbortController();
		this.#running = this.#run(this.#abort.signal);
	}

	async stop(): Promise<void> {
		if (this.#abort === undefined) return;
		this.#abort.abort();
		await this.#running;
		this.#abort = undefined;
	}

	onState(listener: (state: ConnectionState) => void): Disposable {
		this.#stateListeners.add(listener);
		this.#call(listener, this.#state);
		return { [Symbol.dispose]: () => this.#stateListeners.delete(listener) };
	}

	async getTwin(): Promise<TwinProperties> {
		return (await this.#connected()).getTwin();
	}

	async patchReported(patch: JsonObject): Promise<void> {
		await (await this.#connected()).patchReported(patch);
	}

	async send(message: Message): Promise<void> {
		await (await this.#connected()).send(message);
	}

	onDesired(listener: (patch: JsonObject) => void): Disposable {
		this.#desiredListeners.add(listener);
		if (this.#desiredListeners.size === 1) this.#enable('desired-properties');
		return this.#registration(() => {
			this.#desiredListeners.delete(listener);
			if (this.#desiredListeners.size === 0) this.#disable('desired-properties');
		});
	}

	onMethod(handler: (request: MethodRequest) => Promise<MethodResponse>): Disposable {
		this.#methodHandler = handler;
		this.#enable('methods');
		return this.#registration(() => {
			if (this.#methodHandler !== handler) return;
			this.#methodHandler = undefined;
			this.#disable('methods');
		});
	}

	onMessage(handler: (message: Message) => Promise<void>): Disposable {
		this.#messageHandler = handler;
		this.#enable('cloud-to-device');
		return this.#registration(() => {
			if (this.#messageHandler !== handler) return;
			this.#messageHandler = undefined;
			this.#disable('cloud-to-device');
		});
	}

	#registration(remove: () => void): Disposable {
		let registered = true;
		return {
			[Symbol.dispose]: () => {
				if (registered) remove();
				registered = false;
			},
		};
	}

	/** The connection, or a failure. During a renewal requests wait instead of failing. */
	#connected(): HubConnection | Promise<HubConnection> {
		if (this.#connection !== undefined) return this.#connection;
		if (this.#handover !== undefined) return this.#handover.promise;
		const reason = 'reason' in this.#state ? this.#state.reason : 'The connection is being made.';
		throw new EdgeError('EDGE_HUB_UNREACHABLE', reason);
	}

	async #run(signal: AbortSignal): Promise<void> {
		while (!signal.aborted) {
			const connection = await this.#connect(signal);
			if (connection !== undefined) await this.#serve(connection, signal);
			if (!signal.aborted && this.#handover === undefined) await this.#wait(signal);
		}
		this.#settleHandover(new EdgeError('EDGE_HUB_UNREACHABLE', 'The client has been stopped.'));
		this.#enter({ kind: 'disconnected', reason: 'The client has been stopped.' });
	}

	/** Makes a connection with everything subscribed, or reports why there is none. */
	async #connect(signal: AbortSignal): Promise<HubConnection | undefined> {
		if (this.#handover === undefined) this.#enter({ kind: 'connecting' });
		let connection: HubConnection | undefined;
		try {
			const access = this.#nextAccess ?? (await this.#newAccess());
			this.#nextAccess = undefined;
			connection = this.#newConnection(access);
			const cut = connection;
			const abort = () => cut.abandon('The client has been stopped.');
			signal.addEventListener('abort', abort, { once: true });
			try {
				signal.throwIfAborted();
				await connection.open();
				for (const feature of this.#wanted()) await connection.enable(feature);
			} finally {
				signal.removeEventListener('abort', abort);
			}
			return connection;
		} catch (error) {
			connection?.abandon(messageOf(error));
			if (!signal.aborted) this.#connectFailed(error);
			return undefined;
		}
	}

	#connectFailed(error: unknown): void {
		const refused = error instanceof EdgeError && error.code === 'EDGE_HUB_REFUSED';
		const reason = messageOf(error);
		this.#settleHandover(new EdgeError('EDGE_HUB_UNREACHABLE', reason, { cause: error }));
		this.#enter({ kind: refused ? 'refused' : 'disconnected', reason });
		this.#options.logger.warn('No connection to IoT Hub.', { identity: this.#name, reason });
	}

	/** Stays with a connection until it ends, is replaced by one with a fresh token, or is not wanted. */
	async #serve(connection: HubConnection, signal: AbortSignal): Promise<void> {
		const { clock } = this.#options;
		const began = clock.monotonic();
		this.#connection = connection;
		this.#handover?.resolve(connection);
		this.#handover = undefined;
		this.#refusedBackoff.reset();
		if (this.#state.kind !== 'connected') {
			this.#options.logger.info('Connected to IoT Hub.', { identity: this.#name });
		}
		this.#enter({ kind: 'connected' });
		const ending = new AbortController();
		const renewal = this.#renewToken(AbortSignal.any([signal, ending.signal]));
		const reason = await Promise.race([connection.ended, renewal]);
		ending.abort();
		this.#connection = undefined;
		if (clock.monotonic() - began >= this.#timing.stableAfter) this.#backoff.reset();
		if (reason !== undefined) this.#lost(reason);
		else if (signal.aborted) await connection.close(this.#timing.drainTimeout);
		else await this.#replace(connection);
	}

	/** Resolves when there is a new token, or the signal has aborted. A failure is repeated. */
	async #renewToken(signal: AbortSignal): Promise<undefined> {
		const { clock, logger } = this.#options;
		const { tokenLifetime, renewalMargin, backoff } = this.#timing;
		const retries = new Backoff(backoff);
		// Connections that were made together are not renewed together.
		let delay = (tokenLifetime - renewalMargin) * (1 - renewalJitter * Math.random());
		while (this.#nextAccess === undefined) {
			try {
				await clock.sleep(delay, signal);
				this.#nextAccess = await this.#newAccess();
			} catch (error) {
				if (signal.aborted) return;
				delay = retries.next();
				logger.warn('The token for IoT Hub cannot be renewed yet.', {
					identity: this.#name,
					reason: messageOf(error),
				});
			}
		}
	}

	#lost(reason: string): void {
		this.#enter({ kind: 'disconnected', reason });
		this.#options.logger.warn('The connection to IoT Hub has ended.', {
			identity: this.#name,
			reason,
		});
	}

	/**
	 * Over MQTT a new token takes a new connection (IoT Hub documentation, "Use MQTT directly").
	 * Answers that are still out are awaited on the old one, new requests wait for the next.
	 */
	async #replace(connection: HubConnection): Promise<void> {
		this.#handover = Promise.withResolvers();
		this.#handover.promise.catch(() => {});
		await connection.close(this.#timing.requestTimeout);
	}

	#settleHandover(error: EdgeError): void {
		this.#handover?.reject(error);
		this.#handover = undefined;
	}

	async #wait(signal: AbortSignal): Promise<void> {
		const backoff = this.#state.kind === 'refused' ? this.#refusedBackoff : this.#backoff;
		try {
			await this.#options.clock.sleep(backoff.next(), signal);
		} catch {
			// Stopped.
		}
	}

	async #newAccess(): Promise<HubAccess> {
		const { hostName, identity, credential, onBehalfOf, clock } = this.#options;
		const other = onBehalfOf?.();
		const expiresAt = clock.now() + this.#timing.tokenLifetime;
		const holder =
			other === undefined
				? { identity, credential }
				: { identity: other.actor, credential: other.credential };
		const token = await mintToken({ hostName, ...holder, expiresAt });
		return other === undefined ? { token } : { token, authChain: other.authChain };
	}

	#newConnection(access: HubAccess): HubConnection {
		const { hostName, gatewayHostName, identity, productInfo, clock, network } = this.#options;
		const { connectTimeout, requestTimeout, keepAliveSeconds } = this.#timing;
		const connection: HubConnection = new HubConnection({
			hostName,
			gatewayHostName,
			network,
			identity,
			access,
			...(productInfo === undefined ? {} : { productInfo }),
			session: { connectTimeout, keepAlive: keepAliveSeconds },
			requestTimeout,
			clock,
			handlers: {
				onMethod: ({ name, requestId }, payload) => {
					void this.#answer(name, payload).then((response) =>
						connection.respond(requestId, response),
					);
				},
				onDeviceBound: (bag, body) => this.#deliver(bag, body),
				onDesired: (patch) => {
					for (const listener of [...this.#desiredListeners]) this.#call(listener, patch);
				},
			},
		});
		return connection;
	}

	#wanted(): Feature[] {
		const wanted: Feature[] = [];
		if (this.#desiredListeners.size > 0) wanted.push('desired-properties');
		if (this.#methodHandler !== undefined) wanted.push('methods');
		if (this.#messageHandler !== undefined) wanted.push('cloud-to-device');
		return wanted;
	}

	/** A subscription that fails costs the connection, so that the next one begins with it. */
	#enable(feature: Feature): void {
		const connection = this.#connection;
		connection?.enable(feature).catch((error) => connection.abandon(messageOf(error)));
	}

	#disable(feature: Feature): void {
		const connection = this.#connection;
		connection?.disable(feature).catch((error) => connection.abandon(messageOf(error)));
	}

	async #answer(name: string, body: Buffer): Promise<MethodResponse> {
		const handler = this.#methodHandler;
		if (handler === undefined) return { status: 404, payload: { message: 'No handler.' } };
		let payload: JsonValue;
		try {
			payload = body.length === 0 ? null : JSON.parse(body.toString());
		} catch {
			return { status: 400, payload: { message: 'The payload is not JSON.' } };
		}
		const { responseTimeout, connectTimeout } = methodLimits;
		try {
			return await handler({
				name,
				payload,
				responseTimeoutSeconds: responseTimeout.default,
				connectTimeoutSeconds: connectTimeout.default,
			});
		} catch (error) {
			return { status: 500, payload: { message: messageOf(error) } };
		}
	}

	/** A message that nobody can read is completed: it would come again for ever. */
	async #deliver(bag: string, body: Buffer): Promise<void> {
		let message: Message;
		try {
			message = messageFromBag(parsePropertyBag(bag), body);
		} catch (error) {
			this.#options.logger.warn('A cloud-to-device message was dropped.', {
				identity: this.#name,
				reason: messageOf(error),
			});
			return;
		}
		const { promise: late, reject } = Promise.withResolvers<never>();
		using _limit = this.#options.clock.after(this.#timing.handlerTimeout, () =>
			reject(new Error('The handler of the message has not answered in time.')),
		);
		if (this.#messageHandler === undefined) throw new Error('Nobody listens.');
		await Promise.race([this.#messageHandler(message), late]);
	}

	#enter(state: ConnectionState): void {
		if (state.kind === 'connected' && this.#state.kind === 'connected') return;
		this.#state = state;
		for (const listener of [...this.#stateListeners]) this.#call(listener, state);
	}

	#call<Value>(listener: (value: Value) => void, value: Value): void {
		try {
			listener(value);
		} catch (error) {
			this.#options.logger.error('A listener of the IoT Hub client has failed.', {
				identity: this.#name,
				reason: messageOf(error),
			});
		}
	}

	get #name(): string {
		return identityKey(this.#options.identity);
	}
}
