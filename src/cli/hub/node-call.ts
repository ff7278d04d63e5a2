import type { Connection, EventContext, Message } from 'rhea';

/** A request to a node that answers, such as `$cbs`. */
export interface NodeCall {
	readonly node: string;
	readonly properties: Record<string, unknown>;
	readonly body: unknown;
}

/** What a node says. */
export interface NodeAnswer {
	/** As HTTP has them. */
	readonly status: number;
	readonly description: string;
	readonly body: unknown;
}

/**
 * Asks a node of an AMQP peer and waits for its answer, on a pair of links for this one call: the
 * client's side of what `ReplyLinks` answers (OASIS AMQP claims-based security and management).
 *
 * @param failure rejects when the connection or one of its links fails; so does the call then
 */
export async function callNode(
	connection: Connection,
	{ node, properties, body }: NodeCall,
	failure: Promise<never>,
): Promise<NodeAnswer> {
	const replyTo = `reply-${crypto.randomUUID()}`;
	const { promise, resolve } = Promise.withResolvers<Message>();
	const receiver = connection.open_receiver({
		source: { address: node },
		target: { address: replyTo },
	});
	receiver.on('message', ({ message }: EventContext) => {
		if (message !== undefined) resolve(message);
	});
	const sender = connection.open_sender({ target: { address: node } });
	sender.once('sendable', () => {
		sender.send({
			message_id: crypto.randomUUID(),
			reply_to: replyTo,
			application_properties: properties,
			body,
		});
	});
	const answer = await Promise.race([promise, failure]);
	receiver.close();
	sender.close();
	const { 'status-code': code, 'status-description': description } =
		answer.application_properties ?? {};
	return { status: Number(code), description: String(description ?? ''), body: answer.body };
}
