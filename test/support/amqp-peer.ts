import { type Duplex, duplexPair } from 'node:stream';
import rhea, { type Connection, type EventContext } from 'rhea';
import { type AmqpMessage, bytesOf } from '../../src/amqp/amqp-message.ts';
import {
	type AmqpConnection,
	type AmqpServerHandler,
	type AmqpServerLimits,
	defaultAmqpServerLimits,
	type IncomingRoute,
	type LinkRequest,
	type OutgoingLink,
	type PutToken,
} from '../../src/amqp/amqp-server.ts';
import { StreamAmqpServer } from '../../src/amqp/stream-amqp-server.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from './fake-clock.ts';

/** An owner of an AMQP server that notes what it is asked, and whose answers tests choose. */
export class RecordingAmqpHandler implements AmqpServerHandler {
	readonly tokens: PutToken[] = [];
	readonly received: string[] = [];
	readonly outgoing: OutgoingLink[] = [];
	readonly links: LinkRequest[] = [];
	readonly connections = new Set<AmqpConnection>();
	/** Refuses links and tokens when it throws. */
	admit: (what: string) => void = () => {};
	route: IncomingRoute = async (message: AmqpMessage) => {
		this.received.push(Buffer.from(bytesOf(message)).toString());
	};
	authenticatePlain?: (
		connection: AmqpConnection,
		user: string,
		password: string,
	) => Promise<boolean>;

	async putToken(connection: AmqpConnection, request: PutToken): Promise<void> {
		this.connections.add(connection);
		this.admit(request.token);
		this.tokens.push(request);
	}

	attachIncoming(link: LinkRequest): IncomingRoute {
		this.connections.add(link.connection);
		this.admit(link.address);
		this.links.push(link);
		return (message) => this.route(message);
	}

	attachOutgoing(link: OutgoingLink): void {
		this.connections.add(link.connection);
		this.admit(link.address);
		this.outgoing.push(link);
	}
}

/** A server whose handler records, on a clock that tests turn. */
export function amqpServer(limits: Partial<AmqpServerLimits> = {}) {
	const handler = new RecordingAmqpHandler();
	const clock = new FakeClock();
	const server = new StreamAmqpServer({
		handler,
		limits: { ...defaultAmqpServerLimits, ...limits },
		clock,
		logger: silentLogger,
	});
	return { handler, clock, server };
}

/** The raw end of a stream that the server serves. */
export function rawPeer(server: StreamAmqpServer): { stream: Duplex; ended: Promise<void> } {
	const [near, far] = duplexPair();
	const { promise, resolve } = Promise.withResolvers<void>();
	near.on('error', () => {});
	for (const event of ['end', 'close']) {
		near.on(event, () => {
			near.end();
			resolve();
		});
	}
	near.resume();
	server.accept(far, { remoteAddress: 'test' });
	return { stream: near, ended: promise };
}

/** A client of rhea's on an in-memory stream; receivers ask for nothing by themselves. */
export function amqpClient(server: StreamAmqpServer, options: object = {}): Connection {
	const [near, far] = duplexPair();
	near.on('error', () => {});
	server.accept(far, { remoteAddress: 'test' });
	const container = rhea.create_container();
	const connection = container.connect({
		connection_details: () => ({
			host: 'test',
			port: 0,
			connect: (_port: number, _host: string, _options: object, connected: () => void) => {
				process.nextTick(connected);
				return near;
			},
		}),
		reconnect: false,
		receiver_options: { credit_window: 0, autoaccept: false },
		...options,
	} as never);
	for (const event of ['disconnected', 'connection_error', 'connection_close', 'protocol_error']) {
		connection.on(event, () => {});
	}
	connection.on('error', () => {});
	return connection;
}

/** The next event of something of rhea's. */
export function happening(
	emitter: { once(event: string, listener: (context: EventContext) => void): unknown },
	event: string,
): Promise<EventContext> {
	const { promise, resolve } = Promise.withResolvers<EventContext>();
	emitter.once(event, resolve);
	return promise;
}

/** Puts a token to `$cbs` on links of its own. @returns the status of the answer */
export async function putToken(
	client: Connection,
	audience: string,
	token: string,
): Promise<number> {
	const answers = client.open_receiver({ source: '$cbs', credit_window: 10 });
	const requests = client.open_sender('$cbs');
	await happening(requests, 'sendable');
	const type = 'servicebus.windows.net:sastoken';
	requests.send({
		message_id: 1,
		application_properties: { operation: 'put-token', type, name: audience },
		body: token,
	} as never);
	const { message } = await happening(answers, 'message');
	for (const link of [answers, requests]) link.close();
	return message?.['application_properties']?.['status-code'];
}
