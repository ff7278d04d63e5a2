import test from 'ava';
import { hubRequest, mqttClient, runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

const device = { deviceId: 'dev1' };

test('what MQTT clients must not do ends their connection or is refused', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const codes = await Promise.all(
		[
			{ clientId: 'other' },
			{ username: `other.hub/dev1/?api-version=2021-04-12` },
			{ username: `${emulator.hostName}/dev2/?api-version=2021-04-12`, clientId: 'dev2' },
			{ password: 'nonsense' },
			{ username: 'nonsense' },
		].map(async (options) => {
			const error = await t.throwsAsync(mqttClient(emulator, options));
			return (error as Error & { code: number }).code;
		}),
	);
	t.deepEqual(codes, [5, 5, 5, 5, 4]);

	const topics = [
		'devices/dev2/messages/events/',
		'devices/dev1/modules/m/messages/events/',
		'somewhere/else',
		'devices/dev1/messages/events/a=b=c',
		'devices/dev1/messages/events/%zz=1',
	];
	for (const topic of topics) {
		const client = await mqttClient(emulator);
		const closed = new Promise((resolve) => client.once('close', () => resolve(true)));
		client.publish(topic, 'x', { qos: 1 });
		t.true(await closed, topic);
		await client.endAsync(true);
	}
	const client = await mqttClient(emulator);
	const wrong = ['#', 'devices/dev2/messages/devicebound/#', '$iothub/methods/res/#'];
	for (const filter of wrong) await t.throwsAsync(client.subscribeAsync(filter), undefined, filter);
	await client.endAsync(true);
	t.is(emulator.telemetry.size.events, 0);
});

test('a last will and retained messages are marked as such; a clean end leaves no will', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const will = {
		topic: 'devices/dev1/messages/events/kind=will',
		payload: Buffer.from('bye'),
		qos: 1,
	};
	const polite = await mqttClient(emulator, { will });
	await polite.endAsync();
	const rude = await mqttClient(emulator, { will });
	const retained = { qos: 1, retain: true } as const;
	await rude.publishAsync('devices/dev1/messages/events/', 'x', retained);
	rude.stream.destroy();
	await until(() => emulator.telemetry.size.events === 2);
	const properties: object[] = [];
	for await (const event of emulator.telemetry.read()) properties.push(event.properties);
	t.deepEqual(properties, [
		{ 'mqtt-retain': 'true', 'x-opt-retain': 'true' },
		{ kind: 'will', 'iothub-MessageType': 'Will' },
	]);
	await rude.endAsync(true);
});

test('a patch of reported properties can name the version that it is for', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const client = await mqttClient(emulator);
	t.teardown(() => client.endAsync(true));
	const answers: string[] = [];
	client.on('message', (topic, payload) => answers.push(`${topic} ${payload}`));
	const patch = async (rid: string, body: string) => {
		const before = answers.length;
		await client.publishAsync(`$iothub/twin/PATCH/properties/reported/?$rid=${rid}`, body);
		await until(() => answers.length > before);
		return answers.at(-1) ?? '';
	};
	const unheard = '$iothub/twin/PATCH/properties/reported/?$rid=0';
	await client.publishAsync(unheard, '{"a":0}', { qos: 1 });
	await client.subscribeAsync('$iothub/twin/res/#');
	t.deepEqual(answers, [], 'who does not listen gets no answer');
	t.is(await patch('1', '{"a":1}'), '$iothub/twin/res/204/?$rid=1&$version=3 ');
	t.is(await patch('2&$version=3', '{"a":2}'), '$iothub/twin/res/204/?$rid=2&$version=4 ');
	t.regex(await patch('3&$version=3', '{"a":3}'), /res\/412\/\?\$rid=3 \{"errorCode":412001,/);
	t.regex(await patch('4', '[]'), /res\/400\/\?\$rid=4 \{"errorCode":400004,/);
	t.regex(await patch('5', '{'), /res\/400\//);
	t.deepEqual(emulator.twins.get(device).reported.values, { a: 2 });
});

test('a client may announce its model, which its twin and its telemetry show', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const model = 'dtmi:com:example:Thermostat;1';
	const username = `${emulator.hostName}/dev1/?api-version=2021-04-12&model-id=${model}`;
	const client = await mqttClient(emulator, { username });
	await client.publishAsync('devices/dev1/messages/events/', 'x', { qos: 1 });
	await client.endAsync();
	t.is((await hubRequest(emulator, { path: '/twins/dev1' })).body['modelId'], model);
	for await (const { systemProperties } of emulator.telemetry.read()) {
		t.is(systemProperties['dt-dataschema'], model);
	}
	t.is(emulator.telemetry.size.events, 1);
});

test('a session is remembered unless the client wants it clean, and dies with its identity', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	/** Whether a client hears of a change, as one that has subscribed before does. */
	const hears = async (clean: boolean) => {
		const client = await mqttClient(emulator, { clean });
		let heard = false;
		client.once('message', () => {
			heard = true;
		});
		emulator.twins.patch(device, { properties: { desired: { n: Math.random() } } });
		// What is answered later has come later.
		await client.subscribeAsync('devices/dev1/messages/devicebound/#');
		await client.unsubscribeAsync('devices/dev1/messages/devicebound/#');
		await client.endAsync();
		return heard;
	};
	const subscriber = await mqttClient(emulator, { clean: false });
	await subscriber.subscribeAsync('$iothub/twin/PATCH/properties/desired/#');
	await subscriber.endAsync();
	t.true(await hears(false));
	emulator.registry.deleteDevice('dev1');
	emulator.registry.putDevice('dev1', {});
	t.false(await hears(false));
	t.false(await hears(true));
});
