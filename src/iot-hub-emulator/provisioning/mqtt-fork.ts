import type { Duplex } from 'node:stream';
import mqttPacket from 'mqtt-packet';
import type { MqttServer, Peer } from '../../mqtt/mqtt-server.ts';
import type { Clock } from '../../runtime/clock.ts';
import { registrationUser } from './provisioning-mqtt-head.ts';

/** Milliseconds until a client must have sent its CONNECT. */
const connectTimeout = 30_000;

/** Bytes of a CONNECT that is still looked into. */
const maxConnectBytes = 65_536;

/**
 * Hands MQTT clients to the hub or to the provisioning service, which share host name and port, by the
 * user name of their CONNECT. The service has a server of its own: a registration must not take over
 * the connection and session of the device of the same name.
 */
export class MqttFork {
	readonly #hub: MqttServer;
	readonly #provisioning: MqttServer;
	readonly #clock: Clock;

	constructor(hub: MqttServer, provisioning: MqttServer, clock: Clock) {
		this.#hub = hub;
		this.#provisioning = provisioning;
		this.#clock = clock;
	}

	/** Serves a connection; returns at once. */
	accept(stream: Duplex, peer: Peer): void {
		const chunks: Buffer[] = [];
		const end = () => stream.destroy();
		const timer = this.#clock.after(connectTimeout, end);
		const look = () => {
			const chunk: Buffer | null = stream.read();
			// The end of the stream is readable too.
			if (chunk === null) return;
			chunks.push(chunk);
			const bytes = Buffer.concat(chunks);
			const userName = userNameOf(bytes);
			if (userName === undefined && bytes.length < maxConnectBytes) return;
			stream.off('readable', look);
			stream.off('error', end);
			stream.off('close', release);
			release();
			stream.unshift(bytes);
			const server = registrationUser.test(userName ?? '') ? this.#provisioning : this.#hub;
			server.accept(stream, peer);
		};
		const release = () => timer[Symbol.dispose]();
		stream.on('error', end);
		stream.on('close', release);
		stream.on('readable', look);
	}
}

/** Of a CONNECT; empty for anything else, undefined while it is not whole. */
function userNameOf(bytes: Buffer): string | undefined {
	const parser = mqttPacket.parser();
	let userName: string | undefined;
	parser.on('packet', (packet) => {
		userName ??= packet.cmd === 'connect' ? (packet.username ?? '') : '';
	});
	parser.on('error', () => {
		userName ??= '';
	});
	parser.parse(bytes);
	return userName;
}
