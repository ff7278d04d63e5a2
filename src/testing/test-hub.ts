import { HttpsJson } from '../iot-hub-client/https-json.ts';
import { HubNetwork } from '../iot-hub-client/hub-network.ts';
import { IotHubEmulator } from '../iot-hub-emulator/emulator.ts';
import type { Absence } from '../iot-hub-emulator/faults.ts';
import type { HubSize } from '../iot-hub-emulator/throttles.ts';
import { parseConnectionString } from '../protocol/connection-string.ts';
import type { MethodResponse } from '../protocol/direct-method.ts';
import { endpointOf } from '../protocol/host-name.ts';
import type { Identity } from '../protocol/identity.ts';
import { createSasToken, encodeStrict } from '../protocol/sas-token.ts';
import type { TwinProperties } from '../protocol/twin.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { JsonObject, JsonValue } from '../runtime/json.ts';
import { silentLogger } from '../runtime/logger.ts';
import { SimulatedClient } from './simulated-client.ts';
import {
	type ReceivedTelemetry,
	TelemetryJournal,
	type TelemetryJournalSettings,
	type TelemetryQuery,
} from './telemetry-journal.ts';

/** How an emulated hub for tests is to be. */
export interface TestHubOptions {
	/** Where everything is kept; in memory when absent. */
	readonly folder?: string;
	/** Default: any free port. */
	readonly port?: number;
	/** Time of the hub. Default: the system's. */
	readonly clock?: Clock;
	/** Of the hub whose throttles and daily quota apply. Default: neither. */
	readonly size?: HubSize;
	/** Message routing, as `properties.routing` of an IoT Hub in Azure. Default: none. */
	readonly routing?: JsonObject;
}

/** A call of a direct method. */
export interface MethodCall {
	readonly name: string;
	readonly payload?: JsonValue;
	/** Seconds. Default 10. */
	readonly timeout?: number;
}

const callTimeout = 60_000;
/** Telemetry that a hub keeps. */
const inMemory = { maxEvents: 20_000, maxBytes: 64 * 1024 * 1024 };
const onDisk = { maxEvents: 200_000, maxBytes: 512 * 1024 * 1024 };

/** An IoT Hub in this process for a test: whatever it is asked to do is done as a service would. */
export class TestHub implements AsyncDisposable {
	/** The emulator itself, for everything that has no short form here. */
	readonly emulator: IotHubEmulator;
	readonly #clock: Clock;
	readonly #clients: SimulatedClient[] = [];
	#journal: TelemetryJournal | undefined;
	#https: HttpsJson | undefined;

	constructor({ folder, port, size, routing, clock = systemClock }: TestHubOptions = {}) {
		this.#clock = clock;
		this.emulator = new IotHubEmulator({
			...(folder === undefined ? {} : { folder }),
			...(port === undefined ? {} : { port }),
			...(size === undefined ? {} : { size }),
			...(routing === undefined ? {} : { routing }),
			retention: folder === undefined ? inMemory : onDisk,
			clock,
			logger: silentLogger,
		});
	}

	/** @param journal how what the hub receives is kept. */
	async start(journal: TelemetryJournalSettings = {}): Promise<void> {
		await this.emulator.start();
		this.#journal = new TelemetryJournal(this.emulator, journal);
	}

	/** `localhost:41234`: the name of the hub everywhere, port included. */
	get hostName(): string {
		return this.emulator.hostName;
	}

	/** Connection string of the policy `iothubowner`. It holds a secret. */
	get connectionString(): string {
		return this.emulator.connectionString;
	}

	/** PEM of the authority behind the hub's certificate. */
	get authority(): string {
		return this.emulator.caCertificate;
	}

	/** Creates a device or module unless it exists. @returns its connection string, which holds a secret. */
	create(
		identity: Identity | string,
		{ iotEdge = false, parent }: { readonly iotEdge?: boolean; readonly parent?: string } = {},
	): string {
		const { deviceId, moduleId } = asIdentity(identity);
		const { registry } = this.emulator;
		if (registry.findDevice(deviceId) === undefined) {
			const scope = parent === undefined ? undefined : registry.device(parent).deviceScope;
			registry.putDevice(deviceId, {
				deviceId,
				capabilities: { iotEdge: iotEdge && moduleId === undefined },
				...(scope === undefined ? {} : { deviceScope: scope }),
			});
		}
		if (moduleId !== undefined && registry.findModule({ deviceId, moduleId }) === undefined) {
			registry.putModule({ deviceId, moduleId }, { deviceId, moduleId });
		}
		return this.emulator.deviceConnectionString(asIdentity(identity));
	}

	/** A connected device or module, created where it is missing; it disconnects with the hub. */
	async connect(identity: Identity | string): Promise<SimulatedClient> {
		const client = await SimulatedClient.connect({
			identity: asIdentity(identity),
			connectionString: this.create(identity),
			authority: this.authority,
		});
		this.#clients.push(client);
		return client;
	}

	/** Everything that the hub has received. */
	get messages(): readonly ReceivedTelemetry[] {
		return this.#required.messages;
	}

	/** The next message that meets the query and was not handed out yet. @throws Error when none comes in time */
	message(query?: TelemetryQuery): Promise<ReceivedTelemetry> {
		return this.#required.next(query);
	}

	/** Desired and reported properties, with `$version`. */
	twin(identity: Identity | string): TwinProperties {
		return this.emulator.twins.propertiesOf(asIdentity(identity));
	}

	/** Sets desired properties as a service does; null removes one. */
	desire(identity: Identity | string, desired: JsonObject): void {
		this.emulator.twins.patch(asIdentity(identity), { properties: { desired } });
	}

	/** Queues a cloud-to-device message. */
	sendToDevice(
		deviceId: string,
		body: JsonValue,
		properties: Readonly<Record<string, string>> = {},
	): void {
		this.emulator.sendToDevice(deviceId, {
			body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
			properties: new Map(Object.entries(properties)),
			systemProperties: new Map(),
		});
	}

	/** Calls a direct method as a service does. @throws Error with the hub's refusal */
	async call(identity: Identity | string, call: MethodCall): Promise<MethodResponse> {
		const { deviceId, moduleId } = asIdentity(identity);
		const { sharedAccessKey = '', sharedAccessKeyName = '' } = parseConnectionString(
			this.connectionString,
		);
		const authorization = createSasToken({
			resource: this.hostName,
			key: sharedAccessKey,
			keyName: sharedAccessKeyName,
			expiry: Math.ceil(this.#clock.now() / 1000) + 3600,
		});
		this.#https ??= new HttpsJson({
			endpoint: endpointOf(this.hostName, 'https'),
			network: new HubNetwork({ trustedCertificates: this.authority }),
			timeout: callTimeout,
			clock: systemClock,
		});
		const module = moduleId === undefined ? '' : `/modules/${encodeStrict(moduleId)}`;
		const { status, text } = await this.#https.send({
			method: 'POST',
			path: `/twins/${encodeStrict(deviceId)}${module}/methods?api-version=2021-04-12`,
			headers: { authorization },
			body: {
				methodName: call.name,
				payload: call.payload ?? null,
				responseTimeoutInSeconds: Math.max(5, call.timeout ?? 10),
				connectTimeoutInSeconds: call.timeout ?? 10,
			},
		});
		if (status !== 200) throw new Error(`The hub refuses the call of ${call.name}: ${text}`);
		return JSON.parse(text) as MethodResponse;
	}

	/** Cuts every connection; none is served until `restore`. */
	cut(absence: Absence = 'reset'): void {
		this.emulator.faults.goAway(absence);
	}

	/** Ends a `cut`. */
	restore(): void {
		this.emulator.faults.comeBack();
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await Promise.all(this.#clients.splice(0).map((client) => client[Symbol.asyncDispose]()));
		this.#https?.close();
		this.#journal?.[Symbol.dispose]();
		this.#journal = undefined;
		await this.emulator.stop();
	}

	get #required(): TelemetryJournal {
		if (this.#journal === undefined) throw new Error('The hub does not run.');
		return this.#journal;
	}
}

/** `edge1/filter` as well as its parts. */
export function asIdentity(identity: Identity | string): Identity {
	if (typeof identity !== 'string') return identity;
	const slash = identity.indexOf('/');
	if (slash < 0) return { deviceId: identity };
	return { deviceId: identity.slice(0, slash), moduleId: identity.slice(slash + 1) };
}
