import { createRequire } from 'node:module';
import type * as device from 'azure-iot-device';
import type * as deviceMqtt from 'azure-iot-device-mqtt';
import { type Identity, identityKey } from '../protocol/identity.ts';
import type { JsonObject, JsonValue } from '../runtime/json.ts';
import { Expectations, type WaitOptions } from './expectations.ts';
import { parsedJson } from './telemetry-journal.ts';

/** A message that a simulated device or module has received. */
export interface ReceivedMessage {
	/** The input, of a module; empty for a cloud-to-device message. */
	readonly input: string;
	/** The body parsed as JSON; undefined where it is none. */
	readonly body: JsonValue | undefined;
	readonly text: string;
	readonly properties: Readonly<Record<string, string>>;
	/** As the SDK has handed it over. */
	readonly sdk: device.Message;
}

/** What a client sends besides the body. */
export interface SendOptions {
	/** Output of a module. Default `output1`. */
	readonly output?: string;
	readonly properties?: Readonly<Record<string, string>>;
}

/** How a simulated client finds its hub. */
export interface SimulatedClientOptions {
	readonly identity: Identity;
	readonly connectionString: string;
	/** PEM of the authorities to trust. */
	readonly authority: string;
}

/** What becomes of a call of a direct method: an answer, or a function that makes one. */
export type MethodAnswer = (
	payload: JsonValue,
) => MethodResult | JsonValue | Promise<MethodResult | JsonValue>;

/** An answer with a status other than 200. */
export interface MethodResult {
	readonly status: number;
	readonly payload?: JsonValue;
}

const sdkRequire = createRequire(import.meta.url);

/**
 * A connected device or module that a test plays, on the official SDK, unmodified. `sdk` is its
 * client, for everything that has no short form here.
 */
export class SimulatedClient implements AsyncDisposable {
	readonly identity: Identity;
	readonly sdk: device.Client | device.ModuleClient;
	readonly #message: typeof device.Message;
	readonly #received: Expectations<ReceivedMessage>;
	#twin: Promise<device.Twin> | undefined;
	#listening = false;

	private constructor(
		identity: Identity,
		sdk: device.Client | device.ModuleClient,
		message: typeof device.Message,
	) {
		this.identity = identity;
		this.sdk = sdk;
		this.#message = message;
		this.#received = new Expectations(`message for ${identityKey(identity)}`, ({ input, text }) =>
			`${input} ${text.slice(0, 200)}`.trim(),
		);
	}

	/** Connects over MQTT. @throws the SDK's errors */
	static async connect(options: SimulatedClientOptions): Promise<SimulatedClient> {
		const { identity, connectionString, authority } = options;
		const sdkDevice: typeof device = sdkRequire('azure-iot-device');
		const { Mqtt }: typeof deviceMqtt = sdkRequire('azure-iot-device-mqtt');
		const { Client, ModuleClient, Message } = sdkDevice;
		const client =
			identity.moduleId === undefined
				? Client.fromConnectionString(connectionString, Mqtt)
				: ModuleClient.fromConnectionString(connectionString, Mqtt);
		await client.setOptions({ ca: authority });
		// The SDK emits connection errors besides retrying; without a listener they end the process.
		client.on('error', () => {});
		await client.open();
		return new SimulatedClient(identity, client, Message);
	}

	/** Sends a message; resolves when the hub has acknowledged it. An object is sent as JSON. */
	async send(body: JsonValue | Uint8Array, options: SendOptions = {}): Promise<void> {
		const message = this.#newMessage(body, options.properties ?? {});
		if ('sendOutputEvent' in this.sdk) {
			await this.sdk.sendOutputEvent(options.output ?? 'output1', message);
		} else {
			await this.sdk.sendEvent(message);
		}
	}

	/** Subscribes for messages, so that the hub delivers what comes from now on. */
	async listen(): Promise<void> {
		if (this.#listening) return;
		this.#listening = true;
		const take = (input: string, message: device.Message) => {
			this.#received.add(receivedMessage(input, message));
			this.sdk.complete(message, () => {});
		};
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		this.sdk.once('error', reject);
		if ('sendOutputEvent' in this.sdk) this.sdk.on('inputMessage', take);
		else this.sdk.on('message', (message: device.Message) => take('', message));
		// The SDK subscribes by itself and says nothing; a request that follows it on the same
		// connection is answered after it.
		this.twin().then(() => resolve(), reject);
		await promise.finally(() => this.sdk.off('error', reject));
	}

	/** The next message, of an input when one is named, that was not handed out yet. */
	async receive(
		query: WaitOptions & {
			readonly input?: string;
			readonly where?: (message: ReceivedMessage) => boolean;
		} = {},
	): Promise<ReceivedMessage> {
		await this.listen();
		const { input, where, ...wait } = query;
		return this.#received.next((message) => {
			return (input === undefined || message.input === input) && (where?.(message) ?? true);
		}, wait);
	}

	/** The SDK's twin, read anew the first time. */
	twin(): Promise<device.Twin> {
		this.#twin ??= this.sdk.getTwin();
		return this.#twin;
	}

	/** Sets reported properties; null removes one. */
	async report(patch: JsonObject): Promise<void> {
		const twin = await this.twin();
		const { promise, resolve, reject } = Promise.withResolvers<void>();
		twin.properties.reported['update'](patch, (error?: Error) =>
			error === undefined || error === null ? resolve() : reject(error),
		);
		await promise;
	}

	/** Answers calls of a direct method from now on. */
	answer(name: string, answer: MethodAnswer): void {
		const handle = async (
			request: device.DeviceMethodRequest | undefined,
			response: device.DeviceMethodResponse | undefined,
		) => {
			const { status, payload } = await answerOf(answer, request?.payload ?? null);
			await response?.send(status, payload);
		};
		const listener: Parameters<device.ModuleClient['onMethod']>[1] = (request, response) => {
			// The caller hears nothing when the connection has ended meanwhile.
			handle(request, response).catch(() => {});
		};
		if ('onDeviceMethod' in this.sdk) this.sdk.onDeviceMethod(name, listener);
		else this.sdk.onMethod(name, listener);
	}

	/** Disconnects. */
	async [Symbol.asyncDispose](): Promise<void> {
		this.#received[Symbol.dispose]();
		await this.sdk.close().catch(() => {});
	}

	#newMessage(
		body: JsonValue | Uint8Array,
		properties: Readonly<Record<string, string>>,
	): device.Message {
		const raw = body instanceof Uint8Array;
		const message = new this.#message(raw ? Buffer.from(body) : JSON.stringify(body));
		if (!raw) {
			message.contentType = 'application/json';
			message.contentEncoding = 'utf-8';
		}
		for (const [name, value] of Object.entries(properties)) message.properties.add(name, value);
		return message;
	}
}

async function answerOf(answer: MethodAnswer, payload: JsonValue): Promise<Required<MethodResult>> {
	try {
		const result = await answer(payload);
		if (isMethodResult(result)) return { payload: null, ...result };
		return { status: 200, payload: result };
	} catch (error) {
		return { status: 500, payload: { error: String(error) } };
	}
}

function isMethodResult(result: MethodResult | JsonValue): result is MethodResult {
	return (
		typeof result === 'object' &&
		result !== null &&
		typeof Reflect.get(result, 'status') === 'number'
	);
}

function receivedMessage(input: string, message: device.Message): ReceivedMessage {
	const text = Buffer.from(message.getData() as Uint8Array).toString();
	const list: { key: string; value: string }[] = message.properties.propertyList;
	return {
		input,
		body: parsedJson(text),
		text,
		properties: Object.fromEntries(list.map(({ key, value }) => [key, value])),
		sdk: message,
	};
}
