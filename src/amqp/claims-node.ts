import type { Typed } from 'rhea';
import { AmqpError, asAmqpError } from './amqp-error.ts';
import { type AmqpMessage, bytesOf, int } from './amqp-message.ts';
import type { IncomingRoute, OutgoingLink, PutToken } from './amqp-server.ts';
import { ReplyLinks } from './reply-links.ts';

/** Address of the node [AMQP claims-based security 1.0, 4]. */
export const claimsAddress = '$cbs';

/** The claims-based security node of one connection: peers put tokens to it. */
export class ClaimsNode {
	readonly #replies = new ReplyLinks();
	readonly #putToken: (request: PutToken) => Promise<void>;

	/** @param putToken throws AmqpError to refuse a token */
	constructor(putToken: (request: PutToken) => Promise<void>) {
		this.#putToken = putToken;
	}

	attachOutgoing(link: OutgoingLink): void {
		this.#replies.add(link);
	}

	readonly route: IncomingRoute = async (message) => {
		const refusal = await this.#refusalOf(message);
		const code = refusal === undefined ? 200 : statusOf(refusal);
		const properties = new Map<string, string | Typed>([
			['status-code', int(code)],
			['status-description', refusal?.description ?? 'OK'],
		]);
		if (refusal !== undefined) properties.set('error-condition', refusal.condition);
		this.#replies.reply(message, { properties, value: '' });
	};

	async #refusalOf(message: AmqpMessage): Promise<AmqpError | undefined> {
		const property = (name: string) => String(message.properties?.get(name) ?? '');
		if (property('operation').toLowerCase() !== 'put-token') {
			return new AmqpError('amqp:not-implemented', 'The operation is not put-token.');
		}
		const token = Buffer.from(bytesOf(message)).toString();
		try {
			await this.#putToken({ audience: property('name'), type: property('type'), token });
			return undefined;
		} catch (error) {
			return asAmqpError(error);
		}
	}
}

function statusOf({ condition }: AmqpError): number {
	if (condition === 'amqp:unauthorized-access') return 401;
	return condition === 'amqp:internal-error' ? 500 : 400;
}
