import type { TLSSocket } from 'node:tls';
import { defaultAmqpServerLimits } from '../amqp/amqp-server.ts';
import { StreamAmqpServer } from '../amqp/stream-amqp-server.ts';
import type { IotHubClient, IotHubClientOptions } from '../iot-hub-client/iot-hub-client.ts';
import type { CountedNetwork } from '../iot-hub-client/traffic-counter.ts';
import { defaultMqttServerLimits } from '../mqtt/mqtt-server.ts';
import { StreamMqttServer } from '../mqtt/stream-mqtt-server.ts';
import { peerOf, TlsListener } from '../mqtt/tls-listener.ts';
import { identityKey } from '../protocol/identity.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { MonitoringServer } from '../runtime/monitoring-server.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import type { MessageLog } from '../storage/message-log.ts';
import { type WebSocketHead, WebSocketUpgrade } from '../web-socket/web-socket-upgrade.ts';
import { AmqpHead } from './amqp-head/amqp-head.ts';
import type { ScopeSource } from './authorization/device-scope.ts';
import { storageKey } from './authorization/sealed-store.ts';
import { TrustBundle } from './authorization/trust-bundle.ts';
import { HttpHead } from './http-head/http-head.ts';
import { HttpsServer } from './http-head/https-server.ts';
import { HubCore } from './hub-core.ts';
import { MqttHead } from './mqtt-head/mqtt-head.ts';
import { StoredSessions } from './mqtt-head/stored-sessions.ts';
import { RenewedServerCertificate } from './renewed-server-certificate.ts';
import type { EdgeHubSettings } from './settings.ts';
import type { WorkloadApi, WorkloadCertificate } from './workload-client.ts';

/** Everything outside the hub. A test gives its own, so that a whole hub runs within it. */
export interface EdgeHubDependencies {
	readonly clock: Clock;
	readonly logger: Logger;
	readonly workload: WorkloadApi;
	/** IoT Hub's identity registry, as `$edgeHub` may read it. */
	readonly scopeSource: ScopeSource;
	readonly createIotHubClient: (options: IotHubClientOptions) => IotHubClient;
	/** Whose bytes the metrics count. Default: none. */
	readonly network?: CountedNetwork;
	/** Opens the hub's storage; called once. The hub closes both. */
	readonly openStorage: () => { readonly values: KeyValueStore; readonly messages: MessageLog };
	/** Version of the program, for the reported properties. */
	readonly version: string;
}

/** Connections that may be open without being a client: in the TLS handshake, or before CONNECT. */
const strangers = 256;
const handshakeTimeout = 20_000;

/**
 * The edge hub: routes messages between modules, leaf devices and IoT Hub, and stands in for IoT
 * Hub while it cannot be reached.
 */
export class EdgeHub implements Lifecycle {
	readonly #settings: EdgeHubSettings;
	readonly #dependencies: EdgeHubDependencies;
	readonly #stopping = new AbortController();
	readonly #becameReady = Promise.withResolvers<void>();
	readonly #open: (() => Promise<void> | void)[] = [];
	#monitoring: MonitoringServer | undefined;
	#listener: TlsListener | undefined;
	#https: HttpsServer | undefined;
	#amqp: StreamAmqpServer | undefined;
	#amqpListener: TlsListener | undefined;
	#core: HubCore | undefined;
	#mqtt: StreamMqttServer | undefined;
	#ready = false;

	constructor(settings: EdgeHubSettings, dependencies: EdgeHubDependencies) {
		this.#settings = settings;
		this.#dependencies = dependencies;
	}

	/** The port of MQTT over TLS; 0 before it listens. */
	get mqttPort(): number {
		return this.#listener?.port ?? 0;
	}

	/** The port of AMQP over TLS; 0 where it is not served. */
	get amqpPort(): number {
		return this.#amqpListener?.port ?? 0;
	}

	/** The port of HTTPS; 0 where it is not served. */
	get httpsPort(): number {
		return this.#https?.port ?? 0;
	}

	/** The port of `/metrics`, `/healthz` and `/readyz`; 0 before it listens. */
	get monitoringPort(): number {
		return this.#monitoring?.port ?? 0;
	}

	/** Whether it accepts clients: it has a configuration, from IoT Hub or from an earlier run. */
	get ready(): boolean {
		return this.#ready;
	}

	/** Resolves when it accepts clients for the first time. */
	whenReady(): Promise<void> {
		return this.#becameReady.promise;
	}

	/**
	 * Resolves when it listens, which takes the workload API. Clients that come before there is a
	 * configuration are asked to come again (CONNACK 3): the SDKs give up on everything else.
	 *
	 * @throws EdgeError EDGE_STORAGE_… when the storage cannot be opened
	 */
	async start(): Promise<void> {
		try {
			await this.#startMonitoring();
			await this.#startCore();
			await this.#startListener();
		} catch (error) {
			await this.stop();
			throw error;
		}
	}

	/** Ends all connections, then everything behind them. Messages that were accepted stay on disk. */
	async stop(): Promise<void> {
		this.#ready = false;
		this.#stopping.abort();
		for (const close of this.#open.splice(0).reverse()) await close();
	}

	async #startMonitoring(): Promise<void> {
		const { metricsEnabled, metricsPort, listenHost } = this.#settings;
		this.#monitoring = new MonitoringServer({
			port: metricsPort,
			...(listenHost === undefined ? {} : { host: listenHost }),
			...(metricsEnabled ? { page: async () => (await this.#core?.metrics.page()) ?? '' } : {}),
			ready: () => this.#listener !== undefined,
			logger: this.#dependencies.logger,
		});
		await this.#begin(this.#monitoring);
	}

	async #startCore(): Promise<void> {
		const { openStorage, ...dependencies } = this.#dependencies;
		const { values, messages } = openStorage();
		this.#open.push(() => values.close());
		const sessions = new StoredSessions(values);
		const key = await storageKey(dependencies.workload, this.#stopping.signal);
		const trust = new TrustBundle({
			...dependencies,
			refreshInterval: this.#settings.scopeRefreshSeconds * 1000,
		});
		await this.#begin(trust);
		const core = new HubCore({
			...dependencies,
			authorities: () => trust.authorities,
			settings: this.#settings,
			values,
			messages,
			storageKey: key,
			forgotten: (identity) => sessions.delete(identityKey(identity)),
			configured: () => this.#configured(),
		});
		this.#core = core;
		await this.#begin(core);
		this.#mqtt = this.#createMqtt(core, sessions);
		this.#amqp = this.#createAmqp(core);
	}

	#createMqtt(core: HubCore, sessions: StoredSessions): StreamMqttServer {
		const { clock, logger } = this.#dependencies;
		const { maxConnectedClients, maxClientMessagesPerSecond, acknowledgementSeconds } =
			this.#settings;
		const head = new MqttHead({
			hub: core.hub,
			services: core.services,
			clients: core.clients,
			authenticator: () => (this.#ready ? core.authenticator : undefined),
			clientCertificatesEnabled: this.#settings.clientCertificatesEnabled,
			moduleReplicas: this.#settings.moduleReplicas,
			connectAttempted: (identity, accepted) => core.connectAttempted(identity, accepted),
			rates: core.rates,
			clock,
			logger,
		});
		return new StreamMqttServer({
			handler: head,
			sessions,
			limits: {
				...defaultMqttServerLimits,
				maxConnections: maxConnectedClients,
				maxPublishesPerSecond: maxClientMessagesPerSecond,
				acknowledgementTimeout: acknowledgementSeconds * 1000,
			},
			clock,
			logger,
		});
	}

	#createAmqp(core: HubCore): StreamAmqpServer {
		const { clock, logger } = this.#dependencies;
		const handler = new AmqpHead({
			hub: core.hub,
			services: core.services,
			clients: core.clients,
			rates: core.rates,
			authenticator: () => (this.#ready ? core.authenticator : undefined),
			clientCertificatesEnabled: this.#settings.clientCertificatesEnabled,
			moduleReplicas: this.#settings.moduleReplicas,
			acknowledgementTimeout: this.#settings.acknowledgementSeconds * 1000,
			connectAttempted: (identity, accepted) => core.connectAttempted(identity, accepted),
			clock,
			logger,
		});
		const maxConnections = this.#settings.maxConnectedClients;
		const limits = { ...defaultAmqpServerLimits, maxConnections };
		return new StreamAmqpServer({ handler, limits, clock, logger });
	}

	async #startListener(): Promise<void> {
		const { clock, logger, workload } = this.#dependencies;
		const { mqttPort, listenHost, maxConnectedClients, gatewayHostName } = this.#settings;
		const certificate = new RenewedServerCertificate({
			workload,
			commonName: gatewayHostName,
			replaced: (renewed) => {
				this.#listener?.replaceCertificate(renewed);
				this.#https?.replaceCertificate(renewed);
				this.#amqpListener?.replaceCertificate(renewed);
			},
			clock,
			logger,
		});
		await this.#begin(certificate);
		this.#stopping.signal.throwIfAborted();
		this.#listener = new TlsListener({
			port: mqttPort,
			...(listenHost === undefined ? {} : { host: listenHost }),
			certificate: certificate.current,
			versions: this.#settings.tlsVersions,
			requestClientCertificate: this.#settings.clientCertificatesEnabled,
			maxConnections: maxConnectedClients + strangers,
			handshakeTimeout,
			accept: (socket, peer) => this.#mqtt?.accept(socket, peer),
			logger,
		});
		await this.#begin(this.#listener);
		logger.info('listening for MQTT', { port: this.mqttPort });
		if (this.#settings.httpsEnabled) await this.#startHttps(certificate.current);
		if (this.#settings.amqpEnabled) await this.#startAmqp(certificate.current);
		// Stopped before the listener, which would cut connections off instead of closing them.
		this.#open.push(() => this.#mqtt?.stop());
		this.#open.push(() => this.#amqp?.stop());
	}

	/** As with HTTPS, the hub is of use without it. */
	async #startAmqp(certificate: WorkloadCertificate): Promise<void> {
		const { logger } = this.#dependencies;
		const { amqpPort, listenHost, maxConnectedClients } = this.#settings;
		this.#amqpListener = new TlsListener({
			port: amqpPort,
			...(listenHost === undefined ? {} : { host: listenHost }),
			certificate,
			versions: this.#settings.tlsVersions,
			requestClientCertificate: this.#settings.clientCertificatesEnabled,
			maxConnections: maxConnectedClients + strangers,
			handshakeTimeout,
			accept: (socket, peer) => this.#amqp?.accept(socket, peer),
			logger,
		});
		try {
			await this.#begin(this.#amqpListener);
			logger.info('listening for AMQP', { port: this.amqpPort });
		} catch (error) {
			logger.error('AMQP is not served: its port cannot be used', {
				port: amqpPort,
				reason: messageOf(error),
			});
		}
	}

	/** Without HTTPS the hub still does most of its work, so a port that it may not use does not stop it. */
	async #startHttps(certificate: WorkloadCertificate): Promise<void> {
		const { logger } = this.#dependencies;
		const { httpsPort, listenHost, maxConnectedClients } = this.#settings;
		const head = this.#createHttpHead();
		const webSockets = new WebSocketUpgrade({
			path: '/$iothub/websocket',
			heads: new Map<string, WebSocketHead>([
				['mqtt', (stream, { socket }) => this.#mqtt?.accept(stream, peerOf(socket as TLSSocket))],
				[
					'AMQPWSB10',
					(stream, { socket }) => this.#amqp?.accept(stream, peerOf(socket as TLSSocket)),
				],
			]),
			maxMessageBytes: defaultMqttServerLimits.maxPacketBytes,
		});
		this.#https = new HttpsServer({
			port: httpsPort,
			...(listenHost === undefined ? {} : { host: listenHost }),
			certificate,
			versions: this.#settings.tlsVersions,
			requestClientCertificate: this.#settings.clientCertificatesEnabled,
			maxConnections: maxConnectedClients + strangers,
			handle: (request, response) => head.handle(request, response),
			upgrade: (request, socket, first) => webSockets.accept(request, socket, first),
			logger,
		});
		try {
			await this.#begin(this.#https);
			logger.info('listening for HTTPS', { port: this.httpsPort });
		} catch (error) {
			logger.error('HTTPS is not served: its port cannot be used', {
				port: httpsPort,
				reason: messageOf(error),
			});
		}
	}

	#createHttpHead(): HttpHead {
		const core = this.#core as HubCore;
		return new HttpHead({
			services: core.services,
			authenticator: () => (this.#ready ? core.authenticator : undefined),
			clientCertificatesEnabled: this.#settings.clientCertificatesEnabled,
			edgesBelow: core.scope,
			rates: core.rates,
			clock: this.#dependencies.clock,
			callMethod: (caller, target, request) => core.methods.call(caller, target, request),
		});
	}

	/** Starts a part; it is stopped in any case, also when its start fails half way. */
	async #begin(part: Lifecycle): Promise<void> {
		this.#open.push(() => part.stop());
		await part.start();
	}

	#configured(): void {
		if (this.#stopping.signal.aborted) return;
		this.#ready = true;
		this.#becameReady.resolve();
	}
}
