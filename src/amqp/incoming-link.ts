import type { Delivery, EventContext, Message, Receiver } from 'rhea';
import { messageOf } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';
import { AmqpError, asAmqpError } from './amqp-error.ts';
import { type AmqpMessage, messageFromWire, messagesFromBatch } from './amqp-message.ts';
import type { IncomingRoute } from './amqp-server.ts';
import { abortedFormat } from './guarded-connection.ts';

/** Messages within a message, as the Azure SDKs send several at once. */
const batchFormat = 0x80_01_37_00;

/** A link on which the peer sends. It is given as much credit as messages may be in progress. */
export class IncomingLink {
	readonly #receiver: Receiver;
	readonly #route: IncomingRoute;
	readonly #credit: number;
	readonly #logger: Logger;
	/** Messages done since credit was given last. */
	#done = 0;

	constructor(
		receiver: Receiver,
		route: IncomingRoute,
		{ credit, logger }: { readonly credit: number; readonly logger: Logger },
	) {
		this.#receiver = receiver;
		this.#route = route;
		this.#credit = credit;
		this.#logger = logger;
	}

	begin(): void {
		this.#receiver.on('message', (context: EventContext) => void this.#receive(context));
		// Where this side settles second, the library waits for it to say so.
		this.#receiver.on('settled', ({ delivery }: EventContext) => delivery?.update(true));
		this.#receiver.add_credit(this.#credit);
	}

	async #receive({ message, delivery }: EventContext): Promise<void> {
		if (delivery === undefined || message === undefined) return;
		if (delivery.format === abortedFormat) {
			delivery.update(true);
			this.#replenish();
			return;
		}
		try {
			await Promise.all(messagesOf(message, delivery.format).map(this.#route));
			delivery.accept();
		} catch (error) {
			this.#refuse(delivery, error);
		}
		this.#replenish();
	}

	#refuse(delivery: Delivery, error: unknown): void {
		const refusal = asAmqpError(error);
		const reason = messageOf(error);
		if (refusal === error) this.#logger.debug('a message was rejected', { reason });
		else this.#logger.error('a message could not be served', { reason });
		// Two different outcomes in one turn are one to the library: what it has goes first.
		this.#writeOutcomes();
		delivery.reject(refusal.toWire());
		this.#writeOutcomes();
	}

	#writeOutcomes(): void {
		(this.#receiver.connection as unknown as { _process(): void })._process();
	}

	#replenish(): void {
		this.#done += 1;
		if (this.#done * 2 < this.#credit || !this.#receiver.is_open()) return;
		this.#receiver.add_credit(this.#done);
		this.#done = 0;
	}
}

/** @throws AmqpError for a format that is not known, or a batch that cannot be read */
function messagesOf(wire: Message, format: number): readonly AmqpMessage[] {
	if (format === 0) return [messageFromWire(wire)];
	if (format === batchFormat) return messagesFromBatch(wire as unknown as Uint8Array);
	throw new AmqpError('amqp:not-implemented', 'The message format is not supported.');
}
