/**
 * A refusal in AMQP's own vocabulary, written to the peer: the error of a rejected delivery, a
 * detached link or a closed connection. It is part of the protocol and therefore not an `EdgeError`.
 */
export class AmqpError extends Error {
	override readonly name = 'AmqpError';
	/** A symbol such as `amqp:not-found` [AMQP 1.0, 2.8.15 to 2.8.18], or a vendor's own. */
	readonly condition: string;
	/** Peers may show it to their users. */
	readonly description: string;

	/** What the condition says more, e.g. where a redirect leads to. */
	readonly info: Readonly<Record<string, string | number>> | undefined;

	constructor(condition: string, description: string, info?: AmqpError['info']) {
		super(`${condition}: ${description}`);
		this.condition = condition;
		this.description = description;
		this.info = info;
	}

	/** The `error` field of a performative. */
	toWire(): object {
		const { condition, description, info } = this;
		return { condition, description, ...(info === undefined ? {} : { info }) };
	}
}

/** Any failure as a peer may see it; what nobody expected shows no details. */
export function asAmqpError(thrown: unknown): AmqpError {
	if (thrown instanceof AmqpError) return thrown;
	return new AmqpError('amqp:internal-error', 'The request could not be served.');
}
