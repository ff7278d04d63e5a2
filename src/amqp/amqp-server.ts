import type { Duplex } from 'node:stream';
import type { AmqpError } from './amqp-error.ts';
import type { AmqpMessage } from './amqp-message.ts';

/** Where a connection comes from. */
export interface AmqpPeer {
	readonly remoteAddress: string;
	/** DER of the certificate shown in the TLS handshake. */
	readonly clientCertificate?: Uint8Array;
	/** DER of the certificates that it showed as its issuers. */
	readonly clientCertificateIssuers?: readonly Uint8Array[];
}

/** A connected peer, from its OPEN on. */
export interface AmqpConnection {
	readonly peer: AmqpPeer;
	/** The host that the peer's OPEN names. */
	readonly hostName: string | undefined;
	/** Properties of the peer's OPEN. */
	readonly properties: ReadonlyMap<string, unknown>;
	/** Ends the connection, with an error when there is one. */
	close(error?: AmqpError): void;
	/** Ends the stream without a word. */
	drop(): void;
	/** Aborted when the connection has ended. */
	readonly closed: AbortSignal;
}

/** A claims-based request to be let in [AMQP claims-based security 1.0, 4.1]. */
export interface PutToken {
	/** What the token is for, e.g. `host/devices/edge1`. */
	readonly audience: string;
	/** E.g. `servicebus.windows.net:sastoken`. */
	readonly type: string;
	readonly token: string;
}

/** What a peer says of a link that it attaches. */
export interface LinkRequest {
	readonly connection: AmqpConnection;
	/** Where it wants to send to, or receive from. */
	readonly address: string;
	readonly properties: ReadonlyMap<string, unknown>;
	/** Filters of the source by name; a described value by its bare value. */
	readonly filters: ReadonlyMap<string, unknown>;
	/** Aborted when the link is detached or its connection has ended. */
	readonly closed: AbortSignal;
	/** Detaches the link, with an error when there is one. */
	close(error?: AmqpError): void;
}

/** What a receiver has made of a delivery [AMQP 1.0, 3.4]. */
export type Outcome = 'accepted' | 'rejected' | 'released';

/** A link that carries messages to the peer. */
export interface OutgoingLink extends LinkRequest {
	/** Address of the peer's own end, where answers to it may go. */
	readonly replyAddress: string | undefined;
	/** Messages that can be sent at once. */
	readonly credit: number;
	/**
	 * Sends a message, when there is credit. Resolves with the outcome, `accepted` once it is handed
	 * over for a peer or a call that wants it settled.
	 *
	 * @throws EdgeError EDGE_CLIENT_GONE when the link ends first
	 */
	send(message: AmqpMessage, options?: { readonly settled?: boolean }): Promise<Outcome>;
	/** Called when the peer has given credit. */
	onCredit(listener: () => void): void;
}

/**
 * Takes a message from the peer, which is accepted when the promise resolves and rejected with the
 * `AmqpError` that it throws. Any other error is reported without its details.
 */
export type IncomingRoute = (message: AmqpMessage) => Promise<void>;

/** What the server asks of its owner. */
export interface AmqpServerHandler {
	/** Resolves when a peer may be served, before its first byte is read. */
	connecting?(peer: AmqpPeer): Promise<void>;
	/** Verifies a token. @throws AmqpError with the reason to refuse it */
	putToken(connection: AmqpConnection, request: PutToken): Promise<void>;
	/** A peer wants to send to an address. @throws AmqpError to refuse the link */
	attachIncoming(link: LinkRequest): IncomingRoute;
	/** A peer wants to receive from an address. @throws AmqpError to refuse the link */
	attachOutgoing(link: OutgoingLink): void;
	/** Checks user name and password of SASL PLAIN; absent when that is not offered. */
	authenticatePlain?(connection: AmqpConnection, user: string, password: string): Promise<boolean>;
}

/** Bounds that protect the server. */
export interface AmqpServerLimits {
	readonly maxConnections: number;
	readonly maxSessions: number;
	/** Links of one connection. */
	readonly maxLinks: number;
	/** Bytes of the largest frame. */
	readonly maxFrameBytes: number;
	/** Bytes of the largest message on the wire; a peer that sends more is cut off. */
	readonly maxMessageBytes: number;
	/** Messages of one link that wait for their outcome. */
	readonly linkCredit: number;
	/** Bytes that wait for a peer that does not read; it is cut off beyond. */
	readonly maxUnsentBytes: number;
	/** Milliseconds within which OPEN must come. */
	readonly openTimeout: number;
	/** Milliseconds without a frame after which a peer counts as gone, half of them announced. */
	readonly idleTimeout: number;
}

/** IoT Hub's frame size and idle timeout; the other figures are ours. */
export const defaultAmqpServerLimits: AmqpServerLimits = {
	maxConnections: 10_000,
	maxSessions: 64,
	maxLinks: 2_048,
	maxFrameBytes: 65_536,
	maxMessageBytes: 1_048_576,
	linkCredit: 100,
	maxUnsentBytes: 16_777_216,
	openTimeout: 60_000,
	idleTimeout: 480_000,
};

/** An AMQP 1.0 server over streams that somebody else accepts (TLS, WebSocket, in-memory). */
export interface AmqpServer {
	/** Serves one connection; returns at once. */
	accept(stream: Duplex, peer: AmqpPeer): void;
	/** Closes every connection, and accepts no more. */
	stop(): Promise<void>;
}
