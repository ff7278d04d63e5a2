import { once } from 'node:events';
import { connect } from 'node:tls';
import rhea from 'rhea';
import { amqpClient, amqpServer, happening, rawPeer } from '../support/amqp-peer.ts';
import {
	moduleOf,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	tokenOf,
} from '../support/hub-world.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';
import type { HostileInput } from './hostile-input.ts';

/** What the edge hub reads besides MQTT: frames of AMQP, requests over HTTPS. */
export async function edgeHubTargets(): Promise<readonly FuzzTarget[]> {
	return [await amqpTarget(), await httpsTarget()];
}

/** What a client of rhea's sends, frame by frame: a token, a sender and a receiver, two messages. */
async function amqpConversation(): Promise<readonly Buffer[]> {
	const { server } = amqpServer();
	const client = amqpClient(server);
	const sent: Buffer[] = [];
	const { socket } = client as unknown as { socket: NodeJS.WritableStream };
	const write = socket.write.bind(socket);
	socket.write = ((bytes: Buffer, ...rest: []) => {
		sent.push(Buffer.from(bytes));
		return write(bytes, ...rest);
	}) as typeof socket.write;
	await happening(client, 'connection_open');
	const token = client.open_sender('$cbs');
	const sender = client.open_sender('/devices/leaf/messages/events');
	client.open_receiver('/devices/leaf/messages/deviceBound');
	await happening(sender, 'sendable');
	token.send({ application_properties: { operation: 'put-token', type: 'x' }, body: 'token' });
	sender.send({ message_annotations: { a: 1 }, body: rhea.message.data_section(Buffer.from('m')) });
	await happening(sender, 'settled');
	client.close();
	await happening(client, 'connection_close');
	await server.stop();
	return sent;
}

/** A bystander's connection must go on whatever others send. */
async function amqpTarget(): Promise<FuzzTarget> {
	const conversation = await amqpConversation();
	const { server, handler } = amqpServer();
	const bystander = amqpClient(server);
	await happening(bystander, 'connection_open');
	const bystanding = bystander.open_sender('bystander');
	await happening(bystanding, 'sendable');
	return {
		name: 'AMQP server',
		share: 1,
		run: async (input) => {
			const { stream, ended } = rawPeer(server);
			for (const bytes of conversation) {
				const changed = input.random.chance(0.3);
				if (input.random.chance(0.05)) continue;
				stream.write(changed ? input.bytes([bytes]) : bytes);
			}
			await new Promise((resolve) => setImmediate(resolve));
			stream.end();
			await ended;
			bystanding.send({ body: 'still here' });
			await happening(bystanding, 'accepted');
			// The server is to show that it remembers nothing.
			for (const list of [handler.tokens, handler.received, handler.outgoing, handler.links]) {
				list.length = 0;
			}
			for (const connection of handler.connections) handler.connections.delete(connection);
		},
		close: () => server.stop(),
	};
}

/** Every body and header reaches a hub that knows the sender. */
async function httpsTarget(): Promise<FuzzTarget> {
	const world = await newWorld('sensor', 'filter');
	world.iotHub.patchDesired(
		ownIdentity,
		routes('FROM /messages/* WHERE $body.a > 1 INTO $upstream'),
	);
	const undo: (() => unknown)[] = [];
	const hub = await startHub({ teardown: (step) => undo.push(step) }, world);
	await hub.whenReady();
	const requests = requestsOf(tokenOf(moduleOf('sensor')));
	const ca = world.workload.authority.certificate;
	return {
		name: 'HTTPS requests',
		share: 0.2,
		run: async (input) => {
			const answer = await exchange(hub.httpsPort, ca, requestText(input, requests));
			const shown = answer.slice(0, 200);
			promise(answer === '' || answer.startsWith('HTTP/1.1 '), `an answer is HTTP: ${shown}`);
			promise(!answer.startsWith('HTTP/1.1 500'), `no request is an internal error: ${shown}`);
		},
		close: async () => {
			for (const step of undo.reverse()) await step();
		},
	};
}

interface HubRequest {
	readonly path: string;
	readonly headers: string;
	readonly body: string;
}

function requestsOf(token: string): readonly HubRequest[] {
	const headers = `authorization: ${token}\r\nx-ms-edge-moduleid: edge1/sensor\r\n`;
	const batch = 'content-type: application/vnd.microsoft.iothub.json\r\n';
	return [
		{
			path: 'POST /devices/edge1/modules/sensor/messages/events?api-version=2020-05-31',
			headers: `${headers}iothub-app-level: 5\r\niothub-contenttype: application%2Fjson\r\n`,
			body: '{"a":2,"b":{"c":[1,"x",null]}}',
		},
		{
			path: 'POST /devices/edge1/modules/sensor/messages/events?api-version=2020-05-31',
			headers: headers + batch,
			body: '[{"body":"eyJhIjoyfQ==","properties":{"iothub-app-k":"v"}},{"body":"x","base64Encoded":false}]',
		},
		{
			path: 'POST /twins/edge1/modules/filter/methods?api-version=2018-06-30',
			headers,
			body: '{"methodName":"reset","payload":{"a":1},"responseTimeoutInSeconds":5,"connectTimeoutInSeconds":0}',
		},
		{
			path: 'PUT /devices/edge1/modules/sensor?api-version=2018-06-30',
			headers,
			body: '{"deviceId":"edge1","moduleId":"sensor","managedBy":"IotEdge"}',
		},
	];
}

/** Mostly only one part is hostile, so that the others let it get far. */
function requestText(input: HostileInput, requests: readonly HubRequest[]): string {
	const { path, headers, body } = input.random.pick(requests);
	const hostile = input.random.below(4);
	const line = hostile === 0 ? input.text([path]) : path;
	const fields = hostile === 1 ? input.text([headers]) : headers;
	const content = hostile >= 2 ? input.text([body]) : body;
	const length = `content-length: ${Buffer.byteLength(content)}\r\n`;
	return `${line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n${fields}${length}\r\n${content}`;
}

/** What the hub answers to a text that ends, and the connection with it. */
async function exchange(port: number, ca: string, text: string): Promise<string> {
	const socket = connect({ port, host: 'localhost', ca });
	const chunks: Buffer[] = [];
	socket.on('data', (chunk: Buffer) => chunks.push(chunk));
	socket.on('error', () => {});
	socket.end(text);
	await once(socket, 'close').catch(() => {});
	return Buffer.concat(chunks).toString('latin1');
}
