import type { ConnectionState, IotHubClient } from '../../src/iot-hub-client/iot-hub-client.ts';
import type { MethodRequest, MethodResponse } from '../../src/protocol/direct-method.ts';
import type { Identity } from '../../src/protocol/identity.ts';
import type { Message } from '../../src/protocol/message.ts';
import { mergePatch, type TwinProperties } from '../../src/protocol/twin.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

/** IoT Hub as one identity sees it, in memory: the test says when there is a connection. */
export class FakeIotHubClient implements IotHubClient {
	readonly identity: Identity;
	state: ConnectionState = { kind: 'connecting' };
	twin: TwinProperties = { desired: { $version: 1 }, reported: { $version: 1 } };
	/** Reported patches as they came. */
	readonly patches: JsonObject[] = [];
	readonly sent: Message[] = [];
	reads = 0;
	/** Runs before every request; may wait or throw. */
	before: (request: 'getTwin' | 'patchReported' | 'send') => Promise<void> = async () => {};
	readonly #states = new Set<(state: ConnectionState) => void>();
	readonly #desired = new Set<(patch: JsonObject) => void>();
	#method: ((request: MethodRequest) => Promise<MethodResponse>) | undefined;

	constructor(identity: Identity = { deviceId: 'edge1', moduleId: '$edgeAgent' }) {
		this.identity = identity;
	}

	async start(): Promise<void> {}

	async stop(): Promise<void> {}

	enter(state: ConnectionState): void {
		this.state = state;
		for (const listener of this.#states) listener(state);
	}

	/** Tells listeners of a patch, without changing the twin that a read gives. */
	pushDesired(patch: JsonObject): void {
		for (const listener of this.#desired) listener(patch);
	}

	async invoke(name: string, payload: MethodRequest['payload'] = null): Promise<MethodResponse> {
		if (this.#method === undefined) throw new Error('There is no handler.');
		return this.#method({ name, payload, responseTimeoutSeconds: 30, connectTimeoutSeconds: 0 });
	}

	onState(listener: (state: ConnectionState) => void): Disposable {
		this.#states.add(listener);
		listener(this.state);
		return { [Symbol.dispose]: () => this.#states.delete(listener) };
	}

	async getTwin(): Promise<TwinProperties> {
		this.reads += 1;
		const twin = structuredClone(this.twin);
		await this.before('getTwin');
		return twin;
	}

	async patchReported(patch: JsonObject): Promise<void> {
		await this.before('patchReported');
		this.patches.push(structuredClone(patch));
		this.twin.reported = mergePatch(this.twin.reported, patch, { nullDeletes: true });
	}

	onDesired(listener: (patch: JsonObject) => void): Disposable {
		this.#desired.add(listener);
		return { [Symbol.dispose]: () => this.#desired.delete(listener) };
	}

	onMethod(handler: (request: MethodRequest) => Promise<MethodResponse>): Disposable {
		this.#method = handler;
		return { [Symbol.dispose]: () => {} };
	}

	onMessage(): Disposable {
		return { [Symbol.dispose]: () => {} };
	}

	async send(message: Message): Promise<void> {
		await this.before('send');
		this.sent.push(message);
	}
}
