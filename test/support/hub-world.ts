import type { ExecutionContext } from 'ava';
import mqtt from 'mqtt';
import type { EdgeHub } from '../../src/edge-hub/hub.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import { audienceOf, createSasToken } from '../../src/protocol/sas-token.ts';
import { type Clock, systemClock } from '../../src/runtime/clock.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import type { KeyValueStore } from '../../src/storage/key-value-store.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { MemoryMessageLog } from '../../src/storage/memory-message-log.ts';
import type { MessageLog } from '../../src/storage/message-log.ts';
import { FakeIotHub, keyOf } from './fake-iot-hub.ts';
import { FakeWorkload } from './fake-workload.ts';
import { listeningHub } from './listening-hub.ts';

export const hubHostName = 'hub.test';
export const edgeDeviceId = 'edge1';
export const ownIdentity = { deviceId: edgeDeviceId, moduleId: '$edgeHub' };

/** A module of the edge device. */
export function moduleOf(moduleId: string): Required<Identity> {
	return { deviceId: edgeDeviceId, moduleId };
}

/** A configuration with routes. */
export function routes(...texts: readonly string[]): JsonObject {
	return {
		schemaVersion: '1.1',
		routes: Object.fromEntries(texts.map((text, index) => [`r${index}`, text])),
		storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
	};
}

export interface World {
	readonly iotHub: FakeIotHub;
	readonly workload: FakeWorkload;
	/** What survives a restart of the hub. */
	readonly values: KeyValueStore;
	readonly messages: MessageLog;
}

/** IoT Hub with an edge device and its modules, and the edge device's workload API. */
export async function newWorld(...modules: readonly string[]): Promise<World> {
	const iotHub = new FakeIotHub();
	iotHub.register({ deviceId: edgeDeviceId });
	for (const moduleId of ['$edgeAgent', '$edgeHub', ...modules])
		iotHub.register(moduleOf(moduleId));
	return {
		iotHub,
		workload: await FakeWorkload.create((moduleId) => keyOf(moduleOf(moduleId))),
		values: new MemoryKeyValueStore(),
		messages: new MemoryMessageLog(),
	};
}

/** A hub in this process that listens; it stops with the test. */
export async function startHub(
	t: Pick<ExecutionContext, 'teardown'>,
	world: World,
	env: Readonly<Record<string, string>> = {},
	clock: Clock = systemClock,
): Promise<EdgeHub> {
	return listeningHub(t, {
		deviceId: edgeDeviceId,
		hostName: hubHostName,
		env,
		clock,
		workload: world.workload.for('$edgeHub'),
		scopeSource: world.iotHub.scopeSource,
		createIotHubClient: world.iotHub.createClient,
		openStorage: () => ({ values: world.values, messages: world.messages }),
	});
}

/** A token for IoT Hub as the SDKs make it. */
export function tokenOf(identity: Identity, key = keyOf(identity)): string {
	const expiry = Math.floor(Date.now() / 1000) + 3600;
	return createSasToken({ resource: audienceOf(hubHostName, identity), key, expiry });
}

/** Options of MQTT.js that connect an identity as the SDKs do. */
export function mqttOptions(world: World, identity: Identity): mqtt.IClientOptions {
	const key = identityKey(identity);
	return {
		ca: world.workload.authority.certificate,
		clientId: key,
		username: `${hubHostName}/${key}/?api-version=2021-04-12`,
		password: tokenOf(identity),
		clean: false,
		reconnectPeriod: 0,
		connectTimeout: 5_000,
	};
}

/** A message as an MQTT client has received it. */
export interface Received {
	readonly topic: string;
	readonly text: string;
}

/** An MQTT client that remembers what it receives. */
export class TestClient {
	readonly mqtt: mqtt.MqttClient;
	readonly received: Received[] = [];
	readonly #wakers: (() => void)[] = [];

	private constructor(client: mqtt.MqttClient) {
		this.mqtt = client;
	}

	static async connect(
		t: ExecutionContext,
		hub: EdgeHub,
		options: mqtt.IClientOptions,
	): Promise<TestClient> {
		const client = mqtt.connect(`mqtts://localhost:${hub.mqttPort}`, options);
		const test = new TestClient(client);
		client.on('message', (topic, payload) => {
			test.received.push({ topic, text: payload.toString() });
			for (const wake of test.#wakers.splice(0)) wake();
		});
		t.teardown(() => client.endAsync(true));
		await new Promise<void>((resolve, reject) => {
			client.once('connect', () => resolve());
			client.once('error', reject);
			client.once('close', () => reject(new Error('closed')));
		});
		client.on('error', () => {});
		return test;
	}

	/** Resolves when the connection ends. */
	closed(): Promise<void> {
		return new Promise((resolve) => {
			this.mqtt.once('close', () => resolve());
		});
	}

	/** The next message. */
	async next(): Promise<Received> {
		for (;;) {
			const message = this.received.shift();
			if (message !== undefined) return message;
			await new Promise<void>((resolve) => this.#wakers.push(resolve));
		}
	}

	/** Sends a request with a request id and returns the answer to it. */
	async request(topic: string, payload = ''): Promise<Received> {
		await this.mqtt.publishAsync(topic, payload);
		return this.next();
	}
}
