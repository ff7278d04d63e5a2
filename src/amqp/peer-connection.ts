import type { Connection, EventContext, link as Link, Receiver, Sender, Session } from 'rhea';
import type { Clock, Timer } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';
import { type AmqpError, asAmqpError } from './amqp-error.ts';
import type {
	AmqpConnection,
	AmqpPeer,
	AmqpServerHandler,
	AmqpServerLimits,
	IncomingRoute,
	LinkRequest,
} from './amqp-server.ts';
import { ClaimsNode, claimsAddress } from './claims-node.ts';
import type { FrameSocket } from './frame-socket.ts';
import { guardedConnection } from './guarded-connection.ts';
import { IncomingLink } from './incoming-link.ts';
import { addressOf, confirmAttach, filtersOf, propertiesOf } from './link-address.ts';
import { SendingLink } from './sending-link.ts';

export interface PeerConnectionOptions {
	readonly handler: AmqpServerHandler;
	readonly limits: AmqpServerLimits;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** One connection of the server: its links, and what becomes of them. */
export class PeerConnection implements AmqpConnection {
	readonly peer: AmqpPeer;
	readonly #options: PeerConnectionOptions;
	readonly #connection: Connection;
	readonly #accept: (socket: FrameSocket) => void;
	readonly #claims: ClaimsNode;
	readonly #ended = new AbortController();
	readonly #sessions = new Set<Session>();
	/** What ends with a link. */
	readonly #links = new Map<Link, AbortController>();
	#socket: FrameSocket | undefined;
	#openTimer: Timer | undefined;

	constructor(peer: AmqpPeer, options: PeerConnectionOptions) {
		this.peer = peer;
		this.#options = options;
		const { handler } = options;
		const plain = handler.authenticatePlain;
		const { connection, accept } = guardedConnection(
			options.limits,
			plain && ((user, password) => plain.call(handler, this, user, password)),
		);
		this.#connection = connection;
		this.#accept = accept;
		this.#claims = new ClaimsNode((request) => handler.putToken(this, request));
	}

	get hostName(): string | undefined {
		return this.#connection.hostname;
	}

	get properties(): ReadonlyMap<string, unknown> {
		return new Map(Object.entries(this.#connection.properties ?? {}));
	}

	get closed(): AbortSignal {
		return this.#ended.signal;
	}

	begin(socket: FrameSocket): void {
		this.#socket = socket;
		const { clock, limits } = this.#options;
		this.#openTimer = clock.after(limits.openTimeout, () => socket.destroy());
		this.#listen();
		this.#accept(socket);
		socket.begin();
	}

	/** Sessions end first: clients wait for each end that they have begun. */
	close(error?: AmqpError): void {
		if (this.#connection.is_open()) {
			for (const session of this.#sessions) session.close();
			(this.#connection as { close(error?: object): void }).close(error?.toWire());
		} else this.#socket?.end();
	}

	drop(): void {
		this.#socket?.destroy();
	}

	/** The stream is gone. */
	end(): void {
		this.#openTimer?.[Symbol.dispose]();
		this.#ended.abort();
		for (const link of [...this.#links.keys()]) this.#forget(link);
		// What the library does last may start its heartbeat again: it would keep the connection for minutes.
		setImmediate(() => stopHeartbeat(this.#connection));
	}

	#listen(): void {
		const connection = this.#connection;
		const fail = (error: unknown) => {
			const reason = messageOf(error);
			this.#options.logger.debug('an AMQP connection has failed', { reason });
			this.#socket?.end();
		};
		connection.on('connection_open', () => this.#openTimer?.[Symbol.dispose]());
		connection.on('receiver_open', ({ receiver }: EventContext) => receiver && this.#in(receiver));
		connection.on('sender_open', ({ sender }: EventContext) => sender && this.#out(sender));
		connection.on(
			'receiver_close',
			({ receiver }: EventContext) => receiver && this.#forget(receiver),
		);
		connection.on('sender_close', ({ sender }: EventContext) => sender && this.#forget(sender));
		connection.on(
			'session_open',
			({ session }: EventContext) => session && this.#sessions.add(session),
		);
		connection.on('session_close', ({ session }: EventContext) => {
			if (session !== undefined) this.#sessions.delete(session);
			for (const link of [...this.#links.keys()]) if (link.session === session) this.#forget(link);
		});
		connection.on('protocol_error', fail);
		connection.on('error', fail);
		// Without a listener the library prints these, or throws.
		for (const event of ['connection_close', 'connection_error', 'session_error', 'disconnected']) {
			connection.on(event, () => {});
		}
		for (const event of ['receiver_error', 'sender_error']) connection.on(event, () => {});
	}

	#in(receiver: Receiver): void {
		this.#attach(receiver, (request) => {
			const route = this.#routeOf(request);
			const { linkCredit, maxMessageBytes } = this.#options.limits;
			confirmAttach(receiver, maxMessageBytes);
			const { logger } = this.#options;
			new IncomingLink(receiver, route, { credit: linkCredit, logger }).begin();
		});
	}

	#routeOf(request: LinkRequest): IncomingRoute {
		if (request.address === claimsAddress) return this.#claims.route;
		return this.#options.handler.attachIncoming(request);
	}

	#out(sender: Sender): void {
		this.#attach(sender, (request) => {
			const link = new SendingLink(sender, request);
			link.begin();
			if (request.address === claimsAddress) this.#claims.attachOutgoing(link);
			else this.#options.handler.attachOutgoing(link);
			confirmAttach(sender, this.#options.limits.maxMessageBytes);
		});
	}

	/** Serves a link, or refuses it: with an attach that has no end here, then a detach. */
	#attach(link: Link, serve: (request: LinkRequest) => void): void {
		const ended = new AbortController();
		this.#links.set(link, ended);
		try {
			serve(this.#requestOf(link, ended.signal));
		} catch (error) {
			const refusal = asAmqpError(error);
			if (refusal !== error) {
				this.#options.logger.error('a link could not be served', { reason: messageOf(error) });
			}
			this.#detach(link, refusal);
		}
	}

	#requestOf(link: Link, closed: AbortSignal): LinkRequest {
		return {
			connection: this,
			address: addressOf(link),
			properties: propertiesOf(link),
			filters: filtersOf(link),
			closed,
			close: (error) => this.#detach(link, error),
		};
	}

	#detach(link: Link, error?: AmqpError): void {
		this.#forget(link);
		link.close(error?.toWire());
	}

	#forget(link: Link): void {
		this.#links.get(link)?.abort();
		this.#links.delete(link);
	}
}

/** The library's types do not know its timers. */
function stopHeartbeat(connection: object): void {
	const { heartbeat_in, heartbeat_out } = connection as {
		readonly heartbeat_in?: NodeJS.Timeout;
		readonly heartbeat_out?: NodeJS.Timeout;
	};
	clearTimeout(heartbeat_in);
	clearTimeout(heartbeat_out);
}
