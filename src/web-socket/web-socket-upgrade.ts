import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** Serves the byte stream of a WebSocket. */
export type WebSocketHead = (stream: Duplex, request: IncomingMessage) => void;

export interface WebSocketUpgradeOptions {
	/** The path that is served, e.g. `/$iothub/websocket`. */
	readonly path: string;
	/** Heads by subprotocol; the first one that a client offers is taken. Compared without case. */
	readonly heads: ReadonlyMap<string, WebSocketHead>;
	/** Bytes of the largest message. */
	readonly maxMessageBytes: number;
}

/**
 * Turns HTTP upgrade requests into byte streams [RFC 6455]. Boundaries of WebSocket messages mean
 * nothing to the protocols on top.
 */
export class WebSocketUpgrade {
	readonly #path: string;
	readonly #heads: ReadonlyMap<string, readonly [name: string, head: WebSocketHead]>;
	readonly #server: WebSocketServer;

	constructor({ path, heads, maxMessageBytes }: WebSocketUpgradeOptions) {
		this.#path = path.toLowerCase();
		this.#heads = new Map([...heads].map(([name, head]) => [name.toLowerCase(), [name, head]]));
		this.#server = new WebSocketServer({
			noServer: true,
			clientTracking: false,
			perMessageDeflate: false,
			maxPayload: maxMessageBytes,
			handleProtocols: (offered) => this.#chosen(offered) ?? false,
		});
	}

	/** Serves one `upgrade` event of an HTTP server. */
	accept(request: IncomingMessage, socket: Duplex, head: Buffer): void {
		socket.on('error', () => socket.destroy());
		const offered = String(request.headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);
		const [path = ''] = (request.url ?? '').split('?', 1);
		const chosen = this.#chosen(offered);
		if (path.toLowerCase() !== this.#path || chosen === undefined) {
			refuse(socket, chosen === undefined ? '400 Bad Request' : '404 Not Found');
			return;
		}
		this.#server.handleUpgrade(request, socket, head, (webSocket) => {
			const stream = createWebSocketStream(webSocket, { decodeStrings: true });
			stream.on('error', () => stream.destroy());
			// [MQTT-6.0.0-1]; AMQP is in binary messages, too. Before the stream hears of the message.
			webSocket.prependListener('message', (_, isBinary) => {
				if (!isBinary) stream.destroy();
			});
			this.#heads.get(chosen.toLowerCase())?.[1](stream, request);
		});
	}

	/** The offered name of a subprotocol that is served. */
	#chosen(offered: Iterable<string>): string | undefined {
		return [...offered].find((name) => this.#heads.has(name.trim().toLowerCase()));
	}
}

function refuse(socket: Duplex, status: string): void {
	socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
}
