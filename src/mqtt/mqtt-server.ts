import type { Duplex } from 'node:stream';
import type { EdgeError } from '../runtime/edge-error.ts';

/** Where a connection comes from. */
export interface Peer {
	readonly remoteAddress: string;
	/** DER of the certificate that the client showed in the TLS handshake. */
	readonly clientCertificate?: Uint8Array;
	/** DER of the certificates that it showed as its issuers, in order. */
	readonly clientCertificateIssuers?: readonly Uint8Array[];
}

/** A CONNECT packet that has passed the rules of MQTT 3.1.1. */
export interface ConnectRequest extends Peer {
	readonly clientId: string;
	readonly cleanSession: boolean;
	/** Seconds; 0 for none. */
	readonly keepAlive: number;
	readonly userName?: string;
	readonly password?: string;
	/** Goes to `published` when the connection ends without DISCONNECT [MQTT-3.1.2-8]. */
	readonly will?: Publication & { readonly qos: 0 | 1 };
}

/** CONNACK return codes [MQTT-3.2.2.3]. */
export type ConnectReturnCode =
	| 0
	/** Unacceptable protocol level. */
	| 1
	/** Identifier rejected. */
	| 2
	/** Server unavailable: the client should try again. */
	| 3
	/** Bad user name or password. */
	| 4
	/** Not authorised. */
	| 5;

/** An application message. */
export interface Publication {
	readonly topic: string;
	readonly payload: Uint8Array;
	/** RETAIN of a received message. This server keeps no retained messages; its owner may care. */
	readonly retain?: boolean;
	/** DUP: the sender may have sent the message before, on this connection or an earlier one [MQTT-3.3.1-1]. */
	readonly duplicate?: boolean;
}

/** Is told once what has become of a message. */
export interface DeliveryReceipt {
	delivered(): void;
	failed(error: EdgeError): void;
}

/**
 * What a session of a client that asked for `cleanSession: false` keeps [MQTT-3.1.2-4]. Connections
 * that share a client id share it.
 */
export interface StoredSession {
	readonly clientId: string;
	/** Topic filter → granted QoS. */
	readonly subscriptions: ReadonlyMap<string, 0 | 1>;
}

/** Where sessions outlive connections, and the server. */
export interface SessionStore {
	load(clientId: string): StoredSession | undefined;
	save(session: StoredSession): void;
	delete(clientId: string): void;
}

/**
 * A connected client, for as long as its connection lasts. The server deals with packets,
 * keep-alive, takeover and packet identifiers; topics mean nothing to it.
 */
export interface MqttConnection {
	readonly clientId: string;
	readonly request: ConnectRequest;
	readonly subscriptions: ReadonlyMap<string, 0 | 1>;
	/**
	 * Sends a message. QoS 0 resolves when it is written (waiting for a slow peer), QoS 1 when the
	 * client has acknowledged it and all before it. Messages leave in the order of the calls. A
	 * client that does not acknowledge in time loses its connection: only then may messages be sent
	 * again [MQTT-4.4.0-1], and nothing overtakes one that was missed.
	 * @throws EdgeError EDGE_CLIENT_GONE when the connection ends first; EDGE_PUBLICATION_INVALID for a topic or a message that no packet can carry
	 */
	publish(publication: Publication, qos: 0 | 1): Promise<void>;
	/** As `publish`, without a promise for every message. */
	deliver(publication: Publication, qos: 0 | 1, receipt: DeliveryReceipt): void;
	/** Ends the connection. */
	close(): void;
	/** Aborted when the connection has ended. */
	readonly closed: AbortSignal;
}

/** What the server asks of its owner. */
export interface MqttServerHandler {
	/**
	 * The place that an accepted client takes. Whoever comes to a place that is taken takes over
	 * [MQTT-3.1.4-2]; connections in several places may have one client id, and then share its
	 * session. Absent: the client id, as MQTT has it.
	 */
	placeOf?(request: ConnectRequest): string;
	/** Decides on a CONNECT. Anything but 0 refuses it and closes the connection. */
	authenticate(request: ConnectRequest): Promise<ConnectReturnCode>;
	/** The CONNACK is sent; the session's stored subscriptions are active. */
	connected(connection: MqttConnection): void;
	/**
	 * A PUBLISH. A QoS 1 message is acknowledged when the promise resolves [MQTT-4.3.2-2];
	 * a rejection closes the connection without acknowledgement, so that the client sends it again.
	 */
	published(connection: MqttConnection, publication: Publication, qos: 0 | 1): Promise<void>;
	/** A client has sent more than `maxPublishesPerSecond`, and is not read for so long. */
	heldBack?(connection: MqttConnection, milliseconds: number): void;
	/** Grants a subscription; undefined refuses it with 0x80. Called before the SUBACK. */
	subscribe(connection: MqttConnection, filter: string, qos: 0 | 1): 0 | 1 | undefined;
	/** After the SUBACK, once a packet, with the filters that were granted. */
	subscribed(connection: MqttConnection, filters: readonly string[]): void;
	unsubscribed(connection: MqttConnection, filters: readonly string[]): void;
	/** Once, whatever ended the connection; after the will, when there is one. */
	disconnected(connection: MqttConnection): void;
}

/** Bounds that protect the server. */
export interface MqttServerLimits {
	/** Bytes of the largest packet. */
	readonly maxPacketBytes: number;
	readonly maxConnections: number;
	/** Publishes of one client that wait for `published` before reading from it stops. */
	readonly maxUnacknowledged: number;
	/** Bytes that those may have together. */
	readonly maxUnacknowledgedBytes: number;
	/**
	 * Publishes a second that are taken from one client, after a quiet second as many at once; 0 for
	 * no limit. Reading from a client that sends more stops until it may go on.
	 */
	readonly maxPublishesPerSecond: number;
	/** QoS 1 messages to one client that wait for its PUBACK; further ones wait here. */
	readonly maxInFlight: number;
	/** Seconds; a longer keep-alive, or none, counts as this. */
	readonly maxKeepAlive: number;
	/** Milliseconds within which CONNECT must come. */
	readonly connectTimeout: number;
	/** Milliseconds within which a PUBACK must come. */
	readonly acknowledgementTimeout: number;
}

/** IoT Hub's packet size and longest keep-alive; the other figures are ours. */
export const defaultMqttServerLimits: MqttServerLimits = {
	maxPacketBytes: 262_144 + 65_536,
	maxConnections: 1_000,
	maxUnacknowledged: 128,
	maxUnacknowledgedBytes: 2_097_152,
	maxPublishesPerSecond: 0,
	maxInFlight: 64,
	maxKeepAlive: 1_767,
	connectTimeout: 60_000,
	acknowledgementTimeout: 30_000,
};

/** An MQTT 3.1.1 server over streams that somebody else accepts (TLS, WebSocket, in-memory). */
export interface MqttServer {
	/** Serves one connection; returns at once. */
	accept(stream: Duplex, peer: Peer): void;
	/** Place → connection; see {@link MqttServerHandler.placeOf}. */
	readonly connections: ReadonlyMap<string, MqttConnection>;
	/** Closes every connection without its will, and accepts no more. */
	stop(): Promise<void>;
}
