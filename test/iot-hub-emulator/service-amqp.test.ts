// What lets SDKs use a host name with a port has to be there before they are loaded.
import '../../src/iot-hub-emulator/sdk-port-preload.ts';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import iot, { type Message } from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import hub, { type Client } from 'azure-iothub';
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { until } from '../support/until.ts';

const transports = { Amqp: hub.Amqp, AmqpWs: hub.AmqpWs } as const;

type Transport = keyof typeof transports;

const emulator = new IotHubEmulator();

test.before(async () => {
	await emulator.start();
	// The service SDK has no option for an authority.
	tls.setDefaultCACertificates([emulator.caCertificate]);
});
test.after.always(() => emulator.stop());

async function serviceClient(
	t: ExecutionContext,
	transport: Transport,
	connectionString = emulator.serviceConnectionString('service'),
): Promise<Client> {
	const client = hub.Client.fromConnectionString(connectionString, transports[transport]);
	t.teardown(() => client.close().catch(() => {}));
	return client;
}

function receiverOf(
	client: Client,
	name: 'getFeedbackReceiver' | 'getFileNotificationReceiver',
): Promise<Client.ServiceReceiver> {
	const { promise, resolve, reject } = Promise.withResolvers<Client.ServiceReceiver>();
	client[name]((error, receiver) => {
		if (receiver === undefined) reject(error);
		else resolve(receiver);
	});
	return promise;
}

function messageWith(text: string, members: object = {}): Message {
	return Object.assign(new iot.Message(text), members);
}

/** Collects the messages of a device, with what it does with them. */
async function device(
	t: ExecutionContext,
	deviceId: string,
	settle: (client: iot.Client, message: Message) => Promise<unknown>,
): Promise<Message[]> {
	const connectionString = emulator.deviceConnectionString({ deviceId });
	const client = iot.Client.fromConnectionString(connectionString, amqp.Amqp);
	t.teardown(() => client.close().catch(() => {}));
	const received: Message[] = [];
	client.on('message', (message: Message) => {
		received.push(message);
		void settle(client, message);
	});
	await client.open();
	return received;
}

for (const transport of ['Amqp', 'AmqpWs'] as const) {
	test.serial(`${transport}: messages to devices, their feedback, their limits`, async (t) => {
		const deviceId = `dev:${transport}`;
		emulator.registry.putDevice(deviceId, {});
		const client = await serviceClient(t, transport);
		await client.open();
		const messageId = '7f3c8f3e-5f5c-4c6e-8d4b-0123456789ab';
		const first = messageWith('{"a":1}', { messageId, correlationId: 'c 1', ack: 'full' });
		first.contentType = 'application/json';
		first.properties.add('p one', 'é');
		await client.send(deviceId, first as never);
		await client.send(deviceId, messageWith('no', { messageId: 'no', ack: 'negative' }) as never);
		await client.send(deviceId, messageWith('quiet', { messageId: 'quiet' }) as never);
		// The SDK cannot encode a Date.
		const expiryTimeUtc = Date.now() + 100;
		const late = messageWith('late', { messageId: 'late', ack: 'full', expiryTimeUtc });
		await client.send(deviceId, late as never);
		await sleep(150);

		const feedback: Record<string, unknown>[] = [];
		const receiver = await receiverOf(client, 'getFeedbackReceiver');
		receiver.on('message', (message) => {
			feedback.push(...JSON.parse(String((message as unknown as Message).getData())));
			void receiver.complete(message as never);
		});
		const received = await device(t, deviceId, (dev, message) =>
			String(message.getData()) === 'no' ? dev.reject(message) : dev.complete(message),
		);
		await until(() => feedback.length === 3);
		t.deepEqual(
			received.map((message) => String(message.getData())),
			['{"a":1}', 'no', 'quiet'],
		);
		t.is(received[0]?.messageId, messageId);
		t.is(received[0]?.correlationId, 'c 1');
		t.is(received[0]?.to, `/devices/${encodeURIComponent(deviceId)}/messages/devicebound`);
		t.is(received[0]?.properties.getValue('p one'), 'é');
		t.deepEqual(
			feedback.map(({ originalMessageId, statusCode }) => [originalMessageId, statusCode]).sort(),
			[
				[messageId, 'Success'],
				['late', 'Expired'],
				['no', 'Rejected'],
			],
		);
		t.like(feedback[0], {
			deviceId,
			deviceGenerationId: emulator.registry.device(deviceId).generationId,
		});
	});

	test.serial(`${transport}: what cannot be sent is refused by its name`, async (t) => {
		const deviceId = `full-${transport}`;
		emulator.registry.putDevice(deviceId, {});
		const client = await serviceClient(t, transport);
		await client.open();
		await t.throwsAsync(client.send('none', messageWith('x') as never), {
			name: 'DeviceNotFoundError',
		});
		await t.throwsAsync(client.send(deviceId, messageWith('x'.repeat(65_537)) as never), {
			name: 'MessageTooLargeError',
		});
		for (let n = 0; n < 50; n += 1) await client.send(deviceId, messageWith('x') as never);
		await t.throwsAsync(client.send(deviceId, messageWith('x') as never), {
			name: 'DeviceMaximumQueueDepthExceededError',
		});
	});

	test.serial(`${transport}: only services send to devices`, async (t) => {
		const wrong = emulator
			.serviceConnectionString('service')
			.replace(/SharedAccessKey=.*/, `SharedAccessKey=${Buffer.alloc(32).toString('base64')}`);
		for (const connectionString of [wrong, emulator.serviceConnectionString('registryRead')]) {
			const client = await serviceClient(t, transport, connectionString);
			const error = await t.throwsAsync(client.open());
			t.like(error, { amqpError: { name: 'UnauthorizedError' } });
		}
	});

	test.serial(`${transport}: notifications of uploaded files`, async (t) => {
		const client = await serviceClient(t, transport);
		await client.open();
		const receiver = await receiverOf(client, 'getFileNotificationReceiver');
		const seen: unknown[] = [];
		receiver.on('message', (message) => {
			seen.push(JSON.parse(String((message as unknown as Message).getData())));
			// The second time it is wanted.
			if (seen.length === 1) void receiver.abandon(message as never);
			else void receiver.complete(message as never);
		});
		emulator.fileNotifications.add({ deviceId: 'dev', blobName: 'a' });
		await until(() => seen.length === 2);
		t.deepEqual(seen, [
			{ deviceId: 'dev', blobName: 'a' },
			{ deviceId: 'dev', blobName: 'a' },
		]);
		await client.close();
		t.is(emulator.fileNotifications.take(1), undefined);
	});
}
