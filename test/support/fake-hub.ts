import { once } from 'node:events';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import { localhostCertificate } from './localhost-certificate.ts';

/** What a fake hub does with one client's packet. */
export type PacketHandler = (packet: Packet, client: FakeHubClient) => void;

/** The hub's end of one connection. */
export class FakeHubClient {
	readonly received: Packet[] = [];
	readonly socket: TLSSocket;

	constructor(socket: TLSSocket) {
		this.socket = socket;
	}

	send(packet: Packet): void {
		if (this.socket.writable) this.socket.write(mqttPacket.generate(packet));
	}

	publish(topic: string, payload: string, qos: 0 | 1 = 0): void {
		const base = { cmd: 'publish', topic, payload, dup: false, retain: false } as const;
		this.send(qos === 0 ? { ...base, qos } : { ...base, qos, messageId: 7 });
	}

	get subscriptions(): string[] {
		return this.received.flatMap((packet) =>
			packet.cmd === 'subscribe' ? packet.subscriptions.map(({ topic }) => topic) : [],
		);
	}

	/** Publishes to topics that begin so. */
	publishes(prefix: string): IPublishPacket[] {
		return this.received.filter(
			(packet): packet is IPublishPacket =>
				packet.cmd === 'publish' && packet.topic.startsWith(prefix),
		);
	}
}

/** An MQTT listener that misbehaves on request: the defaults accept and acknowledge everything. */
export class FakeHub {
	readonly clients: FakeHubClient[] = [];
	readonly connects: IConnectPacket[] = [];
	/** CONNACK codes of the next connections; 0 when there are no more. */
	readonly connackCodes: number[] = [];
	/** Sees every packet first; true means that it has been dealt with. */
	intercept: (packet: Packet, client: FakeHubClient) => boolean = () => false;
	twin: object = { desired: { $version: 1 }, reported: { $version: 1 } };
	authority = '';
	#server: Server | undefined;

	async start(port = 0): Promise<void> {
		const { authority, credentials } = await localhostCertificate();
		this.authority = authority;
		this.#server = createServer(
			{ cert: credentials.certificate, key: credentials.privateKey },
			(socket) => this.#serve(socket),
		);
		this.#server.on('tlsClientError', () => {});
		this.#server.listen(port, '127.0.0.1');
		await once(this.#server, 'listening');
	}

	get port(): number {
		const address = this.#server?.address();
		if (typeof address !== 'object' || address === null) throw new Error('Not listening.');
		return address.port;
	}

	get hostName(): string {
		return `localhost:${this.port}`;
	}

	get latest(): FakeHubClient {
		const client = this.clients.at(-1);
		if (client === undefined) throw new Error('No client has connected.');
		return client;
	}

	/** Cuts every connection without a word. */
	cut(): void {
		for (const client of this.clients) client.socket.destroy();
	}

	async stop(): Promise<void> {
		this.cut();
		const server = this.#server;
		if (server === undefined) return;
		await new Promise<void>((resolve) => server.close(() => resolve()));
	}

	#serve(socket: TLSSocket): void {
		const client = new FakeHubClient(socket);
		this.clients.push(client);
		const parser = mqttPacket.parser();
		parser.on('packet', (packet: Packet) => {
			client.received.push(packet);
			if (!this.intercept(packet, client)) this.#answer(packet, client);
		});
		socket.on('data', (bytes) => parser.parse(bytes));
		socket.on('error', () => {});
	}

	#answer(packet: Packet, client: FakeHubClient): void {
		switch (packet.cmd) {
			case 'connect': {
				this.connects.push(packet);
				const returnCode = this.connackCodes.shift() ?? 0;
				client.send({ cmd: 'connack', returnCode, sessionPresent: false });
				break;
			}
			case 'subscribe':
				client.send({
					cmd: 'suback',
					messageId: packet.messageId as number,
					granted: packet.subscriptions.map(({ qos }) => qos),
				});
				break;
			case 'unsubscribe':
				client.send({ cmd: 'unsuback', messageId: packet.messageId as number, granted: [] });
				break;
			case 'publish':
				this.#acknowledge(packet, client);
				break;
			case 'disconnect':
				client.socket.end();
				break;
			default:
		}
	}

	#acknowledge(packet: IPublishPacket, client: FakeHubClient): void {
		if (packet.qos === 1) client.send({ cmd: 'puback', messageId: packet.messageId as number });
		const rid = /\$rid=(.*)$/.exec(packet.topic)?.[1];
		if (packet.topic.startsWith('$iothub/twin/GET/')) {
			client.publish(`$iothub/twin/res/200/?$rid=${rid}`, JSON.stringify(this.twin));
		} else if (packet.topic.startsWith('$iothub/twin/PATCH/')) {
			client.publish(`$iothub/twin/res/204/?$rid=${rid}&$version=2`, '');
		}
	}
}
