import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { defaultAmqpServerLimits } from '../amqp/amqp-server.ts';
import { StreamAmqpServer } from '../amqp/stream-amqp-server.ts';
import { MemorySessionStore } from '../mqtt/memory-session-store.ts';
import { defaultMqttServerLimits } from '../mqtt/mqtt-server.ts';
import { StreamMqttServer } from '../mqtt/stream-mqtt-server.ts';
import { formatConnectionString } from '../protocol/connection-string.ts';
import type { Identity } from '../protocol/identity.ts';
import type { Message } from '../protocol/message.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import type { JsonObject } from '../runtime/json.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import { type Logger, silentLogger } from '../runtime/logger.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import { type WebSocketHead, WebSocketUpgrade } from '../web-socket/web-socket-upgrade.ts';
import type { Authorities } from './access/authorities.ts';
import { presentedChain } from './access/certificate-chain.ts';
import { AmqpHead } from './amqp/amqp-head.ts';
import type { ServiceBoundQueue } from './cloud-to-device/service-bound-queue.ts';
import { ConnectionGuard } from './connections/connection-guard.ts';
import type { EmulatorAccess } from './environment-file.ts';
import { eventHubName } from './event-hubs/event-hub-name.ts';
import { Faults } from './faults.ts';
import { blobContainers } from './files/blobs.ts';
import { HttpHead } from './http/http-head.ts';
import { Hub } from './hub.ts';
import { hubCertificate } from './hub-certificate.ts';
import { type HubStorage, openHubStorage } from './hub-storage.ts';
import { MqttHead } from './mqtt/mqtt-head.ts';
import { StoredSessions } from './mqtt/stored-sessions.ts';
import { ProtocolSwitch } from './protocol-switch.ts';
import type { DeviceProvisioning } from './provisioning/device-provisioning.ts';
import { MqttFork } from './provisioning/mqtt-fork.ts';
import { ProvisioningMqttHead } from './provisioning/provisioning-mqtt-head.ts';
import type { IdentityRegistry } from './registry/identity-registry.ts';
import type { MessageRouting } from './routing/message-routing.ts';
import { StoredJson } from './stored-json.ts';
import type { EventSource } from './telemetry/hub-events.ts';
import { TelemetryLog, type TelemetryRetention } from './telemetry/telemetry-log.ts';
import type { HubSize } from './throttles.ts';
import type { Twins } from './twin/twins.ts';

/** What an emulated hub is to be like. Everything has a default. */
export interface IotHubEmulatorSettings {
	/** Where everything is kept; in memory when absent. */
	readonly folder?: string;
	/** 0 (default): the one of the last run if it is free, else any free one. */
	readonly port?: number;
	/**
	 * Also listens on the ports of IoT Hub, for clients that know no others: host names then carry no
	 * port. 443 is left out where the system does not allow it. Default false.
	 */
	readonly standardPorts?: boolean;
	/** Address to listen on. Default 127.0.0.1. */
	readonly address?: string;
	/** Names without a port under which clients address the hub, the main one first. Default `localhost`. */
	readonly hostNames?: readonly string[];
	/** Seconds that a token is accepted past its expiry. Default 300, as IoT Hub. */
	readonly clockSkewSeconds?: number;
	/** Of the hub whose throttles and daily quota apply. Default: neither. */
	readonly size?: HubSize;
	/**
	 * What the Event Hubs-compatible endpoint gets besides telemetry. Default: what the folder's last
	 * run has had; nothing in a new hub, as in one without routes.
	 */
	readonly eventSources?: readonly EventSource[];
	/**
	 * Message routing: `properties.routing` of an IoT Hub in Azure's resource manager, or the whole
	 * resource. Default: what the folder's last run has had; in a new hub all telemetry goes to the
	 * built-in endpoint.
	 */
	readonly routing?: JsonObject;
	readonly retention?: TelemetryRetention;
	readonly clock?: Clock;
	readonly logger?: Logger;
}

interface Running {
	readonly hub: Hub;
	readonly store: KeyValueStore;
	readonly port: number;
	readonly authority: string;
	readonly stop: () => Promise<void>;
}

/** How often cloud-to-device messages are looked through for what has expired. */
const sweepEveryMs = 1000;

/** HTTPS and WebSocket; many systems keep it for privileged processes. */
const privilegedPort = 443;

/** HTTPS, AMQP and MQTT of IoT Hub. */
const standardPorts = [privilegedPort, 5671, 8883];

/** Where IoT Hub serves MQTT and AMQP over WebSocket. */
const webSocketPath = '/$iothub/websocket';

/** Bytes of one WebSocket message; clients put whole packets or frames into one. */
const maxWebSocketMessage = 1_048_576;

const defaultRetention: TelemetryRetention = { maxEvents: 200_000, maxBytes: 512 * 1024 * 1024 };

/**
 * An IoT Hub for development and tests: official device and service SDKs work against it
 * unmodified. One TLS port serves every protocol, so the host name carries the port.
 */
export class IotHubEmulator implements Lifecycle, AsyncDisposable {
	/** Makes the hub misbehave on purpose. */
	readonly faults: Faults;
	readonly #settings: IotHubEmulatorSettings;
	readonly #hostNames: readonly string[];
	readonly #clock: Clock;
	readonly #logger: Logger;
	#switch: ProtocolSwitch | undefined;
	#running: Running | undefined;

	constructor(settings: IotHubEmulatorSettings = {}) {
		this.#settings = settings;
		this.#hostNames = settings.hostNames ?? ['localhost'];
		this.#clock = settings.clock ?? systemClock;
		this.#logger = settings.logger ?? silentLogger;
		this.faults = new Faults(this.#clock, () => this.#switch?.dropAll());
	}

	/** As in connection strings: `localhost:41234`. */
	get hostName(): string {
		const [name = 'localhost'] = this.#hostNames;
		return this.#settings.standardPorts ? name : `${name}:${this.port}`;
	}

	get port(): number {
		return this.#required.port;
	}

	/** PEM of the authority that clients must trust. */
	get caCertificate(): string {
		return this.#required.authority;
	}

	/** Connection string of the policy `iothubowner`, or of another one. It holds a secret. */
	get connectionString(): string {
		return this.serviceConnectionString('iothubowner');
	}

	get registry(): IdentityRegistry {
		return this.#required.hub.registry;
	}

	/** Authorities whose certificates devices may show. */
	get authorities(): Authorities {
		return this.#required.hub.authorities;
	}

	/**
	 * Where imports and exports of the registry can read and write for a day, and where their lists are
	 * to be fetched from. It holds a secret.
	 */
	get registryContainerUri(): string {
		const { blobSignature, clock } = this.#required.hub;
		const container = blobContainers.registry;
		const signature = blobSignature.create(container, undefined, 'rwd', clock.now() + 86_400_000);
		return `https://${this.hostName}/${container}${signature}`;
	}

	/** The provisioning service that assigns devices to this hub. */
	get provisioning(): DeviceProvisioning {
		return this.#required.hub.provisioning;
	}

	get twins(): Twins {
		return this.#required.hub.twins;
	}

	get telemetry(): TelemetryLog {
		return this.#required.hub.telemetry;
	}

	/** Where messages go. */
	get routing(): MessageRouting {
		return this.#required.hub.routing;
	}

	/** What services hear of uploaded files. */
	get fileNotifications(): ServiceBoundQueue {
		return this.#required.hub.fileNotifications;
	}

	/** Connection string of a policy. It holds a secret. @throws RangeError for an unknown policy */
	serviceConnectionString(policyName: string): string {
		const policy = this.#required.hub.policies.find(policyName);
		if (policy === undefined) throw new RangeError(`There is no policy ${policyName}.`);
		return formatConnectionString({
			hostName: this.hostName,
			sharedAccessKeyName: policy.name,
			sharedAccessKey: policy.primaryKey,
		});
	}

	/** Connection string of a device or module. It holds a secret. @throws IotHubError DeviceNotFound… */
	deviceConnectionString(identity: Identity): string {
		const { symmetricKey } = this.registry.record(identity).authentication;
		const { deviceId, moduleId } = identity;
		return formatConnectionString({
			hostName: this.hostName,
			deviceId,
			...(moduleId === undefined ? {} : { moduleId }),
			...(symmetricKey.primaryKey === null
				? { x509: true }
				: { sharedAccessKey: symmetricKey.primaryKey }),
		});
	}

	/** Connection string of the Event Hubs-compatible endpoint, for the policy `service`. It holds a secret. */
	get eventHubConnectionString(): string {
		return this.endpointConnectionString(eventHubName);
	}

	/** The same for an event hub that routing has as an endpoint. It holds a secret. */
	endpointConnectionString(endpointName: string): string {
		const policy = this.#required.hub.policies.find('service');
		const key = `SharedAccessKeyName=service;SharedAccessKey=${policy?.primaryKey ?? ''}`;
		return `Endpoint=sb://${this.hostName}/;${key};EntityPath=${endpointName}`;
	}

	/**
	 * What other processes need to use the hub, for `environmentFile`. It holds secrets.
	 *
	 * @param caFile where `caCertificate` has been written to
	 */
	access(caFile: string): EmulatorAccess {
		const identities = [...this.registry.devices()];
		const devices = identities.map(
			({ deviceId }) => [deviceId, this.deviceConnectionString({ deviceId })] as const,
		);
		return {
			service: this.connectionString,
			events: this.eventHubConnectionString,
			provisioning: {
				host: this.hostName,
				idScope: this.provisioning.idScope,
				service: this.serviceConnectionString('provisioningserviceowner'),
			},
			devices: new Map(devices),
			caFile,
		};
	}

	/** Queues a cloud-to-device message. @throws IotHubError as IoT Hub would refuse it */
	sendToDevice(deviceId: string, message: Message): void {
		this.#required.hub.cloudToDevice.send(deviceId, message);
	}

	/** @throws EdgeError EDGE_EMULATOR_PORT_TAKEN, or of the storage */
	async start(): Promise<void> {
		const { folder, retention = defaultRetention } = this.#settings;
		const runtime = { clock: this.#clock, logger: this.#logger };
		const storage = await openHubStorage(folder, retention.maxBytes, runtime);
		const { store, log } = storage;
		const telemetry = new TelemetryLog(log, retention, this.#logger);
		const undo: (() => unknown)[] = [() => store.close(), () => telemetry.close()];
		try {
			this.#running = await this.#serve(storage, telemetry, undo);
		} catch (error) {
			await runAll(undo);
			throw error;
		}
	}

	async stop(): Promise<void> {
		const running = this.#running;
		this.#running = undefined;
		await running?.stop();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.stop();
	}

	get #required(): Running {
		if (this.#running === undefined) throw new Error('The emulator has not been started.');
		return this.#running;
	}

	/** @param undo receives what must be done to stop, in reverse order */
	async #serve(
		{ store, blobBytes }: HubStorage,
		telemetry: TelemetryLog,
		undo: (() => unknown)[],
	): Promise<Running> {
		await telemetry.open();
		const access = {
			hostNames: this.#hostNames,
			clockSkewSeconds: this.#settings.clockSkewSeconds ?? 300,
		};
		const runtime = { clock: this.#clock, logger: this.#logger };
		const hub = new Hub({
			size: this.#settings.size,
			eventSources: this.#settings.eventSources,
			routing: this.#settings.routing,
			store,
			telemetry,
			blobBytes,
			access,
			...runtime,
		});
		hub.load();
		await hub.blobs.load();
		undo.push(() => hub.stop());
		const { authority, server } = await hubCertificate(store, this.#hostNames, this.#clock);
		const sessions = new StoredSessions(store);
		sessions.forgetDeleted(hub.registry);
		const registrations = new StreamMqttServer({
			handler: new ProvisioningMqttHead(hub, this.faults, () => this.hostName),
			sessions: new MemorySessionStore(),
			limits: defaultMqttServerLimits,
			...runtime,
		});
		const mqtt = new StreamMqttServer({
			handler: new MqttHead(hub, this.faults, this.#hostNames),
			sessions,
			limits: { ...defaultMqttServerLimits, maxConnections: 10_000 },
			...runtime,
		});
		const fork = new MqttFork(mqtt, registrations, this.#clock);
		const amqp = new StreamAmqpServer({
			handler: new AmqpHead(hub, this.faults, () => this.hostName),
			limits: defaultAmqpServerLimits,
			...runtime,
		});
		const webSockets = new WebSocketUpgrade({
			path: webSocketPath,
			heads: new Map<string, WebSocketHead>([
				['mqtt', (stream, { socket }) => fork.accept(stream, peerOf(socket))],
				['AMQPWSB10', (stream, { socket }) => amqp.accept(stream, peerOf(socket))],
			]),
			maxMessageBytes: maxWebSocketMessage,
		});
		const http = new HttpHead(hub, this.faults, webSockets);
		await http.start();
		const listener = new ProtocolSwitch({
			address: this.#settings.address ?? '127.0.0.1',
			certificate: server,
			heads: {
				mqtt: (socket) => fork.accept(socket, peerOf(socket)),
				http: (socket) => http.accept(socket),
				amqp: (socket) => amqp.accept(socket, peerOf(socket)),
			},
			absence: () => this.faults.absence,
			...runtime,
		});
		this.#switch = listener;
		await this.#listen(listener, store);
		const guard = new ConnectionGuard(
			hub.connections,
			hub.deviceAuthentication,
			hub.registry,
			this.#clock,
		);
		guard.start();
		const sweep = this.#clock.every(sweepEveryMs, () => hub.cloudToDevice.sweep());
		undo.push(
			() => sweep[Symbol.dispose](),
			() => http.stop(),
			() => mqtt.stop(),
			() => registrations.stop(),
			() => amqp.stop(),
			() => listener.stop(),
			() => guard.stop(),
		);
		return { hub, store, port: listener.port, authority, stop: () => runAll(undo) };
	}

	async #listen(listener: ProtocolSwitch, store: KeyValueStore): Promise<void> {
		const ports = new StoredJson<number>(store, 'ports');
		const { port = 0 } = this.#settings;
		listener.prefer(port || (ports.get('tls') ?? 0), port === 0);
		try {
			await listener.start();
		} catch (cause) {
			const message = `The emulator cannot listen on port ${port}.`;
			throw new EdgeError('EDGE_EMULATOR_PORT_TAKEN', message, { cause });
		}
		ports.set('tls', listener.port);
		if (this.#settings.standardPorts) await this.#listenAsIotHub(listener);
	}

	async #listenAsIotHub(listener: ProtocolSwitch): Promise<void> {
		for (const port of standardPorts) {
			if (port === listener.port) continue;
			try {
				await listener.alsoListen(port);
			} catch (cause) {
				const message = `The emulator cannot listen on port ${port}.`;
				if (port !== privilegedPort) {
					throw new EdgeError('EDGE_EMULATOR_PORT_TAKEN', message, { cause });
				}
				this.#logger.warn(`${message} HTTPS and WebSocket clients need the other one.`, {
					port: listener.port,
				});
			}
		}
	}
}

async function runAll(undo: (() => unknown)[]): Promise<void> {
	for (const step of undo.splice(0).reverse()) await step();
}

function peerOf(socket: Socket) {
	const clientCertificate = socket instanceof TLSSocket ? presentedChain(socket) : undefined;
	return {
		remoteAddress: socket.remoteAddress ?? '',
		...(clientCertificate === undefined ? {} : { clientCertificate }),
	};
}
