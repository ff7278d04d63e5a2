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
