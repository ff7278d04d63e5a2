import type { MqttConnection } from '../../mqtt/mqtt-server.ts';
import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import {
	desiredPatchTopic,
	deviceBoundTopic,
	methodRequestTopic,
	parseSubscription,
} from '../../protocol/mqtt-topic.ts';
import { formatPropertyBag } from '../../protocol/property-bag.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { Admission } from '../access/device-authentication.ts';
import type {
	DeliveryOutcome,
	DeviceConnection,
	Feature,
} from '../connections/device-connection.ts';

/** A device or module that is connected with MQTT. */
export class MqttDeviceConnection implements DeviceConnection {
	readonly identity: Identity;
	readonly admission: Admission;
	readonly modelId?: string;
	readonly #mqtt: MqttConnection;
	#delivering = false;

	constructor(
		mqtt: MqttConnection,
		client: {
			readonly identity: Identity;
			readonly admission: Admission;
			readonly modelId?: string;
		},
	) {
		this.#mqtt = mqtt;
		this.identity = client.identity;
		this.admission = client.admission;
		if (client.modelId !== undefined) this.modelId = client.modelId;
	}

	receives(feature: Feature): boolean {
		return this.#qosOf(feature) !== undefined;
	}

	sendDesired(patch: JsonObject, version: number): void {
		this.#send('desired-properties', desiredPatchTopic(version), JSON.stringify(patch));
	}

	sendMethod(name: string, requestId: string, payload: JsonValue): void {
		this.#send('methods', methodRequestTopic(name, requestId), JSON.stringify(payload));
	}

	/** One at a time: a client that is gone has not seen the others, and they are not counted. */
	get deliveryRoom(): number {
		return this.#delivering ? 0 : 1;
	}

	async deliver(message: Message): Promise<DeliveryOutcome> {
		const qos = this.#qosOf('cloud-to-device') ?? 0;
		const topic = deviceBoundTopic(this.identity.deviceId, formatPropertyBag(deviceBag(message)));
		this.#delivering = true;
		try {
			await this.#mqtt.publish({ topic, payload: message.body }, qos);
		} finally {
			this.#delivering = false;
		}
		return 'completed';
	}

	close(): void {
		this.#mqtt.close();
	}

	/** Not awaited: whoever is gone before it arrives finds out when it comes back. */
	#send(feature: Feature, topic: string, json: string): void {
		const publication = { topic, payload: Buffer.from(json) };
		this.#mqtt.publish(publication, this.#qosOf(feature) ?? 0).catch(() => {});
	}

	#qosOf(feature: Feature): 0 | 1 | undefined {
		for (const [filter, qos] of this.#mqtt.subscriptions) {
			if (parseSubscription(filter, this.identity) === feature) return qos;
		}
		return undefined;
	}
}

const deviceWireNames: ReadonlyMap<string, string> = new Map([
	['messageId', '$.mid'],
	['cid', '$.cid'],
	['userId', '$.uid'],
	['to', '$.to'],
	['absolute-expiry-time', '$.exp'],
	['contentType', '$.ct'],
	['contentEncoding', '$.ce'],
	['ack', 'iothub-ack'],
]);

/** The bag of a cloud-to-device message, system properties first, as IoT Hub writes it. */
function deviceBag(message: Message): Map<string, string | null> {
	const bag = new Map<string, string | null>();
	for (const [name, value] of message.systemProperties) {
		const wire = deviceWireNames.get(name);
		if (wire !== undefined) bag.set(wire, value);
	}
	for (const [name, value] of message.properties) if (!bag.has(name)) bag.set(name, value);
	return bag;
}
