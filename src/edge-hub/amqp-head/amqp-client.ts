import { AmqpError } from '../../amqp/amqp-error.ts';
import { type AmqpMessage, long } from '../../amqp/amqp-message.ts';
import type { LinkRequest, OutgoingLink } from '../../amqp/amqp-server.ts';
import type { MethodRequest } from '../../protocol/direct-method.ts';
import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import type { Subscription } from '../../protocol/mqtt-topic.ts';
import { versionOf } from '../../protocol/twin.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { RateLimit } from '../../runtime/rate-limit.ts';
import type { CredentialVerdict } from '../authorization/client-credential.ts';
import type { ConnectedClient } from '../clients/connected-client.ts';
import { messageToAmqp } from './client-message.ts';
import type { Speaker } from './link-proofs.ts';

/** Links that carry something to a client. */
export type ClientLink = 'inputs' | 'cloud-to-device' | 'methods' | 'twin';

/** What a link of each kind makes the client listen for. Desired properties are asked for on it. */
const subscriptionOf: Readonly<Record<ClientLink, Subscription>> = {
	inputs: 'inputs',
	'cloud-to-device': 'cloud-to-device',
	methods: 'methods',
	twin: 'twin-responses',
};

export interface AmqpClientOwner {
	readonly identity: Identity;
	readonly place: string;
	readonly rate: RateLimit | undefined;
	readonly check: () => CredentialVerdict;
	readonly clock: Clock;
	/** Milliseconds within which it must settle a message. */
	readonly acknowledgementTimeout: number;
	readonly subscriptionsChanged: (client: AmqpClient) => void;
	/** It has to go. */
	readonly expelled: (client: AmqpClient) => void;
}

/** A client that speaks AMQP: what the hub sends to it, as messages on its links. */
export class AmqpClient implements ConnectedClient {
	readonly identity: Identity;
	readonly place: string;
	/** Announced model (IoT Plug and Play). */
	modelId: string | undefined;
	/** How fast it may send; undefined where it may as it likes. */
	readonly rate: RateLimit | undefined;
	/** Judges the newest token. */
	check: () => CredentialVerdict;
	/** The child edge hub that speaks for it; undefined for who speaks for itself. */
	speaker: Speaker | undefined;
	readonly #owner: AmqpClientOwner;
	readonly #links = new Map<ClientLink, OutgoingLink>();
	readonly #requests = new Set<LinkRequest>();
	#wantsDesired = false;

	constructor(owner: AmqpClientOwner) {
		this.identity = owner.identity;
		this.place = owner.place;
		this.rate = owner.rate;
		this.check = owner.check;
		this.#owner = owner;
	}

	get subscriptions(): ReadonlySet<Subscription> {
		const all = new Set([...this.#links.keys()].map((kind) => subscriptionOf[kind]));
		if (this.#wantsDesired && this.#links.has('twin')) all.add('desired-properties');
		return all;
	}

	/** Notes a link that the client has attached. */
	track(request: LinkRequest): void {
		this.#requests.add(request);
		request.closed.addEventListener('abort', () => this.#requests.delete(request));
	}

	/** The newest link of a kind is the one that is used. */
	attach(kind: ClientLink, link: OutgoingLink): void {
		this.#links.set(kind, link);
		link.closed.addEventListener('abort', () => {
			if (this.#links.get(kind) !== link) return;
			this.#links.delete(kind);
			if (kind === 'twin') this.#wantsDesired = false;
			this.#owner.subscriptionsChanged(this);
		});
		this.#owner.subscriptionsChanged(this);
	}

	/** Whether it wants to hear of changes of desired properties. */
	wantDesired(wanted: boolean): void {
		this.#wantsDesired = wanted;
		this.#owner.subscriptionsChanged(this);
	}

	sendInputs(input: string, messages: readonly Message[]): Promise<readonly (Error | undefined)[]> {
		const answers = messages.map(async (message) => {
			try {
				await this.#deliver('inputs', messageToAmqp(message, input));
				return undefined;
			} catch (error) {
				return error instanceof Error ? error : new Error(messageOf(error));
			}
		});
		return Promise.all(answers);
	}

	sendCloudToDevice(message: Message): Promise<void> {
		return this.#deliver('cloud-to-device', messageToAmqp(message));
	}

	sendDesired(patch: JsonObject): Promise<void> {
		return this.send('twin', {
			annotations: new Map([['version', long(versionOf(patch))]]),
			data: Buffer.from(JSON.stringify(patch)),
		});
	}

	sendMethod(requestId: string, { name, payload }: MethodRequest): Promise<void> {
		return this.send('methods', {
			correlationId: requestId,
			properties: new Map([['IoThub-methodname', name]]),
			data: Buffer.from(JSON.stringify(payload)),
		});
	}

	/** Sends what needs no outcome. @throws EdgeError EDGE_CLIENT_GONE */
	async send(kind: ClientLink, message: AmqpMessage): Promise<void> {
		await this.#linkOf(kind).send(message, { settled: true });
	}

	checkCredential(): CredentialVerdict {
		return this.check();
	}

	/** Ends all its links. */
	detach(): void {
		const error = new AmqpError('amqp:unauthorized-access', 'The hub has ended the connection.');
		for (const request of [...this.#requests]) request.close(error);
	}

	close(): void {
		this.#owner.expelled(this);
	}

	/**
	 * A client that releases a message gets it again, one that rejects it does not. As with MQTT, one
	 * that does not answer loses its connection, so that nothing overtakes what it has missed.
	 */
	async #deliver(kind: ClientLink, message: AmqpMessage): Promise<void> {
		const { clock, acknowledgementTimeout } = this.#owner;
		const link = this.#linkOf(kind);
		using _ = clock.after(acknowledgementTimeout, () => this.close());
		const outcome = await link.send(message);
		if (outcome === 'released') {
			throw new EdgeError('EDGE_CLIENT_GONE', 'The client wants the message later.');
		}
		// A cloud-to-device message is done with; IoT Hub is not asked to keep it.
		if (outcome === 'rejected' && kind === 'inputs') {
			throw new EdgeError('EDGE_MESSAGE_REJECTED', 'The module has rejected the message.');
		}
	}

	#linkOf(kind: ClientLink): OutgoingLink {
		const link = this.#links.get(kind);
		if (link !== undefined) return link;
		throw new EdgeError('EDGE_CLIENT_GONE', 'The client does not listen.');
	}
}
