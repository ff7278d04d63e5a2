import type { CredentialVerdict } from '../../src/edge-hub/authorization/client-credential.ts';
import type { ClientRegistry } from '../../src/edge-hub/clients/client-registry.ts';
import type { ConnectedClient } from '../../src/edge-hub/clients/connected-client.ts';
import type { MethodRequest } from '../../src/protocol/direct-method.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import type { Message } from '../../src/protocol/message.ts';
import type { Subscription } from '../../src/protocol/mqtt-topic.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

/** A connected client that remembers what it was sent. */
export class FakeClient implements ConnectedClient {
	readonly identity: Identity;
	readonly place: string;
	readonly #clients: ClientRegistry;
	subscriptions: ReadonlySet<Subscription>;
	readonly inputs: { readonly input: string; readonly message: Message }[] = [];
	readonly desired: JsonObject[] = [];
	readonly methods: { readonly requestId: string; readonly request: MethodRequest }[] = [];
	readonly deviceBound: Message[] = [];
	verdict: CredentialVerdict = { kind: 'accepted' };
	closed = false;
	/** What every send waits for. */
	take: () => Promise<void> = async () => {};

	constructor(
		clients: ClientRegistry,
		identity: Identity,
		subscriptions: readonly Subscription[] = [],
		place = identityKey(identity),
	) {
		this.identity = identity;
		this.place = place;
		this.#clients = clients;
		this.subscriptions = new Set(subscriptions);
		clients.add(this);
	}

	subscribe(...subscriptions: readonly Subscription[]): void {
		this.subscriptions = new Set([...this.subscriptions, ...subscriptions]);
		this.#clients.subscriptionsChanged(this);
	}

	sendInputs(input: string, messages: readonly Message[]): Promise<readonly (Error | undefined)[]> {
		const answers = messages.map(async (message) => {
			try {
				await this.#send();
				this.inputs.push({ input, message });
				return undefined;
			} catch (error) {
				return error as Error;
			}
		});
		return Promise.all(answers);
	}

	async sendCloudToDevice(message: Message): Promise<void> {
		await this.#send();
		this.deviceBound.push(message);
	}

	async sendDesired(patch: JsonObject): Promise<void> {
		await this.#send();
		this.desired.push(patch);
	}

	async sendMethod(requestId: string, request: MethodRequest): Promise<void> {
		await this.#send();
		this.methods.push({ requestId, request });
	}

	checkCredential(): CredentialVerdict {
		return this.verdict;
	}

	close(): void {
		this.closed = true;
		this.#clients.remove(this);
	}

	async #send(): Promise<void> {
		if (this.closed) throw new EdgeError('EDGE_CLIENT_GONE', 'The client is closed.');
		await this.take();
	}
}
