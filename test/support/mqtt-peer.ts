import { type Duplex, duplexPair } from 'node:stream';
import { generate, type IConnectPacket, type Packet, parser } from 'mqtt-packet';
import type {
	ConnectRequest,
	ConnectReturnCode,
	MqttConnection,
	MqttServer,
	MqttServerHandler,
	Publication,
} from '../../src/mqtt/mqtt-server.ts';

/** A client of an MQTT server at the level of packets, over an in-memory stream. */
export class MqttPeer {
	readonly stream: Duplex;
	readonly received: Packet[] = [];
	readonly #wakers: (() => void)[] = [];
	readonly #far: Duplex;
	ended = false;

	constructor(server: MqttServer, remoteAddress = '127.0.0.1') {
		const [near, far] = duplexPair();
		this.stream = near;
		this.#far = far;
		const reader = parser({ protocolVersion: 4 });
		reader.on('packet', (packet) => {
			this.received.push(packet);
			this.#wake();
		});
		near.on('data', (chunk: Buffer) => reader.parse(chunk));
		near.on('error', () => {});
		for (const event of ['end', 'close']) {
			near.on(event, () => {
				this.ended = true;
				near.end();
				this.#wake();
			});
		}
		server.accept(far, { remoteAddress });
	}

	send(...packets: readonly Packet[]): void {
		this.stream.write(Buffer.concat(packets.map((packet) => generate(packet))));
	}

	sendBytes(...bytes: readonly number[]): void {
		this.stream.write(Buffer.from(bytes));
	}

	/** Breaks the connection, so that the server can neither read nor write any more. */
	cut(): void {
		this.#far.destroy();
		this.stream.destroy();
	}

	/** Sends CONNECT and returns the CONNACK. */
	async connect(fields: Partial<IConnectPacket> = {}): Promise<Packet> {
		this.send(connectPacket(fields));
		return this.next('connack');
	}

	/** The next packet that came; fails when the connection ends first, or it is of another kind. */
	async next<Kind extends Packet['cmd']>(kind: Kind): Promise<Extract<Packet, { cmd: Kind }>> {
		while (this.received.length === 0) {
			if (this.ended) throw new Error(`The connection ended; expected ${kind}.`);
			await new Promise<void>((resolve) => this.#wakers.push(resolve));
		}
		const packet = this.received.shift() as Packet;
		if (packet.cmd !== kind) throw new Error(`Got ${packet.cmd}; expected ${kind}.`);
		return packet as Extract<Packet, { cmd: Kind }>;
	}

	/** Resolves when the server has ended the connection. */
	async end(): Promise<void> {
		while (!this.ended) await new Promise<void>((resolve) => this.#wakers.push(resolve));
	}

	#wake(): void {
		for (const wake of this.#wakers.splice(0)) wake();
	}
}

export function connectPacket(fields: Partial<IConnectPacket> = {}): IConnectPacket {
	return {
		cmd: 'connect',
		protocolId: 'MQTT',
		protocolVersion: 4,
		clientId: 'client',
		clean: true,
		keepalive: 60,
		...fields,
	};
}

/** Accepts everything, and remembers it. */
export class RecordingHandler implements MqttServerHandler {
	readonly events: string[] = [];
	readonly publications: Publication[] = [];
	readonly connections: MqttConnection[] = [];
	/** What `authenticate` answers. */
	verdict: (request: ConnectRequest) => Promise<ConnectReturnCode> = async () => 0;
	/** What `published` waits for. */
	handle: (publication: Publication) => Promise<void> = async () => {};
	placeOf: (request: ConnectRequest) => string = ({ clientId }) => clientId;
	grant: (filter: string, qos: 0 | 1) => 0 | 1 | undefined = (_, qos) => qos;

	authenticate(request: ConnectRequest): Promise<ConnectReturnCode> {
		return this.verdict(request);
	}

	connected(connection: MqttConnection): void {
		this.connections.push(connection);
		this.events.push(`connected ${connection.clientId}`);
	}

	published(_: MqttConnection, publication: Publication, qos: 0 | 1): Promise<void> {
		this.publications.push(publication);
		this.events.push(`published ${publication.topic} ${qos}`);
		return this.handle(publication);
	}

	subscribe(_: MqttConnection, filter: string, qos: 0 | 1): 0 | 1 | undefined {
		return this.grant(filter, qos);
	}

	subscribed(_: MqttConnection, filters: readonly string[]): void {
		this.events.push(`subscribed ${filters.join(' ')}`);
	}

	unsubscribed(_: MqttConnection, filters: readonly string[]): void {
		this.events.push(`unsubscribed ${filters.join(' ')}`);
	}

	disconnected(connection: MqttConnection): void {
		this.events.push(`disconnected ${connection.clientId}`);
	}
}
