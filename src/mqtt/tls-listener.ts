import type { AddressInfo, Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket } from 'node:tls';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Peer } from './mqtt-server.ts';

/** Certificates that a client may show besides its own. */
const maxIssuers = 8;

/** PEM: the server's certificate, followed by those that lead to its authority, and its key. */
export interface ServerCertificate {
	readonly certificate: string;
	readonly privateKey: string;
}

export interface TlsListenerOptions {
	/** 0 lets the system choose. */
	readonly port: number;
	/** Address to listen on; all when absent. */
	readonly host?: string;
	readonly certificate: ServerCertificate;
	/** The oldest and the newest version of TLS. Default: 1.2 and 1.3. */
	readonly versions?: Pick<SecureContextOptions, 'minVersion' | 'maxVersion'>;
	/** Asks clients for a certificate. It is not verified here: who it belongs to is the owner's question. */
	readonly requestClientCertificate?: boolean;
	/** Connections beyond are closed at once. */
	readonly maxConnections: number;
	/** Milliseconds for the TLS handshake. */
	readonly handshakeTimeout: number;
	/** Serves a connection whose handshake is done. */
	readonly accept: (socket: TLSSocket, peer: Peer) => void;
	readonly logger: Logger;
}

/** Listens for TLS connections, with a certificate that can be replaced while it serves. */
export class TlsListener implements Lifecycle {
	readonly #options: TlsListenerOptions;
	readonly #sockets = new Set<Socket>();
	#server: Server | undefined;
	#certificate: ServerCertificate;

	constructor(options: TlsListenerOptions) {
		this.#options = options;
		this.#certificate = options.certificate;
	}

	/** The port that it listens on; 0 before `start`. */
	get port(): number {
		return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? 0;
	}

	/** @throws the system's error when the port is taken */
	async start(): Promise<void> {
		const { port, host, maxConnections } = this.#options;
		const server = this.#createServer();
		server.maxConnections = maxConnections;
		this.#server = server;
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
				server.off('error', reject);
				resolve();
			});
		});
	}

	/** Shows another certificate to whoever connects from now on; open connections stay. */
	replaceCertificate(certificate: ServerCertificate): void {
		this.#certificate = certificate;
		this.#server?.setSecureContext(secureContext(certificate));
	}

	async stop(): Promise<void> {
		const server = this.#server;
		if (server === undefined) return;
		this.#server = undefined;
		const closed = new Promise<void>((resolve) => server.close(() => resolve()));
		for (const socket of this.#sockets) socket.destroy();
		await closed;
	}

	#createServer(): Server {
		const { requestClientCertificate = false, handshakeTimeout, logger } = this.#options;
		const { versions = { minVersion: 'TLSv1.2' } } = this.#options;
		const server = createServer({
			...secureContext(this.#certificate),
			...versions,
			requestCert: requestClientCertificate,
			rejectUnauthorized: false,
			handshakeTimeout,
			noDelay: true,
			keepAlive: true,
		});
		server.on('connection', (socket: Socket) => {
			this.#sockets.add(socket);
			socket.once('close', () => this.#sockets.delete(socket));
		});
		server.on('secureConnection', (socket) => this.#accept(socket));
		server.on('tlsClientError', (error, socket) => {
			logger.debug('a TLS handshake failed', {
				remoteAddress: socket.remoteAddress,
				reason: error.message,
			});
			socket.destroy();
		});
		server.on('drop', () => logger.warn('too many connections: closed one'));
		return server;
	}

	#accept(socket: TLSSocket): void {
		socket.on('error', () => socket.destroy());
		this.#options.accept(socket, peerOf(socket));
	}
}

/** Who is at the other end of a connection whose handshake is done. */
export function peerOf(socket: TLSSocket): Peer {
	const remoteAddress = socket.remoteAddress ?? '';
	const shown = socket.getPeerCertificate(true);
	// Without a certificate the object is empty.
	if (shown?.raw === undefined) return { remoteAddress };
	const issuers: Uint8Array[] = [];
	// The last one that was shown is its own issuer, or has none.
	for (let one = shown, next = one.issuerCertificate; ; one = next, next = one.issuerCertificate) {
		if (next === undefined || next === one || issuers.length >= maxIssuers) break;
		issuers.push(next.raw);
	}
	return { remoteAddress, clientCertificate: shown.raw, clientCertificateIssuers: issuers };
}

function secureContext({ certificate, privateKey }: ServerCertificate) {
	return { cert: certificate, key: privateKey };
}
