import { once } from 'node:events';
import test from 'ava';
import rhea, { type Connection } from 'rhea';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { identityToken, runningEmulator, serviceToken } from '../support/running-emulator.ts';

function connect(emulator: IotHubEmulator, username: string, password: string): Connection {
	const connection = rhea.create_container().connect({
		transport: 'tls',
		host: 'localhost',
		port: emulator.port,
		ca: emulator.caCertificate,
		username,
		password,
		reconnect: false,
	} as never);
	connection.on('disconnected', () => {});
	return connection;
}

test('a client of plain AMQP logs in with its token as the password', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const device = connect(
		emulator,
		`dev1@sas.${emulator.hostName}`,
		identityToken(emulator, { deviceId: 'dev1' }),
	);
	t.teardown(() => device.close());
	const events = device.open_sender('/devices/dev1/messages/events');
	await once(events, 'sendable');
	events.send({ body: rhea.message.data_section(Buffer.from('1')) });
	await once(events, 'accepted');
	t.is(emulator.telemetry.size.events, 1);

	const service = connect(
		emulator,
		`iothubowner@sas.root.${emulator.hostName}`,
		serviceToken(emulator),
	);
	t.teardown(() => service.close());
	const commands = service.open_sender('/messages/devicebound');
	await once(commands, 'sendable');
	commands.send({ to: '/devices/dev1/messages/devicebound', body: 'x' });
	await once(commands, 'accepted');

	const own = identityToken(emulator, { deviceId: 'dev1' });
	for (const [user, password] of [
		[`dev1@sas.${emulator.hostName}`, own.replace(/sig=[^&]*/, 'sig=AAAA')],
		[`dev2@sas.${emulator.hostName}`, own],
		['dev1', own],
	] as const) {
		const stranger = connect(emulator, user, password);
		const { promise, resolve } = Promise.withResolvers<string>();
		for (const event of ['connection_open', 'connection_error', 'disconnected']) {
			stranger.on(event, () => resolve(event));
		}
		t.not(await promise, 'connection_open', user);
	}
});

test('a reader that knows only the hub is sent to its event hub', async (t) => {
	const emulator = await runningEmulator(t);
	const user = `service@sas.root.${emulator.hostName}`;
	const reader = connect(emulator, user, serviceToken(emulator, 'service'));
	t.teardown(() => reader.close());
	const host = `localhost:${emulator.port}`;
	for (const [address, target] of [
		[`amqps://${host}/messages/events/$management`, '/$management'],
		['/messages/events', ''],
		['/messages/events/ConsumerGroups/x/Partitions/0', '/ConsumerGroups/x/Partitions/0'],
	] as const) {
		const link = reader.open_receiver(address);
		await once(link, 'receiver_error');
		const { condition, info } = link.error as unknown as { condition: string; info: object };
		t.is(condition, 'amqp:link:redirect');
		t.like(info, {
			hostname: 'localhost',
			port: emulator.port,
			address: `amqps://${host}/iot-hub-emulator${target}`,
		});
	}
});

test('answers to requests with a number for an id carry it as a number', async (t) => {
	const emulator = await runningEmulator(t);
	const user = `service@sas.root.${emulator.hostName}`;
	const client = connect(emulator, user, serviceToken(emulator, 'service'));
	t.teardown(() => client.close());
	const answers = client.open_receiver(`amqps://${emulator.hostName}/iot-hub-emulator/$management`);
	const requests = client.open_sender(`amqps://${emulator.hostName}/iot-hub-emulator/$management`);
	await once(requests, 'sendable');
	requests.send({
		message_id: 7,
		application_properties: {
			operation: 'READ',
			name: 'iot-hub-emulator',
			type: 'com.microsoft:eventhub',
		},
		body: '',
	} as never);
	const [{ message }] = await once(answers, 'message');
	t.is(message.correlation_id, 7);
	t.is(message.body.partition_count, 4);
});
