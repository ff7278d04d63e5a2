import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import WebSocket, { createWebSocketStream } from 'ws';
import type { NetworkEndpoint } from '../protocol/host-name.ts';

/** Where IoT Hub takes MQTT over WebSocket (IoT Hub documentation, "Use MQTT directly"). */
const path = '/$iothub/websocket';

/**
 * MQTT's byte stream in a WebSocket over a connection that is there.
 *
 * @throws Error when the server refuses the upgrade; the signal's reason when it aborts
 */
export async function webSocketStream(
	socket: TLSSocket,
	{ host, port }: NetworkEndpoint,
	signal: AbortSignal,
): Promise<Duplex> {
	const authority = `${host.includes(':') ? `[${host}]` : host}:${port}`;
	const webSocket = new WebSocket(`wss://${authority}${path}`, ['mqtt'], {
		createConnection: () => socket,
		perMessageDeflate: false,
	});
	const stream = createWebSocketStream(webSocket);
	stream.on('error', () => {});
	// A stream that only ended would be waited for.
	webSocket.on('close', () => stream.destroy());
	const abort = () => stream.destroy(signal.reason);
	signal.addEventListener('abort', abort, { once: true });
	try {
		await once(webSocket, 'open');
		return stream;
	} catch (error) {
		stream.destroy();
		socket.destroy();
		throw signal.aborted ? signal.reason : error;
	} finally {
		signal.removeEventListener('abort', abort);
	}
}
