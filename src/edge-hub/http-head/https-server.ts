import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions } from 'node:tls';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';

/** PEM: the server's certificate, followed by those that lead to its authority, and its key. */
interface ServerCertificate {
	readonly certificate: string;
	readonly privateKey: string;
}

export interface HttpsServerOptions {
	/** 0 lets the system choose. */
	readonly port: number;
	/** Address to listen on; all when absent. */
	readonly host?: string;
	readonly certificate: ServerCertificate;
	/** The oldest and the newest version of TLS. */
	readonly versions: Pick<SecureContextOptions, 'minVersion' | 'maxVersion'>;
	/** Asks clients for a certificate, which is not verified here. */
	readonly requestClientCertificate: boolean;
	/** Connections beyond are closed at once. */
	readonly maxConnections: number;
	/** Answers a request. A rejection is answered with 500. */
	readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
	/** Takes over a connection that wants another protocol. */
	readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
	readonly logger: Logger;
}

/** Milliseconds. Clients of IoT Hub keep unused connections for up to two minutes. */
const timeouts = { handshake: 20_000, request: 30_000, keepAlive: 125_000 };
const maxHeaderBytes = 32_768;

/** An HTTPS listener, with a certificate that can be replaced while it serves. */
export class HttpsServer implements Lifecycle {
	readonly #options: HttpsServerOptions;
	readonly #sockets = new Set<Socket>();
	#server: Server | undefined;

	constructor(options: HttpsServerOptions) {
		this.#options = options;
	}

	/** The port that it listens on; 0 before `start`. */
	get port(): number {
		return (this.#server?.address() as AddressInfo | null | undefined)?.port ?? 0;
	}

	/** @throws the system's error when the port is taken, or may not be used */
	async start(): Promise<void> {
		const { port, host } = this.#options;
		const server = this.#create();
		await new Promise<void>((resolve, reject) => {
			server.once('error', reject);
			server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
				server.off('error', reject);
				resolve();
			});
		});
		this.#server = server;
	}

	/** Shows another certificate to whoever connects from now on; open connections stay. */
	replaceCertificate({ certificate, privateKey }: ServerCertificate): void {
		this.#server?.setSecureContext({ cert: certificate, key: privateKey });
	}

	async stop(): Promise<void> {
		const server = this.#server;
		if (server === undefined) return;
		this.#server = undefined;
		const closed = new Promise<void>((resolve) => server.close(() => resolve()));
		for (const socket of this.#sockets) socket.destroy();
		await closed;
	}

	#create(): Server {
		const { certificate, versions, requestClientCertificate, maxConnections } = this.#options;
		const server = createServer({
			cert: certificate.certificate,
			key: certificate.privateKey,
			...versions,
			requestCert: requestClientCertificate,
			rejectUnauthorized: false,
			handshakeTimeout: timeouts.handshake,
			requestTimeout: timeouts.request,
			keepAliveTimeout: timeouts.keepAlive,
			maxHeaderSize: maxHeaderBytes,
			noDelay: true,
			keepAlive: true,
		});
		server.maxConnections = maxConnections;
		server.on('connection', (socket: Socket) => {
			this.#sockets.add(socket);
			socket.once('close', () => this.#sockets.delete(socket));
		});
		server.on('tlsClientError', (_error, socket) => socket.destroy());
		server.on('request', (request, response) => this.#serve(request, response));
		server.on('upgrade', (request, socket, head) => this.#options.upgrade(request, socket, head));
		return server;
	}

	#serve(request: IncomingMessage, response: ServerResponse): void {
		const { handle, logger } = this.#options;
		handle(request, response).catch((error: unknown) => {
			logger.error('a request failed with an internal error', { reason: messageOf(error) });
			if (!response.headersSent) response.writeHead(500);
			response.end();
		});
	}
}
