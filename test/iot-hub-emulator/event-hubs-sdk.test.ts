import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import {
	type EventHubConsumerClient as Consumer,
	EventHubConsumerClient,
	type EventPosition,
	earliestEventPosition,
	latestEventPosition,
	type ReceivedEventData,
} from '@azure/event-hubs';
import test, { type ExecutionContext } from 'ava';
import iot from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';

async function runningEmulator(t: ExecutionContext): Promise<IotHubEmulator> {
	const emulator = new IotHubEmulator();
	await emulator.start();
	t.teardown(() => emulator.stop());
	tls.setDefaultCACertificates([emulator.caCertificate]);
	return emulator;
}

function consumerOf(
	t: ExecutionContext,
	emulator: IotHubEmulator,
	group = '$Default',
	connectionString = emulator.eventHubConnectionString,
): Consumer {
	const consumer = new EventHubConsumerClient(group, connectionString, {
		retryOptions: { maxRetries: 0, timeoutInMs: 5000 },
	});
	t.teardown(() => consumer.close());
	return consumer;
}

async function send(
	t: ExecutionContext,
	emulator: IotHubEmulator,
	deviceId: string,
	bodies: readonly string[],
	more: object = {},
): Promise<void> {
	if (emulator.registry.findDevice(deviceId) === undefined)
		emulator.registry.putDevice(deviceId, {});
	const connectionString = emulator.deviceConnectionString({ deviceId });
	const client = iot.Client.fromConnectionString(connectionString, amqp.Amqp);
	t.teardown(() => client.close().catch(() => {}));
	await client.open();
	for (const body of bodies) {
		const message = new iot.Message(body);
		Object.assign(message, { messageId: `id ${body}`, contentType: 'application/json', ...more });
		message.properties.add('kind', 'test');
		await client.sendEvent(message);
	}
	await client.close();
}

/** Reads until so many events are there. */
async function read(
	consumer: Consumer,
	startPosition: EventPosition,
	count: number,
	partition?: string,
): Promise<ReceivedEventData[]> {
	const events: ReceivedEventData[] = [];
	const { promise, resolve, reject } = Promise.withResolvers<void>();
	const handlers = {
		processEvents: async (received: ReceivedEventData[]) => {
			events.push(...received);
			if (events.length >= count) resolve();
		},
		processError: async (error: Error) => reject(error),
	};
	const options = { startPosition, maxWaitTimeInSeconds: 1, maxBatchSize: 1000 };
	const subscription =
		partition === undefined
			? consumer.subscribe(handlers, options)
			: consumer.subscribe(partition, handlers, options);
	try {
		await Promise.race([promise, sleep(5000)]);
	} finally {
		await subscription.close();
	}
	return events;
}

// One after the other: which authorities are trusted is known to the whole process.
test.serial(
	'the reader of Event Hubs sees what devices send, with everything IoT Hub adds',
	async (t) => {
		const emulator = await runningEmulator(t);
		await send(t, emulator, 'dev1', ['{"n":1}', '{"n":2}']);
		await send(t, emulator, 'dev2', ['{"n":3}']);
		const consumer = consumerOf(t, emulator);
		const ids = await consumer.getPartitionIds();
		t.deepEqual(ids, ['0', '1', '2', '3']);
		t.like(await consumer.getEventHubProperties(), { name: 'iot-hub-emulator', partitionIds: ids });

		const events = await read(consumer, earliestEventPosition, 3);
		t.deepEqual(events.map(({ body }) => (body as { n: number }).n).sort(), [1, 2, 3]);
		const first = events.find(({ body }) => (body as { n: number }).n === 1);
		t.is(first?.messageId as string, 'id {"n":1}');
		t.is(first?.contentType, 'application/json');
		t.deepEqual(first?.properties, { kind: 'test' });
		t.like(first?.systemProperties, {
			'iothub-connection-device-id': 'dev1',
			'iothub-connection-auth-generation-id': emulator.registry.device('dev1').generationId,
			'iothub-message-source': 'Telemetry',
		});
		t.true(Math.abs(Date.now() - (first?.enqueuedTimeUtc.getTime() ?? 0)) < 60_000);

		const states = await Promise.all(ids.map((id) => consumer.getPartitionProperties(id)));
		const filled = states.filter(({ isEmpty }) => !isEmpty);
		t.is(
			Math.max(...filled.map(({ lastEnqueuedSequenceNumber }) => lastEnqueuedSequenceNumber)),
			2,
		);
		await t.throwsAsync(consumer.getPartitionProperties('4'));
	},
);

test.serial(
	'an event hub that routing has as an endpoint is read like the built-in one',
	async (t) => {
		const emulator = await runningEmulator(t);
		const condition = "kind = 'test' AND $body.n > 1";
		emulator.routing.put({
			endpoints: { eventHubs: [{ name: 'hot' }] },
			routes: [{ name: 'one', source: 'DeviceMessages', condition, endpointNames: ['hot'] }],
		});
		const options = { contentEncoding: 'utf-8' };
		await send(t, emulator, 'dev1', ['{"n":1}', '{"n":2}'], options);
		await send(t, emulator, 'dev2', ['{"n":3}'], options);
		const consumer = consumerOf(t, emulator, '$Default', emulator.endpointConnectionString('hot'));
		const ids = await consumer.getPartitionIds();
		t.like(await consumer.getEventHubProperties(), { name: 'hot', partitionIds: ids });
		const events = await read(consumer, earliestEventPosition, 2);
		t.deepEqual(events.map(({ body }) => (body as { n: number }).n).sort(), [2, 3]);
		const states = await Promise.all(ids.map((id) => consumer.getPartitionProperties(id)));
		t.is(states.filter(({ isEmpty }) => !isEmpty).length, 2);
		const builtIn = consumerOf(t, emulator);
		const empty = await Promise.all(ids.map((id) => builtIn.getPartitionProperties(id)));
		t.true(empty.every(({ isEmpty }) => isEmpty));
		const other = consumerOf(t, emulator, '$Default', emulator.endpointConnectionString('cold'));
		await t.throwsAsync(other.getEventHubProperties());
	},
);

test.serial('a reader begins where it wants to, and hears of what comes', async (t) => {
	const emulator = await runningEmulator(t);
	await send(t, emulator, 'dev1', ['0', '1', '2']);
	const between = Date.now();
	await sleep(5);
	await send(t, emulator, 'dev1', ['3', '4']);
	const consumer = consumerOf(t, emulator, 'other-group');
	const all = await read(consumer, earliestEventPosition, 5);
	t.deepEqual(
		all.map(({ body }) => body as number),
		[0, 1, 2, 3, 4],
	);
	const [, , third] = all;
	const positions: [EventPosition, number[]][] = [
		[{ sequenceNumber: third?.sequenceNumber ?? -1 }, [3, 4]],
		[{ sequenceNumber: third?.sequenceNumber ?? -1, isInclusive: true }, [2, 3, 4]],
		[{ offset: third?.offset ?? '' }, [3, 4]],
		[{ enqueuedOn: between }, [3, 4]],
	];
	for (const [position, wanted] of positions) {
		const events = await read(consumer, position, wanted.length);
		t.deepEqual(
			events.map(({ body }) => body as number),
			wanted,
			JSON.stringify(position),
		);
	}
	const coming = read(consumer, latestEventPosition, 1);
	// Nobody says when a reader has begun: who begins with the latest event needs one after that.
	let come = false;
	void coming.then(() => {
		come = true;
	});
	while (!come) {
		await send(t, emulator, 'dev1', ['5']);
		await Promise.race([coming, sleep(300)]);
	}
	t.is((await coming)[0]?.body as number, 5);
});

test.serial('many events arrive in order, as fast as they are asked for', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const count = 3000;
	for (let n = 0; n < count; n += 1) {
		await emulator.telemetry.append({
			enqueuedTime: Date.now(),
			identity: { deviceId: 'dev1' },
			systemProperties: { 'iothub-connection-device-id': 'dev1' },
			properties: {},
			body: Buffer.from(String(n)),
		});
	}
	const events = await read(consumerOf(t, emulator), earliestEventPosition, count);
	t.deepEqual(
		events.map(({ body }) => body as number),
		[...Array(count).keys()],
	);
});

test.serial('only who may read reads', async (t) => {
	const emulator = await runningEmulator(t);
	const wrongKey = emulator.eventHubConnectionString.replace(
		/SharedAccessKey=[^;]*/,
		`SharedAccessKey=${Buffer.alloc(32).toString('base64')}`,
	);
	const other = emulator.eventHubConnectionString.replace(/EntityPath=.*/, 'EntityPath=other');
	for (const connectionString of [wrongKey, other]) {
		const consumer = consumerOf(t, emulator, '$Default', connectionString);
		await t.throwsAsync(consumer.getPartitionIds(), { code: 'UnauthorizedError' });
	}
});
