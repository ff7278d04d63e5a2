import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { WebSocket } from 'ws';
import { type WebSocketHead, WebSocketUpgrade } from '../../src/web-socket/web-socket-upgrade.ts';

/** A server whose one subprotocol sends back what it gets. */
async function echo(t: ExecutionContext): Promise<string> {
	const head: WebSocketHead = (stream) => stream.pipe(stream);
	const upgrade = new WebSocketUpgrade({
		path: '/$iothub/websocket',
		heads: new Map([['Echo10', head]]),
		maxMessageBytes: 1000,
	});
	const server = createServer();
	server.on('upgrade', (...parts) => upgrade.accept(...parts));
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => server.close());
	return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closed(socket: WebSocket): Promise<number> {
	const [code] = await once(socket, 'close');
	return code as number;
}

test('bytes pass both ways, whatever message they come in', async (t) => {
	const socket = new WebSocket(`${await echo(t)}/$IoTHub/WebSocket?a=b`, ['other', 'echo10']);
	await once(socket, 'open');
	t.is(socket.protocol, 'echo10');
	const received: Buffer[] = [];
	socket.on('message', (bytes: Buffer) => received.push(bytes));
	for (const bytes of [[1, 2], [3], [4, 5, 6]]) socket.send(Buffer.from(bytes));
	while (Buffer.concat(received).length < 6) await once(socket, 'message');
	t.deepEqual([...Buffer.concat(received)], [1, 2, 3, 4, 5, 6]);
	socket.close();
	t.is(await closed(socket), 1005);
});

for (const [title, path, protocols, status] of [
	['another path', '/other', ['Echo10'], 404],
	['another subprotocol', '/$iothub/websocket', ['mqtt'], 400],
	['no subprotocol', '/$iothub/websocket', [], 400],
] as const) {
	test(`${title} is refused with ${status}`, async (t) => {
		const socket = new WebSocket(`${await echo(t)}${path}`, [...protocols]);
		const [error] = await once(socket, 'error');
		t.is((error as Error).message, `Unexpected server response: ${status}`);
	});
}

test('a message that is too large ends the connection', async (t) => {
	const socket = new WebSocket(`${await echo(t)}/$iothub/websocket`, ['Echo10']);
	socket.on('error', () => {});
	await once(socket, 'open');
	socket.send(Buffer.alloc(1001));
	t.is(await closed(socket), 1009);
});

test('a message of text ends the connection, and is not served', async (t) => {
	const socket = new WebSocket(`${await echo(t)}/$iothub/websocket`, ['Echo10']);
	await once(socket, 'open');
	let echoed = 0;
	socket.on('message', () => {
		echoed += 1;
	});
	socket.send('text');
	await closed(socket);
	t.is(echoed, 0);
});
