import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Duplex } from 'node:stream';
import type * as device from 'azure-iot-device';
import type * as deviceMqtt from 'azure-iot-device-mqtt';

/** The SDK's driver of MQTT.js (`azure-iot-mqtt-base`), as far as it is called here. */
export interface SdkMqttBase extends EventEmitter {
	connect(config: object, done: SdkCallback): void;
	disconnect(done: SdkCallback): void;
	publish(topic: string, payload: unknown, options: object, done: SdkCallback): void;
	subscribe(topic: string, options: object, done: SdkCallback): void;
	unsubscribe(topic: string, done: SdkCallback): void;
	updateSharedAccessSignature(token: string, done: SdkCallback): void;
	setOptions(options: object): void;
}

/** How the SDK answers: an error, or a result. */
export type SdkCallback<Result = unknown> = (error?: Error | null, result?: Result) => void;

/** A packet of MQTT.js. */
export interface MqttPublish {
	readonly topic: string;
	readonly payload: Buffer;
}

/** A client of MQTT.js 4, as far as it is called here. */
export interface MqttClient {
	readonly stream: { destroy(): void };
	/** Called for every publish; a QoS 1 packet is acknowledged when `done` is called without error. */
	handleMessage: (packet: MqttPublish, done: (error?: Error) => void) => void;
}

/** What makes a client of MQTT.js for the SDK's driver. */
export interface MqttProvider {
	connect(uri: string, options: object): MqttClient;
}

/** The parts of the official SDK that a connection is built from. */
export interface SdkModules {
	readonly Mqtt: typeof deviceMqtt.Mqtt;
	readonly Message: typeof device.Message;
	readonly MqttBase: new (provider: MqttProvider) => SdkMqttBase;
	/** A client of MQTT.js over a byte stream that is there. */
	readonly MqttClient: new (
		stream: () => Duplex,
		options: object,
	) => MqttClient;
}

let loaded: SdkModules | undefined;

/**
 * Loads the SDK at the first connection: it takes a quarter of a second and 60 MB, which programs
 * that never connect should not pay. Its inner packages are resolved the way it resolves them
 * itself, since another version of MQTT.js may lie closer to us.
 */
export function loadSdkModules(): SdkModules {
	loaded ??= load();
	return loaded;
}

function load(): SdkModules {
	const here = createRequire(import.meta.url);
	const fromTransport = createRequire(here.resolve('azure-iot-device-mqtt'));
	const fromBase = createRequire(fromTransport.resolve('azure-iot-mqtt-base'));
	const fromClient = createRequire(fromBase.resolve('mqtt'));
	// Else it prepares 65,536 buffers, one for every packet identifier: 7 MB.
	fromClient('mqtt-packet').writeToStream.cacheNumbers = false;
	return {
		Mqtt: here('azure-iot-device-mqtt').Mqtt,
		Message: here('azure-iot-device').Message,
		MqttBase: fromTransport('azure-iot-mqtt-base').MqttBase,
		MqttClient: fromBase('mqtt').MqttClient,
	};
}
