import { AmqpError } from './amqp-error.ts';
import type { AmqpMessage } from './amqp-message.ts';
import type { OutgoingLink } from './amqp-server.ts';

/** Answers of a connection that wait for credit, or for the peer to attach its link. */
const maxPending = 64;

/**
 * The links on which one connection's peer receives answers from a node such as `$cbs`: an answer
 * goes to the link that the request names as `reply-to`, or to the only one there is.
 */
export class ReplyLinks {
	readonly #links: OutgoingLink[] = [];
	#pending = 0;

	add(link: OutgoingLink): void {
		this.#links.push(link);
		link.closed.addEventListener('abort', () => {
			this.#links.splice(this.#links.indexOf(link), 1);
		});
	}

	/** @throws AmqpError when there is nowhere to answer, or too much waits there */
	reply(request: AmqpMessage, response: AmqpMessage): void {
		const { replyTo } = request;
		const link =
			this.#links.find(
				({ replyAddress }) => replyAddress !== undefined && replyAddress === replyTo,
			) ?? this.#links.at(-1);
		if (link === undefined) {
			throw new AmqpError('amqp:precondition-failed', 'There is no link to answer on.');
		}
		if (this.#pending >= maxPending) {
			throw new AmqpError('amqp:resource-limit-exceeded', 'Too many answers wait.');
		}
		this.#pending += 1;
		const correlationId = request.messageId ?? request.correlationId;
		const answer = {
			...response,
			...(correlationId === undefined ? {} : { correlationId }),
			...(request.hasNumericId ? { hasNumericCorrelationId: true } : {}),
			...(replyTo === undefined ? {} : { to: replyTo }),
		};
		link
			.send(answer, { settled: true })
			.catch(() => {
				// The peer is gone: nobody waits for the answer.
			})
			.finally(() => {
				this.#pending -= 1;
			});
	}
}
