import { once } from 'node:events';
import { connect } from 'node:net';
import { generate } from 'mqtt-packet';
import { WorkloadServer } from '../../src/edge-agent/workload-api/workload-server.ts';
import { MemorySessionStore } from '../../src/mqtt/memory-session-store.ts';
import { defaultMqttServerLimits } from '../../src/mqtt/mqtt-server.ts';
import { PacketDecoder } from '../../src/mqtt/packet-decoder.ts';
import { StreamMqttServer } from '../../src/mqtt/stream-mqtt-server.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { connectPacket, MqttPeer, RecordingHandler } from '../support/mqtt-peer.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';

const publish = { cmd: 'publish', topic: 'a/b', dup: false, retain: false } as const;
const packets = [
	generate(connectPacket({ will: { topic: 'w', payload: Buffer.from('x'), qos: 1 } })),
	generate(connectPacket({ clientId: 'edge1/filter', username: 'u', password: Buffer.from('p') })),
	generate({ ...publish, payload: 'x'.repeat(200), qos: 1, messageId: 9 }),
	generate({ ...publish, payload: 'x', qos: 0 }),
	generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 1 }] }),
	generate({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['a/#'] }),
	generate({ cmd: 'puback', messageId: 1 }),
	generate({ cmd: 'pingreq' }),
	generate({ cmd: 'disconnect' }),
];

const requests = [
	'GET /trust-bundle?api-version=2019-01-30 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n',
	'POST /modules/filter/genid/7/sign?api-version=2019-01-30 HTTP/1.1\r\nhost: a\r\ncontent-length: 41\r\nconnection: close\r\n\r\n{"keyId":"p","algo":"HMACSHA256","data":"YQ=="}',
	'POST /modules/%24edgeHub/genid/1/certificate/server?api-version=2018-06-28 HTTP/1.1\r\nhost: a\r\ncontent-length: 22\r\nconnection: close\r\n\r\n{"commonName":"a.b.c"}',
];

/** Servers in this process, and the decoder in front of one of them. */
export async function serverTargets(): Promise<readonly FuzzTarget[]> {
	return [packetDecoder, await mqttServer(), await workloadServer()];
}

const packetDecoder: FuzzTarget = {
	name: 'MQTT decoder',
	share: 25,
	run: (input) => {
		const decoder = new PacketDecoder(4096);
		const bytes = Buffer.concat(
			Array.from({ length: 1 + input.random.below(3) }, () => input.bytes(packets)),
		);
		const cut = input.random.below(bytes.length);
		for (const chunk of [bytes.subarray(0, cut), bytes.subarray(cut)]) {
			decoder.push(chunk);
			while (decoder.next() !== undefined);
		}
	},
};

/** A bystander's connection must go on whatever others send. */
async function mqttServer(): Promise<FuzzTarget> {
	const handler = new RecordingHandler();
	const server = new StreamMqttServer({
		handler,
		sessions: new MemorySessionStore(),
		limits: { ...defaultMqttServerLimits, maxPacketBytes: 4096 },
		clock: systemClock,
		logger: silentLogger,
	});
	const bystander = new MqttPeer(server);
	await bystander.connect({ clientId: 'bystander' });
	return {
		name: 'MQTT server',
		share: 1,
		run: async (input) => {
			const peer = new MqttPeer(server);
			if (input.random.chance(0.7)) await peer.connect({ clientId: 'stranger' });
			for (let count = input.random.below(5); count >= 0; count -= 1) {
				peer.sendBytes(...input.bytes(packets));
			}
			await new Promise((resolve) => setImmediate(resolve));
			peer.stream.end();
			await new Promise((resolve) => setImmediate(resolve));
			bystander.send({ cmd: 'pingreq' });
			await bystander.next('pingresp');
			// The server is to show that it remembers nothing.
			for (const list of [handler.events, handler.publications, handler.connections])
				list.length = 0;
		},
		close: () => server.stop(),
	};
}

async function workloadServer(): Promise<FuzzTarget> {
	const refuse = async () => {
		throw new EdgeError('EDGE_WORKLOAD_NOT_FOUND', 'There is nothing here.');
	};
	const server = new WorkloadServer({
		port: 0,
		host: '127.0.0.1',
		callers: { identify: async () => ({ pod: 'filter-1', module: 'filter' }) },
		resources: {
			identities: { get: () => undefined, keyOf: refuse } as never,
			certificates: { trustBundle: 'PEM', issueServer: refuse, issueIdentity: refuse } as never,
			encryptionKey: Buffer.alloc(32, 1),
			hubHostName: 'hub.test',
			deviceId: 'edge1',
			serverNames: () => ['filter'],
			manifestTrustBundle: '',
			hubDeployment: () => null,
			listModules: () => [],
		},
		health: { live: () => true, ready: () => true },
		logger: silentLogger,
	});
	await server.start();
	return {
		name: 'workload API',
		share: 0.5,
		run: async (input) => {
			const answer = await exchange(server.port, input.text(requests));
			const shown = answer.slice(0, 200);
			promise(answer === '' || answer.startsWith('HTTP/1.1 '), `an answer is HTTP: ${shown}`);
			promise(!answer.startsWith('HTTP/1.1 500'), `no request is an internal error: ${shown}`);
		},
		close: () => server.stop(),
	};
}

/** What the server answers to a text that ends, and the connection with it. */
async function exchange(port: number, text: string): Promise<string> {
	const socket = connect(port, '127.0.0.1');
	const chunks: Buffer[] = [];
	socket.on('data', (chunk: Buffer) => chunks.push(chunk));
	socket.on('error', () => {});
	socket.end(text);
	await once(socket, 'close').catch(() => {});
	return Buffer.concat(chunks).toString('latin1');
}
