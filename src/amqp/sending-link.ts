import { randomBytes } from 'node:crypto';
import rhea, { type Delivery, type EventContext, type Sender } from 'rhea';
import { EdgeError } from '../runtime/edge-error.ts';
import { type AmqpMessage, messageToWire } from './amqp-message.ts';
import type { AmqpConnection, LinkRequest, Outcome, OutgoingLink } from './amqp-server.ts';
import { peerAddressOf } from './link-address.ts';

interface Waiting {
	readonly message: AmqpMessage;
	readonly settled: boolean;
	readonly resolve: (outcome: Outcome) => void;
	readonly reject: (error: Error) => void;
}

/** Parts of the library's sender that its types leave out. */
interface Counted {
	readonly credit: number;
	readonly delivery_count: number;
	readonly session: { readonly outgoing: { available(): number } };
}

/** An outcome, as the library makes it. */
interface Described {
	described(): Parameters<Delivery['update']>[1];
}

/** The sending side of a link: waits for credit, keeps the order, learns of outcomes. */
export class SendingLink implements OutgoingLink {
	readonly connection: AmqpConnection;
	readonly address: string;
	readonly replyAddress: string | undefined;
	readonly properties: ReadonlyMap<string, unknown>;
	readonly filters: ReadonlyMap<string, unknown>;
	readonly closed: AbortSignal;
	readonly close: LinkRequest['close'];
	readonly #sender: Sender;
	readonly #waiting: Waiting[] = [];
	readonly #undecided = new Map<Delivery, Waiting>();
	readonly #creditListeners: (() => void)[] = [];
	readonly #tagPrefix = randomBytes(8);
	/** Messages handed to the library, which counts them only when it writes them. */
	#sent = 0;
	/** Messages sent so far. */
	#tags = 0n;
	/** Whether the peer has been told that it is attached: the library would send messages before. */
	#attached = false;

	constructor(sender: Sender, request: LinkRequest) {
		this.#sender = sender;
		this.connection = request.connection;
		this.address = request.address;
		this.replyAddress = peerAddressOf(sender);
		this.properties = request.properties;
		this.filters = request.filters;
		this.closed = request.closed;
		this.close = request.close;
	}

	begin(): void {
		const sender = this.#sender;
		this.closed.addEventListener('abort', () => this.#end());
		sender.on('sender_flow', () => this.#flow());
		sender.on('accepted', ({ delivery }: EventContext) => this.#decide(delivery, 'accepted'));
		sender.on('rejected', ({ delivery }: EventContext) => this.#decide(delivery, 'rejected'));
		sender.on('released', ({ delivery }: EventContext) => this.#decide(delivery, 'released'));
		sender.on('modified', ({ delivery }: EventContext) => this.#decide(delivery, 'released'));
		// Settled without a state: the peer does not care, and will not want it again.
		sender.on('settled', ({ delivery }: EventContext) => this.#decide(delivery, 'accepted'));
		setImmediate(() => {
			this.#attached = true;
			if (!this.closed.aborted) this.#flow();
		});
	}

	/** Messages that can be sent at once. */
	get credit(): number {
		return Math.max(0, this.#room - this.#waiting.length);
	}

	/** Messages that the peer takes, those that wait included. */
	get #room(): number {
		if (!this.#attached) return 0;
		const { credit, delivery_count, session } = this.#sender as unknown as Counted;
		const granted = credit - (this.#sent - delivery_count);
		return Math.min(granted, session.outgoing.available());
	}

	onCredit(listener: () => void): void {
		this.#creditListeners.push(listener);
	}

	send(message: AmqpMessage, { settled = false } = {}): Promise<Outcome> {
		if (this.closed.aborted) return Promise.reject(gone());
		const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
		const waiting = { message, settled, resolve, reject };
		if (this.credit > 0) this.#transfer(waiting);
		else this.#waiting.push(waiting);
		return promise;
	}

	#end(): void {
		for (const { reject } of this.#waiting.splice(0)) reject(gone());
		for (const { reject } of this.#undecided.values()) reject(gone());
		this.#undecided.clear();
	}

	#flow(): void {
		if (!this.#attached) return;
		const counted = this.#sender as unknown as Counted;
		// Without credit the library holds nothing back; a drain moves its count past ours.
		if (counted.credit <= 0) this.#sent = counted.delivery_count;
		while (this.#waiting.length > 0 && this.#room > 0) {
			const next = this.#waiting.shift();
			if (next !== undefined) this.#transfer(next);
		}
		for (const listener of [...this.#creditListeners]) listener();
		this.#drain();
	}

	/** A peer that drains wants its credit used or given back [AMQP 1.0, 2.6.7]. */
	#drain(): void {
		const { credit, delivery_count } = this.#sender as unknown as Counted;
		const draining = (this.#sender as unknown as { _draining: boolean })._draining;
		if (!draining) return;
		const unused = credit - (this.#sent - delivery_count);
		this.#sender.set_drained(true);
		this.#sent += Math.max(0, unused);
	}

	#transfer(waiting: Waiting): void {
		const delivery = this.#sender.send(messageToWire(waiting.message), this.#nextTag());
		this.#sent += 1;
		if (waiting.settled || this.#sender.snd_settle_mode === 1) {
			(delivery as { settled: boolean }).settled = true;
			waiting.resolve('accepted');
			return;
		}
		this.#undecided.set(delivery, waiting);
	}

	/** 16 bytes: the Azure SDK for .NET makes a GUID of the tag, and refuses a message whose tag is none. */
	#nextTag(): Buffer {
		const tag = Buffer.alloc(16);
		this.#tagPrefix.copy(tag);
		tag.writeBigUInt64BE(this.#tags, 8);
		this.#tags += 1n;
		return tag;
	}

	#decide(delivery: Delivery | undefined, outcome: Outcome): void {
		const waiting = delivery === undefined ? undefined : this.#undecided.get(delivery);
		if (delivery === undefined || waiting === undefined) return;
		this.#undecided.delete(delivery);
		// A receiver that settles second waits for this side to settle first [AMQP 1.0, 2.6.12]. As IoT
		// Hub, this side accepts the outcome, whatever it is: SDKs take anything else for a failure.
		if (!delivery.remote_settled) delivery.update(true, accepted());
		waiting.resolve(outcome);
	}
}

function accepted(): ReturnType<Described['described']> {
	const { message } = rhea as unknown as { readonly message: { accepted(): Described } };
	return message.accepted().described();
}

function gone(): EdgeError {
	return new EdgeError('EDGE_CLIENT_GONE', 'The link ended before the message was settled.');
}
