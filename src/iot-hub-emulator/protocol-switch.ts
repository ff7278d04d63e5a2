import { constants } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import {
	createServer as createTlsServer,
	type TLSSocket,
	type Server as TlsServer,
} from 'node:tls';
import type { CertificateAndKey } from '../certificates/certificate-authority.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Absence } from './faults.ts';

/** Protocols that a client can begin with on the one port. */
export type Protocol = 'mqtt' | 'http' | 'amqp';

export interface ProtocolSwitchOptions {
	/** Address to listen on. */
	readonly address: string;
	readonly certificate: CertificateAndKey;
	/** Serves a connection from its first byte on. A protocol without an entry is turned away. */
	readonly heads: Readonly<Partial<Record<Protocol, (socket: TLSSocket) => void>>>;
	/** How connections are to be treated now. */
	readonly absence: () => Absence | undefined;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Milliseconds for the TLS handshake, and for the first byte after it. */
const beginTimeout = 30_000;

/** One TLS port for every protocol: the first bytes tell which one it is. */
export class ProtocolSwitch implements Lifecycle {
	readonly #options: ProtocolSwitchOptions;
	readonly #sockets = new Set<Socket>();
	/** The first one has the port that names carry. */
	readonly #listeners: Server[] = [];
	#tls: TlsServer | undefined;
	#wanted: { readonly port: number; readonly orElse: boolean } = { port: 0, orElse: false };

	constructor(options: ProtocolSwitchOptions) {
		this.#options = options;
	}

	/** The port that it listens on; 0 before `start`. */
	get port(): number {
		return (this.#listeners[0]?.address() as AddressInfo | null | undefined)?.port ?? 0;
	}

	/**
	 * Says where to listen; before `start`.
	 *
	 * @param orElse whether any other port will do when this one is taken
	 */
	prefer(port: number, orElse: boolean): void {
		this.#wanted = { port, orElse };
	}

	/** @throws the system's error when the port is taken and no other one will do */
	async start(): Promise<void> {
		const { certificate } = this.#options;
		this.#tls = createTlsServer({
			cert: certificate.certificate,
			key: certificate.privateKey,
			requestCert: true,
			// A session that is resumed by a ticket does not know the chain of the client's certificate.
			secureOptions: constants.SSL_OP_NO_TICKET,
			rejectUnauthorized: false,
			handshakeTimeout: beginTimeout,
		});
		this.#tls.on('secureConnection', (socket) => this.#begin(socket));
		this.#tls.on('tlsClientError', (error, socket) => {
			this.#options.logger.debug('a TLS handshake failed', { reason: error.message });
			socket.destroy();
		});
		const listener = this.#newListener();
		await this.#listen(listener);
		this.#listeners.push(listener);
	}

	/** Listens on one more port; after `start`. @throws the system's error when it cannot be had */
	async alsoListen(port: number): Promise<void> {
		const listener = this.#newListener();
		await listen(listener, port, this.#options.address);
		this.#listeners.push(listener);
	}

	/** Ends every connection without a word. */
	dropAll(): void {
		for (const socket of this.#sockets) socket.resetAndDestroy();
	}

	async stop(): Promise<void> {
		const closed = this.#listeners
			.splice(0)
			.map((listener) => new Promise<void>((resolve) => listener.close(() => resolve())));
		for (const socket of this.#sockets) socket.destroy();
		await Promise.all(closed);
	}

	#newListener(): Server {
		return createServer({ noDelay: true }, (socket) => this.#accept(socket));
	}

	async #listen(listener: Server): Promise<void> {
		const { port, orElse } = this.#wanted;
		try {
			await listen(listener, port, this.#options.address);
		} catch (error) {
			if (!orElse || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
			await listen(listener, 0, this.#options.address);
		}
	}

	#accept(socket: Socket): void {
		socket.on('error', () => socket.destroy());
		const absence = this.#options.absence();
		if (absence === 'reset') {
			socket.resetAndDestroy();
			return;
		}
		this.#sockets.add(socket);
		socket.once('close', () => this.#sockets.delete(socket));
		if (absence !== 'silent') this.#tls?.emit('connection', socket);
	}

	#begin(socket: TLSSocket): void {
		socket.on('error', () => socket.destroy());
		const timer = this.#options.clock.after(beginTimeout, () => socket.destroy());
		socket.once('close', () => timer[Symbol.dispose]());
		const look = () => {
			const chunk: Buffer | null = socket.read();
			// The end of the stream is readable too.
			if (chunk === null) return;
			socket.off('readable', look);
			timer[Symbol.dispose]();
			socket.unshift(chunk);
			this.#hand(socket, protocolOf(chunk));
		};
		socket.on('readable', look);
	}

	#hand(socket: TLSSocket, protocol: Protocol | undefined): void {
		const head = protocol === undefined ? undefined : this.#options.heads[protocol];
		if (head !== undefined) {
			head(socket);
			return;
		}
		this.#options.logger.info('a client speaks a protocol that is not served', {
			protocol: protocol ?? 'unknown',
		});
		socket.destroy();
	}
}

const mqttConnect = 0x10;

/** The protocol that a connection's first bytes belong to. */
export function protocolOf(firstBytes: Uint8Array): Protocol | undefined {
	const [first = 0] = firstBytes;
	if (first === mqttConnect) return 'mqtt';
	const text = Buffer.from(firstBytes.subarray(0, 4)).toString('latin1');
	if (text === 'AMQP') return 'amqp';
	return /^[A-Z]/.test(text) ? 'http' : undefined;
}

function listen(listener: Server, port: number, host: string): Promise<void> {
	return new Promise((resolve, reject) => {
		listener.once('error', reject);
		listener.listen({ port, host }, () => {
			listener.off('error', reject);
			resolve();
		});
	});
}
