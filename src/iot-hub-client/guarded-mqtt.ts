import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { type HubTopic, parseHubTopic } from './hub-topic.ts';
import type {
	MqttClient,
	MqttPublish,
	SdkCallback,
	SdkModules,
	SdkMqttBase,
} from './sdk-modules.ts';

/** Where a connection's incoming messages go. Nothing of it may throw. */
export interface HubMessageHandlers {
	onMethod(method: HubTopic & { kind: 'method' }, payload: Buffer): void;
	/** Resolves when the message may be acknowledged to the hub, rejects when it must come again. */
	onDeviceBound(bag: string, body: Buffer): Promise<void>;
}

/** Settings of the MQTT session that the SDK has no options for. */
export interface MqttSessionOptions {
	/** Milliseconds for the way to the hub, and again for CONNACK. */
	readonly connectTimeout: number;
	/** Seconds between pings. IoT Hub's load balancer forgets silent connections after 4 minutes. */
	readonly keepAlive: number;
	/** Names the chain of edge devices on whose authority another identity connects. */
	readonly authChain?: string | undefined;
}

/**
 * Stands between the SDK's transport and its MQTT driver (the second argument of the transport's
 * constructor is there for that) and keeps from the transport what it handles badly:
 *
 * - direct methods, of which it delivers only names registered beforehand and none with a blank;
 * - twin responses, whose status it ignores and whose body, unless JSON, ends the process;
 * - desired properties that are not a JSON object;
 * - a subscription that the hub has refused (SUBACK 0x80), which it takes for granted;
 * - why a connection failed: it turns every reason into "not authorized";
 * - cloud-to-device messages, which it acknowledges before anybody has handled them;
 * - speaking for another identity, of which it knows nothing: the chain is added to the user name.
 */
export class GuardedMqtt extends EventEmitter {
	/** The driver's own error of the last attempt to connect; a number in `code` is a CONNACK's. */
	connectError: (Error & { code?: unknown }) | undefined;
	readonly #base: SdkMqttBase;
	readonly #handlers: HubMessageHandlers;
	readonly #authChain: string | undefined;
	#stream: Duplex | undefined;
	#client: MqttClient | undefined;

	constructor(sdk: SdkModules, session: MqttSessionOptions, handlers: HubMessageHandlers) {
		super();
		this.#handlers = handlers;
		this.#authChain = session.authChain;
		this.#base = new sdk.MqttBase({
			connect: (_uri, options) => {
				const { connectTimeout, keepAlive } = session;
				const own = { connectTimeout, keepalive: keepAlive };
				this.#client = new sdk.MqttClient(() => this.#takeStream(), { ...options, ...own });
				this.#client.handleMessage = (packet, done) => this.#acknowledge(packet, done);
				return this.#client;
			},
		});
		this.#base.on('error', (error) => this.emit('error', error));
		this.#base.on('message', (topic, payload) => this.#sort(topic, payload));
	}

	/** Gives the byte stream that the next connection runs over. */
	use(stream: Duplex): void {
		this.#stream = stream;
	}

	connect(config: { readonly username: string }, done: SdkCallback): void {
		const chain = this.#authChain;
		const member = chain === undefined ? '' : `&auth-chain=${encodeURIComponent(chain)}`;
		const username = `${config.username}${member}`;
		this.#base.connect({ ...config, username }, (error, result) => {
			this.connectError = error ?? undefined;
			done(error, result);
		});
	}

	disconnect(done: SdkCallback): void {
		this.#base.disconnect(done);
	}

	publish(topic: string, payload: unknown, options: object, done: SdkCallback): void {
		this.#base.publish(topic, payload, options, done);
	}

	subscribe(topic: string, options: object, done: SdkCallback): void {
		this.#base.subscribe(topic, options, (error, granted) => {
			done(error ?? refusalOf(topic, granted), granted);
		});
	}

	unsubscribe(topic: string, done: SdkCallback): void {
		this.#base.unsubscribe(topic, done);
	}

	updateSharedAccessSignature(token: string, done: SdkCallback): void {
		this.#base.updateSharedAccessSignature(token, done);
	}

	setOptions(options: object): void {
		this.#base.setOptions(options);
	}

	/** Ends the connection whatever is still under way. */
	destroy(): void {
		this.#stream?.destroy();
		this.#client?.stream.destroy();
	}

	#takeStream(): Duplex {
		const stream = this.#stream;
		if (stream === undefined) throw new Error('There is no stream to connect over.');
		return stream;
	}

	#sort(topic: string, payload: Buffer): void {
		const meaning = parseHubTopic(topic);
		switch (meaning?.kind) {
			case 'method':
				this.#handlers.onMethod(meaning, payload);
				break;
			case 'twin-response':
				this.emit('message', topic, readableResponse(meaning.status, payload));
				break;
			case 'desired-patch':
				if (isJsonObjectText(payload)) this.emit('message', topic, payload);
				break;
			default: // Device-bound messages are handled where they are acknowledged.
		}
	}

	#acknowledge(packet: MqttPublish, done: (error?: Error) => void): void {
		const meaning = parseHubTopic(packet.topic);
		if (meaning?.kind !== 'device-bound') {
			done();
			return;
		}
		this.#handlers.onDeviceBound(meaning.bag, packet.payload).then(
			() => done(),
			(error: Error) => done(error),
		);
	}
}

function refusalOf(topic: string, granted: unknown): Error | undefined {
	const refused = Array.isArray(granted) && granted.some(({ qos }) => qos >= 128);
	return refused ? new Error(`The subscription to ${topic} was refused.`) : undefined;
}

/** A body that the SDK reads as what the status says. */
function readableResponse(status: number, payload: Buffer): Buffer {
	const text = payload.toString();
	const body = parsed(text);
	if (status < 300 && (text === '' || body !== undefined)) return payload;
	const told = (body as { message?: unknown } | null | undefined)?.message;
	const reason = typeof told === 'string' ? told : text.slice(0, 200);
	const message = `IoT Hub answered with status ${status}. ${reason}`.trimEnd();
	return Buffer.from(JSON.stringify({ errorCode: status, message }));
}

function isJsonObjectText(payload: Buffer): boolean {
	const value = parsed(payload.toString());
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}
