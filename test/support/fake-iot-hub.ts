import type {
	ConnectionState,
	IotHubClient,
	IotHubClientOptions,
} from '../../src/iot-hub-client/iot-hub-client.ts';
import type { RegistryIdentity } from '../../src/iot-hub-client/registry-identity.ts';
import type { MethodRequest, MethodResponse } from '../../src/protocol/direct-method.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import type { Message } from '../../src/protocol/message.ts';
import { sign } from '../../src/protocol/sas-token.ts';
import { patchedTwin, type TwinProperties, versionOf } from '../../src/protocol/twin.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

/** IoT Hub in memory, with a registry, twins and a switch that cuts it off. */
export class FakeIotHub {
	readonly twins = new Map<string, TwinProperties>();
	readonly registry = new Map<string, RegistryIdentity>();
	/** Messages in the order of arrival, with the identity key of their sender. */
	readonly messages: { readonly sender: string; readonly message: Message }[] = [];
	/** What was asked, e.g. `getTwin edge1/filter`. */
	readonly requests: string[] = [];
	readonly clients = new Set<FakeIotHubClient>();
	/** Called for each message before it is taken; throws to refuse it. */
	accept: (sender: string, message: Message) => void = () => {};
	#online = true;

	get online(): boolean {
		return this.#online;
	}

	/** Cuts all connections, or lets clients connect again at once. */
	setOnline(online: boolean): void {
		this.#online = online;
		for (const client of this.clients) void client.connect();
	}

	/** Registers an identity with the given key, and its empty twin. @returns the key, base64 */
	register(identity: Identity, key = keyOf(identity), enabled = true): string {
		this.registry.set(identityKey(identity), {
			identity,
			generationId: '1',
			enabled,
			authentication: { type: 'sas', keys: [key, keyOf(identity)], thumbprints: [] },
			edgeCapable: false,
			parentScopes: [],
		});
		if (!this.twins.has(identityKey(identity))) {
			this.twins.set(identityKey(identity), {
				desired: { $version: 1 },
				reported: { $version: 1 },
			});
		}
		return key;
	}

	readonly scopeSource = {
		listScope: (): AsyncIterable<readonly RegistryIdentity[]> => this.#listScope(),
		getScopeIdentity: async (identity: Identity): Promise<readonly RegistryIdentity[]> => {
			this.#assertOnline();
			this.requests.push(`getScopeIdentity ${identityKey(identity)}`);
			const found = [{ deviceId: identity.deviceId }, identity].map((each) =>
				this.registry.get(identityKey(each)),
			);
			return [...new Set(found)].filter((each) => each !== undefined);
		},
		forwardModuleCall: async (): Promise<never> => {
			throw new EdgeError('EDGE_HUB_UNREACHABLE', 'This registry has no modules to manage.');
		},
	};

	createClient = (options: IotHubClientOptions): IotHubClient => {
		const client = new FakeIotHubClient(this, options);
		this.clients.add(client);
		return client;
	};

	/** Changes desired properties as a service would. */
	patchDesired(identity: Identity, patch: JsonObject): void {
		const twin = this.twins.get(identityKey(identity)) as TwinProperties;
		const $version = versionOf(twin.desired) + 1;
		const merged = patchedTwin(twin.desired, patch);
		this.twins.set(identityKey(identity), { ...twin, desired: { ...merged, $version } });
		for (const client of this.#connected(identity)) client.desired({ ...patch, $version });
	}

	/** Calls a method as a service would. */
	async callMethod(identity: Identity, request: MethodRequest): Promise<MethodResponse> {
		const [client] = this.#connected(identity);
		if (client?.method === undefined) throw new Error('DeviceNotOnline');
		return client.method(request);
	}

	/** Sends a cloud-to-device message; resolves when it is completed. */
	async sendToDevice(identity: Identity, message: Message): Promise<void> {
		const [client] = this.#connected(identity);
		if (client?.message === undefined) throw new Error('DeviceNotOnline');
		await client.message(message);
	}

	listensForMethods(identity: Identity): boolean {
		return this.#connected(identity).some(({ method }) => method !== undefined);
	}

	listensForDesired(identity: Identity): boolean {
		return this.#connected(identity).some((client) => client.listensForDesired);
	}

	listensForMessages(identity: Identity): boolean {
		return this.#connected(identity).some(({ message }) => message !== undefined);
	}

	reportedOf(identity: Identity): JsonObject {
		return this.twins.get(identityKey(identity))?.reported ?? {};
	}

	#connected(identity: Identity): FakeIotHubClient[] {
		return [...this.clients].filter(
			(client) =>
				identityKey(client.identity) === identityKey(identity) && client.state.kind === 'connected',
		);
	}

	async *#listScope(): AsyncGenerator<readonly RegistryIdentity[]> {
		this.#assertOnline();
		this.requests.push('listScope');
		yield [...this.registry.values()];
	}

	#assertOnline(): void {
		if (!this.#online) throw new EdgeError('EDGE_HUB_UNREACHABLE', 'IoT Hub is cut off.');
	}
}

/** The key that an identity is given when none is named. */
export function keyOf(identity: Identity): string {
	return Buffer.from(`key of ${identityKey(identity)}`).toString('base64');
}

export class FakeIotHubClient implements IotHubClient {
	readonly identity: Identity;
	state: ConnectionState = { kind: 'disconnected', reason: 'not started' };
	method: ((request: MethodRequest) => Promise<MethodResponse>) | undefined;
	message: ((message: Message) => Promise<void>) | undefined;
	readonly #hub: FakeIotHub;
	readonly #options: IotHubClientOptions;
	readonly #stateListeners = new Set<(state: ConnectionState) => void>();
	readonly #desiredListeners = new Set<(patch: JsonObject) => void>();
	#running = false;

	constructor(hub: FakeIotHub, options: IotHubClientOptions) {
		this.#hub = hub;
		this.#options = options;
		this.identity = options.identity;
	}

	async start(): Promise<void> {
		this.#running = true;
		void this.connect();
	}

	async stop(): Promise<void> {
		this.#running = false;
		this.#hub.clients.delete(this);
		this.#enter({ kind: 'disconnected', reason: 'stopped' });
	}

	async connect(): Promise<void> {
		if (!this.#running) return;
		if (!this.#hub.online) return this.#enter({ kind: 'disconnected', reason: 'cut off' });
		this.#enter({ kind: 'connecting' });
		const other = this.#options.onBehalfOf?.();
		const { credential } = other ?? this.#options;
		if (other !== undefined) this.#hub.requests.push(`onBehalfOf ${other.authChain}`);
		const known = this.#hub.registry.get(identityKey(other?.actor ?? this.identity));
		const signature =
			credential.kind === 'signer'
				? await credential.sign('challenge').catch(() => '')
				: sign(credential.key, 'challenge');
		if (!this.#running || !this.#hub.online) return;
		const good = known?.authentication.keys.some((key) => sign(key, 'challenge') === signature);
		this.#enter(good ? { kind: 'connected' } : { kind: 'refused', reason: 'wrong key' });
	}

	onState(listener: (state: ConnectionState) => void): Disposable {
		this.#stateListeners.add(listener);
		listener(this.state);
		return { [Symbol.dispose]: () => this.#stateListeners.delete(listener) };
	}

	async getTwin(): Promise<TwinProperties> {
		this.#request('getTwin');
		return structuredClone(this.#hub.twins.get(identityKey(this.identity))) as TwinProperties;
	}

	async patchReported(patch: JsonObject): Promise<void> {
		this.#request(`patchReported ${JSON.stringify(patch)}`);
		const key = identityKey(this.identity);
		const twin = this.#hub.twins.get(key) as TwinProperties;
		const $version = versionOf(twin.reported) + 1;
		const merged = patchedTwin(twin.reported, patch);
		this.#hub.twins.set(key, { ...twin, reported: { ...merged, $version } });
	}

	get listensForDesired(): boolean {
		return this.#desiredListeners.size > 0;
	}

	onDesired(listener: (patch: JsonObject) => void): Disposable {
		this.#desiredListeners.add(listener);
		return { [Symbol.dispose]: () => this.#desiredListeners.delete(listener) };
	}

	onMethod(handler: (request: MethodRequest) => Promise<MethodResponse>): Disposable {
		this.method = handler;
		return {
			[Symbol.dispose]: () => {
				if (this.method === handler) this.method = undefined;
			},
		};
	}

	onMessage(handler: (message: Message) => Promise<void>): Disposable {
		this.message = handler;
		return {
			[Symbol.dispose]: () => {
				if (this.message === handler) this.message = undefined;
			},
		};
	}

	async send(message: Message): Promise<void> {
		this.#request('send');
		const sender = identityKey(this.identity);
		this.#hub.accept(sender, message);
		this.#hub.messages.push({ sender, message });
	}

	desired(patch: JsonObject): void {
		for (const listener of [...this.#desiredListeners]) listener(patch);
	}

	#request(what: string): void {
		if (this.state.kind !== 'connected') {
			throw new EdgeError('EDGE_HUB_UNREACHABLE', 'There is no connection.');
		}
		this.#hub.requests.push(`${what} ${identityKey(this.identity)}`);
	}

	#enter(state: ConnectionState): void {
		this.state = state;
		for (const listener of [...this.#stateListeners]) listener(state);
	}
}
