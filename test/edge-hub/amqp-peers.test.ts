import { randomUUID } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import rhea, {
	type Connection,
	type Message,
	type Receiver,
	type Sender,
	type Session,
} from 'rhea';
import type { Identity } from '../../src/protocol/identity.ts';
import { audienceOf } from '../../src/protocol/sas-token.ts';
import { happening, putToken } from '../support/amqp-peer.ts';
import {
	hubHostName,
	moduleOf,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	tokenOf,
} from '../support/hub-world.ts';
import { until } from '../support/until.ts';

// What the device SDKs for .NET and Java put on the wire, which are not at hand here: links, settle
// modes, ids and formats as they have them.

const filter = moduleOf('filter');
const leaf = { deviceId: 'leaf-1' };

async function runningHub(t: ExecutionContext) {
	const world = await newWorld('filter');
	world.iotHub.register(leaf);
	world.iotHub.patchDesired(
		ownIdentity,
		routes(
			'FROM /messages/modules/filter/outputs/loop INTO BrokeredEndpoint("/modules/filter/inputs/in1")',
			'FROM /messages/modules/filter/outputs/up INTO $upstream',
			'FROM /messages/* WHERE NOT IS_DEFINED($connectionModuleId) INTO $upstream',
		),
	);
	const hub = await startHub(t, world);
	await hub.whenReady();
	const connection = rhea.create_container().connect({
		transport: 'tls',
		host: 'localhost',
		port: hub.amqpPort,
		ca: world.workload.authority.certificate,
		reconnect: false,
		receiver_options: { credit_window: 50, autoaccept: false },
	} as never);
	for (const event of ['disconnected', 'connection_error', 'protocol_error', 'error']) {
		connection.on(event, () => {});
	}
	t.teardown(() => connection.close());
	return { iotHub: world.iotHub, connection };
}

const dataOf = (text: string) => rhea.message.data_section(Buffer.from(text));
const textOf = (message: Message | undefined) => String(message?.body.content);
const uuidOf = (id: unknown) => rhea.string_to_uuid(String(id));

/** Links of one client in a session, as one of the SDKs attaches them. */
class Links {
	readonly #session: Session;
	readonly #identity: Identity;
	readonly #properties: object;

	constructor(session: Session, identity: Identity, properties: object = {}) {
		this.#session = session;
		this.#identity = identity;
		this.#properties = {
			'com.microsoft:client-version': 'a client',
			'com.microsoft:api-version': '2021-04-12',
			...properties,
		};
	}

	sender(name: string, what: string, options: object = {}): Sender {
		const source = this.#identity.deviceId;
		const target = this.#urlOf(what);
		const properties = this.#properties;
		return this.#session.open_sender({ name, source, target, properties, ...options } as never);
	}

	receiver(name: string, what: string, options: object = {}): Receiver {
		const source = this.#urlOf(what);
		const target = this.#identity.deviceId;
		const properties = this.#properties;
		return this.#session.open_receiver({ name, source, target, properties, ...options } as never);
	}

	#urlOf(what: string): string {
		const { deviceId, moduleId } = this.#identity;
		const module = moduleId === undefined ? '' : `/modules/${encodeURIComponent(moduleId)}`;
		return `amqps://${hubHostName}/devices/${encodeURIComponent(deviceId)}${module}/${what}`;
	}
}

function sessionOf(connection: Connection): Session {
	const session = connection.create_session();
	session.open();
	return session;
}

const settled = { snd_settle_mode: 1, rcv_settle_mode: 0 };

test('a module as .NET connects it: twin, methods and inputs, again and again with the same links', async (t) => {
	const { iotHub, connection } = await runningHub(t);
	t.is(await putToken(connection, audienceOf(hubHostName, filter), tokenOf(filter)), 200);
	const session = sessionOf(connection);
	for (let n = 0; n < 2; n += 1) {
		const pair = (kind: string) => ({
			'com.microsoft:channel-correlation-id': `${kind}:${randomUUID()}`,
		});
		const twin = new Links(session, filter, pair('twin'));
		const methods = new Links(session, filter, pair('methods'));
		const plain = new Links(session, filter);
		const twinIn = twin.receiver('TwinReceiverLink', 'twin', settled);
		const twinOut = twin.sender('TwinSenderLink', 'twin', settled);
		const methodIn = methods.receiver('MethodsReceiverLink', 'methods/deviceBound', settled);
		const methodOut = methods.sender('MethodsSenderLink', 'methods/deviceBound', settled);
		const inputs = plain.receiver('EventsReceiverLink', 'messages/events', { rcv_settle_mode: 0 });
		const telemetry = plain.sender('TelemetrySenderLink', 'messages/events');
		await happening(telemetry, 'sendable');

		const ask = async (operation: string, resource?: string, body?: string) => {
			const id = `${operation}${randomUUID()}`;
			twinOut.send({
				correlation_id: id,
				message_annotations: { operation, ...(resource ? { resource, version: null } : {}) },
				...(body === undefined ? {} : { body: dataOf(body) }),
			} as never);
			const { message } = await happening(twinIn, 'message');
			t.is(message?.correlation_id, id);
			t.is(message?.message_annotations?.['status'], 200, operation);
			return message;
		};
		t.regex(textOf(await ask('GET')), /"desired"/);
		await ask('PUT', '/notifications/twin/properties/desired');
		const { message_annotations: reported } =
			(await ask('PATCH', '/properties/reported', '{"n":1}')) ?? {};
		t.is(typeof reported?.['version'], 'number');
		await until(() => iotHub.listensForDesired(filter), 'the subscription to desired properties');
		const change = happening(twinIn, 'message');
		iotHub.patchDesired(filter, { speed: n });
		const { message: changed } = await change;
		t.like(JSON.parse(textOf(changed)), { speed: n });
		t.is(changed?.correlation_id, undefined);

		await until(() => iotHub.listensForMethods(filter), 'the subscription to methods');
		methodIn.once('message', ({ message, delivery }) => {
			delivery?.accept();
			t.is(message?.application_properties?.['IoThub-methodname'], 'reset');
			methodOut.send({
				correlation_id: uuidOf(message?.correlation_id),
				application_properties: { 'IoThub-status': rhea.types.wrap_int(207) },
				body: dataOf('{"a":1}'),
			} as never);
		});
		const timeouts = { responseTimeoutSeconds: 10, connectTimeoutSeconds: 10 };
		const answer = await iotHub.callMethod(filter, { name: 'reset', payload: 1, ...timeouts });
		t.deepEqual(answer, { status: 207, payload: { a: 1 } });

		const properties = { application_properties: { 'iothub-outputname': 'loop' } };
		telemetry.send({ body: dataOf('round'), ...properties } as never);
		const { message: input, delivery } = await happening(inputs, 'message');
		t.is(textOf(input), 'round');
		t.is(input?.message_annotations?.['x-opt-input-name'], 'in1');
		t.is((delivery as unknown as { readonly tag: Buffer }).tag.length, 16);
		delivery?.accept();

		const all = [twinIn, twinOut, methodIn, methodOut, inputs, telemetry];
		const closed = all.map((link) =>
			happening(link, link.is_receiver() ? 'receiver_close' : 'sender_close'),
		);
		for (const link of all) link.close();
		await Promise.all(closed);
	}
	t.true(connection.is_open());
});

test('a leaf device as .NET connects it: messages from the cloud are settled by both sides', async (t) => {
	const { iotHub, connection } = await runningHub(t);
	t.is(await putToken(connection, audienceOf(hubHostName, leaf), tokenOf(leaf)), 200);
	const links = new Links(sessionOf(connection), leaf);
	const second = { rcv_settle_mode: 1, autosettle: false };
	const bound = links.receiver('TelemetryReceiverLink', 'messages/deviceBound', second);
	await happening(bound, 'receiver_open');
	await until(() => iotHub.listensForMessages(leaf), 'the subscription to messages');
	for (const decide of ['accept', 'reject'] as const) {
		const message = {
			body: Buffer.from(decide),
			properties: new Map(),
			systemProperties: new Map(),
		};
		const completed = iotHub.sendToDevice(leaf, message);
		const { message: received, delivery } = await happening(bound, 'message');
		t.is(textOf(received), decide);
		const done = happening(bound, 'settled');
		if (decide === 'accept') delivery?.accept();
		else delivery?.reject();
		await Promise.all([done, completed]);
	}
});

test('clients that share a connection, as Java lets them: each has its own links, and batches count one by one', async (t) => {
	const { iotHub, connection } = await runningHub(t);
	const telemetry = new Map<Identity, Sender>();
	for (const identity of [leaf, filter]) {
		t.is(await putToken(connection, audienceOf(hubHostName, identity), tokenOf(identity)), 200);
		const links = new Links(sessionOf(connection), identity, {
			'com.microsoft:model-id': 'dtmi:a;1',
		});
		const sender = links.sender(`sender_link_tag-${randomUUID()}`, 'messages/events');
		await happening(sender, 'sendable');
		telemetry.set(identity, sender);
	}
	const batchFormat = 0x80_01_37_00;
	const encode = (message: object) => rhea.message.encode(message as never);
	const batch = ['1', '2', '3'].map((text) =>
		encode({
			body: dataOf(text),
			application_properties: { 'iothub-outputname': 'up', text },
		}),
	);
	for (const [identity, sender] of telemetry) {
		const bytes = encode({ body: rhea.message.data_sections(batch) });
		sender.send(bytes as never, Buffer.from(identity.deviceId), batchFormat);
		await happening(sender, 'accepted');
	}
	await until(() => iotHub.messages.length === 6, 'all messages in the cloud');
	t.deepEqual(
		iotHub.messages
			.map(({ sender, message }) => `${sender} ${message.properties.get('text')}`)
			.sort(),
		['edge1/filter', 'leaf-1'].flatMap((sender) =>
			['1', '2', '3'].map((text) => `${sender} ${text}`),
		),
	);
	t.true(
		iotHub.messages.every(({ message }) => message.systemProperties.get('modelId') === 'dtmi:a;1'),
	);
});

test('a module may take its inputs from where devices take messages of the cloud', async (t) => {
	const { connection } = await runningHub(t);
	t.is(await putToken(connection, audienceOf(hubHostName, filter), tokenOf(filter)), 200);
	const links = new Links(sessionOf(connection), filter);
	const inputs = links.receiver('inputs', 'messages/deviceBound');
	const telemetry = links.sender('telemetry', 'messages/events/');
	await happening(telemetry, 'sendable');
	telemetry.send({
		body: dataOf('round'),
		application_properties: { 'iothub-outputname': 'loop' },
	} as never);
	const { message, delivery } = await happening(inputs, 'message');
	t.is(textOf(message), 'round');
	delivery?.accept();
});
