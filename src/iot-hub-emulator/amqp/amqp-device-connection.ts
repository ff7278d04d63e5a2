import type { AmqpError } from '../../amqp/amqp-error.ts';
import { type AmqpMessage, long } from '../../amqp/amqp-message.ts';
import type { LinkRequest, OutgoingLink } from '../../amqp/amqp-server.ts';
import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { Admission } from '../access/device-authentication.ts';
import type { QueuedMessage } from '../cloud-to-device/queued-message.ts';
import type {
	DeliveryOutcome,
	DeviceConnection,
	Feature,
} from '../connections/device-connection.ts';
import { deviceMessageToAmqp } from './hub-message.ts';

/** Links that carry something to a device or module. */
export type DeviceLink = 'methods' | 'twin' | 'device-bound';

/** A device or module that is connected with AMQP, alone or among others on one connection. */
export class AmqpDeviceConnection implements DeviceConnection {
	readonly identity: Identity;
	/** Whether it has asked for changes of desired properties. */
	wantsDesired = false;
	readonly #end: () => void;
	readonly #links = new Map<DeviceLink, OutgoingLink>();
	/** All its links, also those on which it sends. */
	readonly #requests = new Set<LinkRequest>();
	#admission: Admission;

	/** @param end is called when it has to go */
	constructor(identity: Identity, admission: Admission, end: () => void) {
		this.identity = identity;
		this.#admission = admission;
		this.#end = end;
	}

	get admission(): Admission {
		return this.#admission;
	}

	/** A new token for the same identity. */
	renew(admission: Admission): void {
		this.#admission = admission;
	}

	/** Notes a link that the client has attached. */
	track(request: LinkRequest): void {
		this.#requests.add(request);
		request.closed.addEventListener('abort', () => this.#requests.delete(request));
	}

	/** The newest link of a kind is the one that is used. */
	attach(kind: DeviceLink, link: OutgoingLink): void {
		this.#links.set(kind, link);
		link.closed.addEventListener('abort', () => {
			if (this.#links.get(kind) !== link) return;
			this.#links.delete(kind);
			if (kind === 'twin') this.wantsDesired = false;
		});
	}

	receives(feature: Feature): boolean {
		if (feature === 'methods') return this.#links.has('methods');
		if (feature === 'cloud-to-device') return this.#links.has('device-bound');
		return this.wantsDesired && this.#links.has('twin');
	}

	sendDesired(patch: JsonObject, version: number): void {
		this.send('twin', {
			annotations: new Map([['version', long(version)]]),
			data: Buffer.from(JSON.stringify(patch)),
		});
	}

	sendMethod(name: string, requestId: string, payload: JsonValue): void {
		this.send('methods', {
			correlationId: requestId,
			properties: new Map([['IoThub-methodname', name]]),
			data: Buffer.from(JSON.stringify(payload)),
		});
	}

	get deliveryRoom(): number {
		return this.#links.get('device-bound')?.credit ?? 0;
	}

	async deliver(message: Message, delivery: QueuedMessage): Promise<DeliveryOutcome> {
		const link = this.#links.get('device-bound');
		if (link === undefined) return 'abandoned';
		const outcome = await link
			.send(deviceMessageToAmqp(message, delivery))
			// The link is gone, not the client.
			.catch(() => 'released' as const);
		if (outcome === 'accepted') return 'completed';
		return outcome === 'rejected' ? 'rejected' : 'abandoned';
	}

	/** Sends what needs no outcome. Whoever is gone before it arrives finds out when it comes back. */
	send(kind: DeviceLink, message: AmqpMessage): void {
		this.#links
			.get(kind)
			?.send(message, { settled: true })
			.catch(() => {});
	}

	/** Ends all its links. */
	detach(error: AmqpError): void {
		for (const request of [...this.#requests]) request.close(error);
	}

	close(): void {
		this.#end();
	}
}
