import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import mqttPacket, { type IPublishPacket, type Packet } from 'mqtt-packet';
import { identityKey } from '../../src/protocol/identity.ts';
import { hubHostName, moduleOf, tokenOf } from '../../test/support/hub-world.ts';

// Publishers and one subscriber in one process, so that one clock measures. The argument is a Load as
// JSON; prints a Measurement as JSON.

/** What to send where. */
export interface Load {
	readonly port: number;
	/** PEM. */
	readonly authority: string;
	readonly publishers: number;
	/** Messages of one publisher that have not arrived, or are not acknowledged. */
	readonly window: number;
	readonly bytes: number;
	readonly warmUpMs: number;
	readonly ms: number;
}

/** What became of it. */
export interface Measurement {
	readonly perSecond: number;
	/** Milliseconds from publish to arrival. */
	readonly p50: number;
	readonly p99: number;
	/** All messages that arrived, those of the warm-up as well. */
	readonly messages: number;
}

const load: Load = JSON.parse(process.argv[2] ?? '');

async function client(
	moduleId: string,
	handle: (packet: Packet, socket: TLSSocket) => void,
): Promise<TLSSocket> {
	const key = identityKey(moduleOf(moduleId));
	const socket = connect({ port: load.port, host: 'localhost', ca: load.authority });
	socket.setNoDelay(true);
	await once(socket, 'secureConnect');
	const reader = mqttPacket.parser({ protocolVersion: 4 });
	const accepted = Promise.withResolvers<void>();
	reader.on('packet', (packet) => {
		if (packet.cmd === 'connack' || packet.cmd === 'suback') accepted.resolve();
		else handle(packet, socket);
	});
	socket.on('data', (chunk) => reader.parse(chunk));
	socket.on('close', () => {
		if (!stopping) throw new Error(`The connection of ${moduleId} was closed.`);
	});
	send(socket, {
		cmd: 'connect',
		protocolId: 'MQTT',
		protocolVersion: 4,
		clientId: key,
		clean: false,
		keepalive: 60,
		username: `${hubHostName}/${key}/?api-version=2021-04-12`,
		password: Buffer.from(tokenOf(moduleOf(moduleId))),
	});
	await accepted.promise;
	return socket;
}

/** Tells the messages of this load from others. */
const run = process.pid;
let stopping = false;
const corked = new Set<TLSSocket>();

/** Packets of one turn leave together, as with any client that is written for speed. */
function send(socket: TLSSocket, packet: Packet): void {
	if (!corked.has(socket)) {
		corked.add(socket);
		socket.cork();
		process.nextTick(() => {
			corked.delete(socket);
			socket.uncork();
		});
	}
	socket.write(mqttPacket.generate(packet));
}

const latencies: number[] = [];
let measuring = false;
let messages = 0;
const publishers: { arrived(): void }[] = [];

const subscriber = await client('sink', (packet, socket) => {
	if (packet.cmd !== 'publish') return;
	const payload = packet.payload as Buffer;
	send(socket, { cmd: 'puback', messageId: packet.messageId as number });
	// What an earlier load has left behind.
	if (payload.readUInt32LE(12) !== run) return;
	messages += 1;
	if (measuring) latencies.push(performance.now() - payload.readDoubleLE(0));
	publishers[payload.readUInt32LE(8)]?.arrived();
});
const filters = ['devices/edge1/modules/sink/inputs/#', 'devices/edge1/modules/+/messages/events/'];
for (const [index, topic] of filters.entries()) {
	send(subscriber, { cmd: 'subscribe', messageId: index + 1, subscriptions: [{ topic, qos: 1 }] });
}

async function publisher(index: number): Promise<void> {
	const topic = `devices/edge1/modules/s${index}/messages/events/`;
	let acknowledged = 0;
	let arrived = 0;
	let sent = 0;
	const pump = () => {
		while (!stopping && sent - Math.min(acknowledged, arrived) < load.window) {
			const payload = Buffer.alloc(load.bytes, 0x78);
			payload.writeDoubleLE(performance.now(), 0);
			payload.writeUInt32LE(index, 8);
			payload.writeUInt32LE(run, 12);
			const packet: IPublishPacket = {
				cmd: 'publish',
				topic,
				payload,
				qos: 1,
				dup: false,
				retain: false,
				messageId: (sent % 65_535) + 1,
			};
			sent += 1;
			send(socket, packet);
		}
	};
	const socket = await client(`s${index}`, (packet) => {
		if (packet.cmd !== 'puback') return;
		acknowledged += 1;
		pump();
	});
	publishers[index] = {
		arrived: () => {
			arrived += 1;
			pump();
		},
	};
	pump();
}

await Promise.all(Array.from({ length: load.publishers }, (_, index) => publisher(index)));
await new Promise((resolve) => setTimeout(resolve, load.warmUpMs));
measuring = true;
const began = performance.now();
await new Promise((resolve) => setTimeout(resolve, load.ms));
measuring = false;
const seconds = (performance.now() - began) / 1000;
stopping = true;
latencies.sort((one, other) => one - other);
const quantile = (part: number) => latencies[Math.floor(latencies.length * part)] ?? Number.NaN;
const measurement: Measurement = {
	perSecond: latencies.length / seconds,
	p50: quantile(0.5),
	p99: quantile(0.99),
	messages,
};
console.log(JSON.stringify(measurement));
process.exit(0);
