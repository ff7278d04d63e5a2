import type { X509Certificate } from 'node:crypto';
import type { IotHubClient, IotHubClientOptions } from '../iot-hub-client/iot-hub-client.ts';
import type { CountedNetwork } from '../iot-hub-client/traffic-counter.ts';
import { type Identity, identityKey } from '../protocol/identity.ts';
import type { Clock } from '../runtime/clock.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import type { MessageLog } from '../storage/message-log.ts';
import { ClientAuthenticator } from './authorization/client-authenticator.ts';
import { CredentialWatch } from './authorization/credential-watch.ts';
import { DeviceScope, type ScopeSource } from './authorization/device-scope.ts';
import { SealedStore } from './authorization/sealed-store.ts';
import { ClientRates } from './clients/client-rates.ts';
import { ClientRegistry } from './clients/client-registry.ts';
import { ModuleInputEndpoint } from './clients/module-input-endpoint.ts';
import { SenderShares } from './clients/sender-shares.ts';
import {
	type DesiredStatus,
	desiredStatus,
	type HubConfiguration,
	readConfiguration,
} from './configuration.ts';
import { Delivery } from './delivery/delivery.ts';
import type { Endpoint } from './delivery/endpoint.ts';
import type { HubServices } from './hub-services.ts';
import { MethodDispatcher } from './methods/method-dispatcher.ts';
import { HubMetrics } from './metrics/hub-metrics.ts';
import { callHubMethod } from './own-twin/hub-methods.ts';
import { HubTwin } from './own-twin/hub-twin.ts';
import { LocalDeploymentWatch } from './own-twin/local-deployment-watch.ts';
import { PoisonMessages } from './poison-messages.ts';
import { twinChangeSource } from './routing/message-source.ts';
import type { Sink } from './routing/sink.ts';
import type { EdgeHubSettings } from './settings.ts';
import { TwinManager } from './twins/twin-manager.ts';
import { TwinStore } from './twins/twin-store.ts';
import { UpstreamConnections } from './upstream/upstream-connections.ts';
import { UpstreamEndpoint } from './upstream/upstream-endpoint.ts';
import { UpstreamSubscriptions } from './upstream/upstream-subscriptions.ts';
import type { WorkloadApi } from './workload-client.ts';

/** Milliseconds between two looks at the credentials of all connected clients. */
const credentialInterval = 300_000;
/** Milliseconds that a request waits for a connection to IoT Hub that is being made. */
const upstreamConnectTime = 10_000;

export interface HubCoreOptions {
	readonly settings: EdgeHubSettings;
	readonly workload: WorkloadApi;
	readonly scopeSource: ScopeSource;
	/** Authorities whose certificates leaf devices may show, as they are now. */
	readonly authorities: () => readonly X509Certificate[];
	readonly createIotHubClient: (options: IotHubClientOptions) => IotHubClient;
	/** Whose bytes are counted. Default: none. */
	readonly network?: CountedNetwork;
	readonly values: KeyValueStore;
	readonly messages: MessageLog;
	/** What seals stored values; 32 bytes. */
	readonly storageKey: Buffer;
	readonly version: string;
	/** An identity has left the scope. */
	readonly forgotten: (identity: Identity) => void;
	/** A configuration has been taken over. */
	readonly configured: () => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** The hub behind its protocol heads: everything that does not depend on how clients are connected. */
export class HubCore implements Lifecycle {
	/** The edge device's `$edgeHub`. */
	readonly hub: Required<Identity>;
	readonly clients = new ClientRegistry();
	/** Who may connect. */
	readonly scope: DeviceScope;
	readonly authenticator: ClientAuthenticator;
	readonly methods: MethodDispatcher;
	readonly metrics: HubMetrics;
	/** How fast clients may send. */
	readonly rates: ClientRates;
	readonly #options: HubCoreOptions;
	readonly #shares = new SenderShares(this.clients);
	readonly #upstream: UpstreamConnections;
	readonly #delivery: Delivery;
	readonly #twins: TwinManager;
	readonly #subscriptions: UpstreamSubscriptions;
	readonly #watch: CredentialWatch;
	readonly #local: LocalDeploymentWatch;
	readonly #hubTwin: HubTwin;
	readonly #registrations = new DisposableStack();

	constructor(options: HubCoreOptions) {
		const { settings, clock, logger } = options;
		this.#options = options;
		this.hub = { deviceId: settings.deviceId, moduleId: settings.moduleId };
		this.metrics = new HubMetrics({
			hubHostName: settings.hubHostName,
			edgeDeviceId: settings.deviceId,
			queueLengths: () => this.#delivery.queueLengths(),
			connectedClients: () => this.clients.size,
			...(options.network === undefined ? {} : { network: options.network }),
			clock,
		});
		this.rates = new ClientRates({
			perSecond: settings.maxClientMessagesPerSecond,
			heldBack: (identity, seconds) => this.metrics.heldBack(identity, seconds),
			clock,
			logger,
		});
		this.scope = this.#createScope();
		this.authenticator = new ClientAuthenticator({
			scope: this.scope,
			authorities: options.authorities,
			hostNames: [settings.hubHostName, settings.gatewayHostName],
			clock,
			logger,
		});
		this.#upstream = this.#createUpstream();
		this.#delivery = this.#createDelivery();
		this.#local = this.#createLocal();
		this.#twins = this.#createTwins();
		this.methods = new MethodDispatcher({
			clients: this.clients,
			clock,
			called: (caller, target, seconds) => this.metrics.methodCalled(caller, target, seconds),
		});
		this.#subscriptions = new UpstreamSubscriptions({
			clients: this.clients,
			connections: this.#upstream,
			twins: this.#twins,
			methods: this.methods,
		});
		this.#watch = new CredentialWatch({
			clients: this.clients,
			scope: this.scope,
			interval: credentialInterval,
			clock,
			logger,
		});
		this.#hubTwin = this.#createHubTwin();
	}

	/** What protocol heads may ask for. */
	get services(): HubServices {
		const { clock, logger } = this.#options;
		const timed = async <Result>(work: Promise<Result>, done: (seconds: number) => void) => {
			const began = clock.monotonic();
			const result = await work;
			done((clock.monotonic() - began) / 1000);
			return result;
		};
		return {
			edgeDeviceId: this.hub.deviceId,
			ingest: (message, source) => this.#delivery.ingest(message, source),
			getTwin: (identity) =>
				timed(this.#twins.get(identity), (seconds) =>
					this.metrics.twinGot('edge_hub', identity, seconds),
				),
			patchReported: (identity, patch) =>
				timed(this.#twins.report(identity, patch), (seconds) =>
					this.metrics.reported('edge_hub', identity, seconds),
				),
			respondToMethod: (identity, requestId, answer) =>
				this.methods.respond(identity, requestId, answer),
			unknownTopic: (identity, topic) =>
				logger.warn('dropped messages to a topic without meaning', {
					client: identityKey(identity),
					topic: topic.slice(0, 200),
				}),
		};
	}

	/** A client has tried to connect. */
	connectAttempted(identity: Identity, accepted: boolean): void {
		this.metrics.connectAttempted(identity, accepted, this.scope.get(identity) !== undefined);
	}

	/** Opens the queues, applies the last known configuration, and connects to IoT Hub. */
	async start(): Promise<void> {
		await this.#delivery.start();
		await this.scope.start();
		this.#registrations.use(
			this.scope.onChange((identity) => {
				if (this.scope.get(identity) !== undefined) return;
				this.#twins.forget(identity);
				this.#options.forgotten(identity);
			}),
		);
		this.#registrations.use(
			this.clients.listen({
				disconnected: ({ identity }) => this.metrics.disconnected(identity),
			}),
		);
		this.#twins.start();
		this.#subscriptions.start();
		this.#watch.start();
		await this.#local.start();
		await this.#hubTwin.start();
	}

	async stop(): Promise<void> {
		this.#registrations.dispose();
		this.#watch.stop();
		await this.#local.stop();
		await this.#hubTwin.stop();
		this.#subscriptions.stop();
		this.#twins.stop();
		await this.#delivery.stop();
		await this.#upstream.stop();
		await this.scope.stop();
	}

	#sealed(collection: string): SealedStore {
		const { values, storageKey, logger } = this.#options;
		return new SealedStore(values, collection, storageKey, logger);
	}

	#createScope(): DeviceScope {
		const { settings, scopeSource, clock, logger } = this.#options;
		return new DeviceScope({
			edgeDeviceId: settings.deviceId,
			source: scopeSource,
			store: this.#sealed('identities'),
			clock,
			logger,
			refreshInterval: settings.scopeRefreshSeconds * 1000,
			maxLookupDelay: settings.scopeRefreshDelaySeconds * 1000,
		});
	}

	#createUpstream(): UpstreamConnections {
		const { settings, workload, createIotHubClient, clock, logger } = this.#options;
		return new UpstreamConnections({
			hub: this.hub,
			hubHostName: settings.hubHostName,
			createClient: createIotHubClient,
			scope: this.scope,
			workload,
			...(settings.upstreamIdleClose ? { idleTime: settings.upstreamIdleSeconds * 1000 } : {}),
			keyless: (identity) => this.metrics.keyless(identity),
			lost: (identity) => this.metrics.offline(identity),
			restored: (identity, seconds) => this.metrics.onlineAgain(identity, seconds),
			connectTime: upstreamConnectTime,
			clock,
			logger,
		});
	}

	#createDelivery(): Delivery {
		const { settings, messages, values, clock, logger } = this.#options;
		return new Delivery({
			log: messages,
			clock,
			logger,
			metrics: this.metrics,
			poison: new PoisonMessages(values),
			storeFull: settings.storeFullPolicy,
			createEndpoint: (sink) => this.#createEndpoint(sink),
		});
	}

	#createEndpoint(sink: Sink): Endpoint {
		const { settings, logger } = this.#options;
		if (sink.kind === 'module-input') {
			const module = { deviceId: this.hub.deviceId, moduleId: sink.moduleId };
			return new ModuleInputEndpoint(module, sink.input, {
				clients: this.clients,
				shares: this.#shares,
			});
		}
		return new UpstreamEndpoint({
			connections: this.#upstream,
			hub: this.hub,
			concurrency: settings.upstreamFanOut,
			batchMessages: settings.maxUpstreamBatch,
			logger,
		});
	}

	#createLocal(): LocalDeploymentWatch {
		const { workload, clock, logger } = this.#options;
		const configurations = this.#sealed('configurations');
		return new LocalDeploymentWatch({
			workload,
			store: {
				load: () => configurations.get('local'),
				save: (deployment) => configurations.set('local', deployment),
			},
			clock,
			logger,
		});
	}

	#createTwins(): TwinManager {
		const { settings, clock, logger } = this.#options;
		return new TwinManager({
			hub: this.hub,
			store: new TwinStore(this.#sealed('twins')),
			upstream: this.#upstream,
			clients: this.clients,
			routeChange: (message) => this.#delivery.ingest(message, twinChangeSource),
			local: this.#local,
			syncInterval: settings.reportedSyncSeconds * 1000,
			upstreamRequest: (kind, identity, seconds) => {
				if (kind === 'get') this.metrics.twinGot('upstream', identity, seconds);
				else this.metrics.reported('upstream', identity, seconds);
			},
			clock,
			logger,
		});
	}

	#createHubTwin(): HubTwin {
		const { settings, version, clock, logger } = this.#options;
		const configurations = this.#sealed('configurations');
		return new HubTwin({
			hub: this.hub,
			twins: this.#twins,
			upstream: this.#upstream,
			clients: this.clients,
			configure: (desired) => this.#configure(desired),
			lastGood: {
				load: () => {
					const kept = configurations.get('last-good');
					return isJsonObject(kept) ? kept : undefined;
				},
				save: (desired) => configurations.set('last-good', desired),
			},
			local: this.#local,
			callMethod: (request) => callHubMethod(this.scope, request),
			version,
			refreshInterval: settings.configRefreshSeconds * 1000,
			clock,
			logger,
		});
	}

	#configure(desired: JsonObject): DesiredStatus {
		const outcome = readConfiguration(desired, {
			edgeDeviceId: this.hub.deviceId,
			compatibility: this.#options.settings.routeCompatibility,
			newestFirstRoutes: new Set(this.#options.settings.newestFirstRoutes),
		});
		if (!('problems' in outcome)) {
			this.#delivery.configure(outcome);
			this.#warnOfUnknownRoutes(outcome);
			this.#options.configured();
		}
		return desiredStatus(outcome);
	}

	/** A setting of the hub names routes, which are in the twin: nothing else would tell of a typing error. */
	#warnOfUnknownRoutes({ routes }: HubConfiguration): void {
		const { logger, settings } = this.#options;
		const names = new Set(routes.routes.map(({ name }) => name));
		const unknown = settings.newestFirstRoutes.filter((name) => !names.has(name));
		if (unknown.length > 0)
			logger.warn('NewestFirstRoutes names routes that are not there', { unknown });
	}
}
