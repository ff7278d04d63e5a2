import rhea, { type Connection, type EventContext, type Message, type Receiver } from 'rhea';
import { secureContextFor } from '../../iot-hub-client/trusted-roots.ts';
import { parseConnectionString } from '../../protocol/connection-string.ts';
import { endpointOf, type NetworkEndpoint } from '../../protocol/host-name.ts';
import { createSasToken } from '../../protocol/sas-token.ts';
import { systemClock } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { HubAccess } from './hub-access.ts';
import { callNode, type NodeCall } from './node-call.ts';

/** Selectors as Event Hubs has them are described values with this code. */
const selectorCode = 0x468c00000004;
const selectorName = 'apache.org:selector-filter:string';
const tokenSeconds = 3600;
/** Messages under way for one partition. */
const credit = 200;

/**
 * The Event Hubs-compatible endpoint of an IoT Hub, found as `az iot hub monitor-events` finds it: the
 * hub redirects who asks it for its events (IoT Hub documentation, "Read device-to-cloud messages
 * from the built-in endpoint"). Made for one command: `close` ends the connection.
 */
export class EventHub {
	readonly #connection: Connection;
	readonly #entity: string;
	readonly #failure: Promise<never>;

	private constructor(connection: Connection, entity: string) {
		this.#connection = connection;
		this.#entity = entity;
		this.#failure = failureOf(connection);
		// Nobody may wait for it at the moment.
		this.#failure.catch(() => {});
	}

	/** @throws EdgeError EDGE_HUB_UNREACHABLE, EDGE_HUB_REFUSED, EDGE_HUB_REQUEST_FAILED */
	static async open(access: HubAccess): Promise<EventHub> {
		const { endpoint, entity } = await redirection(access);
		const connection = connect(endpoint, access, { username: 'anonymous' });
		const hub = new EventHub(connection, entity);
		const { sharedAccessKey = '', sharedAccessKeyName = '' } = policyOf(access);
		const audience = `sb://${endpoint.host}/${entity}`;
		// An event hub takes the letters of a key for the key, IoT Hub what they stand for.
		const key = Buffer.from(sharedAccessKey).toString('base64');
		const token = tokenFor(audience, key, sharedAccessKeyName);
		const type = 'servicebus.windows.net:sastoken';
		const properties = { operation: 'put-token', type, name: audience };
		try {
			await hub.#call({ node: '$cbs', properties, body: token });
		} catch (error) {
			hub.close();
			throw error;
		}
		return hub;
	}

	/**
	 * Hands on events as they come, until the connection fails.
	 *
	 * @param from `-1`: all that are there, `@latest`: only new ones
	 * @param consumerGroup of the event hub
	 * @throws EdgeError EDGE_HUB_REFUSED, EDGE_HUB_REQUEST_FAILED; it never resolves
	 */
	async read(
		from: '-1' | '@latest',
		consumerGroup: string,
		onEvent: (message: Message) => void,
	): Promise<never> {
		const selector = `amqp.annotation.x-opt-offset > '${from}'`;
		for (const partition of await this.#partitions()) {
			const receiver = this.#connection.open_receiver({
				source: {
					address: `${this.#entity}/ConsumerGroups/${consumerGroup}/Partitions/${partition}`,
					filter: { [selectorName]: rhea.types.wrap_described(selector, selectorCode) },
				},
				credit_window: credit,
			});
			receiver.on('message', ({ message }: EventContext) => {
				if (message !== undefined) onEvent(message);
			});
		}
		return this.#failure;
	}

	close(): void {
		this.#connection.close();
	}

	async #partitions(): Promise<readonly string[]> {
		const body = await this.#call({
			node: '$management',
			properties: { operation: 'READ', name: this.#entity, type: 'com.microsoft:eventhub' },
			body: [],
		});
		const ids = (body as { readonly partition_ids?: readonly string[] }).partition_ids;
		return ids ?? [];
	}

	/** @throws EdgeError for an answer that is a refusal */
	async #call(call: NodeCall): Promise<unknown> {
		const { status, description, body } = await callNode(this.#connection, call, this.#failure);
		if (status < 300) return body;
		throw failure(status === 401 ? 'unauthorized' : String(status), description);
	}
}

/** Asks IoT Hub for its events; the answer says where they are. */
async function redirection(
	access: HubAccess,
): Promise<{ endpoint: NetworkEndpoint; entity: string }> {
	const { hostName } = access;
	const { sharedAccessKey = '', sharedAccessKeyName = '' } = policyOf(access);
	const [hubName = ''] = hostName.split(/[.:]/, 1);
	const connection = connect(endpointOf(hostName, 'amqp'), access, {
		username: `${sharedAccessKeyName}@sas.root.${hubName}`,
		password: tokenFor(hostName, sharedAccessKey, sharedAccessKeyName),
	});
	const failed = failureOf(connection);
	const receiver: Receiver = connection.open_receiver({
		source: { address: '/messages/events/$management' },
	});
	const { promise, resolve } = Promise.withResolvers<Record<string, unknown> | undefined>();
	receiver.on('receiver_error', () => {
		const { condition, description = '', info } = receiver.error as AmqpFault;
		if (condition === 'amqp:link:redirect') resolve(info);
		else connection.emit('connection_error', { error: { condition, description } });
	});
	try {
		const info = await Promise.race([promise, failed]);
		return redirectedTo(info ?? {});
	} finally {
		connection.close();
	}
}

interface AmqpFault {
	readonly condition: string;
	readonly description?: string;
	readonly info?: Record<string, unknown>;
}

function redirectedTo(info: Record<string, unknown>): {
	endpoint: NetworkEndpoint;
	entity: string;
} {
	const url = new URL(String(info['address']).replace(/^amqps?:/, 'https:'));
	const [, entity = ''] = url.pathname.split('/');
	const port = Number(url.port || info['port'] || 5671);
	return { endpoint: { host: url.hostname, port }, entity };
}

function connect(
	{ host, port }: NetworkEndpoint,
	{ authority }: HubAccess,
	credential: { readonly username: string; readonly password?: string },
): Connection {
	return rhea.create_container().connect({
		transport: 'tls',
		host,
		hostname: host,
		servername: host,
		port,
		secureContext: secureContextFor(authority),
		reconnect: false,
		idle_time_out: 60_000,
		...credential,
	} as Parameters<ReturnType<typeof rhea.create_container>['connect']>[0]);
}

/** Rejects when a connection or one of its links fails. */
function failureOf(connection: Connection): Promise<never> {
	const { promise, reject } = Promise.withResolvers<never>();
	const fail = (context: EventContext) => {
		const fault = (context.error ??
			context.receiver?.error ??
			context.sender?.error ??
			connection.error) as Partial<AmqpFault & Error> | undefined;
		reject(failure(fault?.condition ?? '', fault?.description ?? fault?.message ?? ''));
	};
	for (const event of ['connection_error', 'receiver_error', 'sender_error', 'session_error']) {
		connection.on(event, fail);
	}
	connection.on('disconnected', fail);
	promise.catch(() => {});
	return promise;
}

function failure(condition: string, description: string): EdgeError {
	const message = `The events cannot be read: ${description || 'the connection ended'}.`;
	if (/unauthorized|authentication|sasl/i.test(`${condition} ${description}`)) {
		return new EdgeError('EDGE_HUB_REFUSED', message);
	}
	return new EdgeError(
		condition === '' ? 'EDGE_HUB_UNREACHABLE' : 'EDGE_HUB_REQUEST_FAILED',
		message,
	);
}

function policyOf({ connectionString }: HubAccess) {
	return parseConnectionString(connectionString);
}

function tokenFor(resource: string, key: string, keyName: string): string {
	const expiry = Math.ceil(systemClock.now() / 1000) + tokenSeconds;
	return createSasToken({ resource, key, keyName, expiry });
}
