import type { MqttConnection } from '../../mqtt/mqtt-server.ts';
import type { MethodRequest } from '../../protocol/direct-method.ts';
import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import {
	desiredPatchTopic,
	deviceBoundTopic,
	methodRequestTopic,
	parseSubscription,
	type Subscription,
} from '../../protocol/mqtt-topic.ts';
import { versionOf } from '../../protocol/twin.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { CredentialVerdict } from '../authorization/client-credential.ts';
import type { ConnectedClient } from '../clients/connected-client.ts';
import type { TelemetryKind } from '../telemetry.ts';
import { InputBatch, InputMessage } from './input-message.ts';
import { InputTopics } from './input-topics.ts';
import { messageBag } from './message-bag.ts';
import { SendWindow } from './send-window.ts';

/** Messages to all inputs of a client that its connection holds at once; others wait in here. */
const maxUnacknowledgedInputs = 256;

/** A client that speaks MQTT: what the hub sends to it, as topics and payloads. */
export class MqttClient implements ConnectedClient {
	readonly identity: Identity;
	readonly place: string;
	subscriptions: ReadonlySet<Subscription>;
	/** Announced model, for the messages of the client (IoT Plug and Play). */
	readonly modelId: string | undefined;
	/** What the last message of the client was: mostly the next one is the same, but for its body. */
	lastTelemetry: { readonly topic: string; readonly kind: TelemetryKind } | undefined;
	readonly #connection: MqttConnection;
	readonly #check: () => CredentialVerdict;
	readonly #inputs = new SendWindow<InputMessage>(maxUnacknowledgedInputs, (message) =>
		this.#connection.deliver(message.publication, this.#granted.get('inputs') ?? 0, message),
	);
	readonly #inputTopics: InputTopics;
	/** What it listens for → the highest QoS that was granted for it. */
	#granted: ReadonlyMap<Subscription, 0 | 1>;

	constructor(
		connection: MqttConnection,
		owner: {
			readonly identity: Identity;
			readonly place: string;
			readonly modelId: string | undefined;
		},
		check: () => CredentialVerdict,
	) {
		this.identity = owner.identity;
		this.place = owner.place;
		this.modelId = owner.modelId;
		this.#connection = connection;
		this.#check = check;
		this.#inputTopics = new InputTopics(owner.identity);
		this.#granted = grantedOf(connection, owner.identity);
		this.subscriptions = new Set(this.#granted.keys());
	}

	/** Reads the connection's topic filters again. */
	refreshSubscriptions(): void {
		this.#granted = grantedOf(this.#connection, this.identity);
		this.subscriptions = new Set(this.#granted.keys());
	}

	sendInputs(
		input: string,
		messages: readonly Message[],
		repeated?: ReadonlySet<Message>,
	): Promise<readonly (Error | undefined)[]> {
		return new Promise((resolve) => {
			const batch = new InputBatch(messages.length, resolve);
			for (const [index, message] of messages.entries()) {
				const topic = this.#inputTopics.of(input, message);
				const duplicate = repeated?.has(message) ?? false;
				const publication = { topic, payload: message.body, duplicate };
				this.#inputs.add(new InputMessage(publication, batch, index, this.#inputs));
			}
		});
	}

	sendCloudToDevice(message: Message): Promise<void> {
		const topic = deviceBoundTopic(this.identity.deviceId, messageBag(message));
		return this.#publish(topic, message.body, 'cloud-to-device');
	}

	sendDesired(patch: JsonObject): Promise<void> {
		const topic = desiredPatchTopic(versionOf(patch));
		return this.#publish(topic, Buffer.from(JSON.stringify(patch)), 'desired-properties');
	}

	sendMethod(requestId: string, { name, payload }: MethodRequest): Promise<void> {
		const topic = methodRequestTopic(name, requestId);
		return this.#publish(topic, Buffer.from(JSON.stringify(payload)), 'methods');
	}

	/** An answer to a twin request; taken as wanted, whether or not the client has subscribed to it. */
	sendTwinResponse(topic: string, body: string): Promise<void> {
		return this.#publish(topic, Buffer.from(body), 'twin-responses');
	}

	checkCredential(): CredentialVerdict {
		return this.#check();
	}

	close(): void {
		this.#connection.close();
	}

	#publish(topic: string, payload: Uint8Array, subscription: Subscription): Promise<void> {
		return this.#connection.publish({ topic, payload }, this.#granted.get(subscription) ?? 0);
	}
}

function grantedOf(connection: MqttConnection, identity: Identity): Map<Subscription, 0 | 1> {
	const granted = new Map<Subscription, 0 | 1>();
	for (const [filter, qos] of connection.subscriptions) {
		const subscription = parseSubscription(filter, identity);
		if (subscription === undefined) continue;
		granted.set(subscription, qos === 1 ? 1 : (granted.get(subscription) ?? 0));
	}
	return granted;
}
