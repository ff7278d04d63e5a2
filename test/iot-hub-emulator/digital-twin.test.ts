import test from 'ava';
import { desiredPatchOf } from '../../src/iot-hub-emulator/digital-twin/digital-twin-patch.ts';
import { IotHubError } from '../../src/iot-hub-emulator/iot-hub-error.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { hubRequest, mqttClient, runningEmulator } from '../support/running-emulator.ts';

const model = 'dtmi:com:example:TemperatureController;1';

test('a digital twin shows values, components, and what became of what was asked for', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const username = `${emulator.hostName}/dev1/?api-version=2021-04-12&model-id=${model}`;
	const device = await mqttClient(emulator, { username });
	t.teardown(() => device.endAsync(true));
	const patched = await hubRequest(emulator, {
		method: 'PATCH',
		path: '/digitaltwins/dev1',
		body: [
			{ op: 'add', path: '/interval', value: 5 },
			{ op: 'replace', path: '/thermostat1/target', value: 21.5 },
		],
	});
	t.is(patched.status, 202);
	t.truthy(patched.headers['etag']);
	t.deepEqual(emulator.twins.get({ deviceId: 'dev1' }).desired.values, {
		interval: 5,
		thermostat1: { __t: 'c', target: 21.5 },
	});
	emulator.twins.patchReported(
		{ deviceId: 'dev1' },
		{
			serialNumber: 'abc',
			interval: { value: 5, ac: 200, av: 2, ad: 'done' },
			thermostat1: { __t: 'c', max: 30 },
		},
	);
	const { body, status } = await hubRequest(emulator, { path: '/digitaltwins/dev1' });
	t.is(status, 200);
	t.like(body, {
		$dtId: 'dev1',
		serialNumber: 'abc',
		interval: 5,
		$metadata: {
			$model: model,
			interval: {
				desiredValue: 5,
				desiredVersion: 2,
				ackVersion: 2,
				ackCode: 200,
				ackDescription: 'done',
			},
		},
		thermostat1: { max: 30, $metadata: { target: { desiredValue: 21.5, desiredVersion: 2 } } },
	});
	t.false('target' in (body['thermostat1'] as JsonObject), 'the device has not said so yet');
});

test('commands are methods; those of components carry its name', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', {});
	const device = await mqttClient(emulator);
	t.teardown(() => device.endAsync(true));
	device.on('message', (topic, payload) => {
		const [, , , name, requestId] = topic.split('/');
		const answer = JSON.stringify({ name, got: JSON.parse(String(payload)) });
		device.publish(`$iothub/methods/res/203/${requestId}`, answer);
	});
	await device.subscribeAsync('$iothub/methods/POST/#');
	const call = (path: string, body?: unknown) =>
		hubRequest(emulator, { method: 'POST', path: `/digitaltwins/dev1${path}`, body });
	const root = await call('/commands/reboot', 5);
	t.is(root.status, 200);
	t.is(root.headers['x-ms-command-statuscode'], '203');
	t.deepEqual(root.body, { name: 'reboot', got: 5 });
	const component = await call(
		'/components/thermostat1/commands/report?responseTimeoutInSeconds=9',
	);
	t.deepEqual(component.body, { name: 'thermostat1*report', got: null });
	t.is((await call('/commands/x?responseTimeoutInSeconds=1')).status, 400);
});

for (const [operations, expected] of [
	[[{ op: 'add', path: '/a', value: { b: 1 } }], { a: { b: 1 } }],
	[[{ op: 'remove', path: '/a' }], { a: null }],
	[
		[
			{ op: 'add', path: '/c/x', value: 1 },
			{ op: 'remove', path: '/c/y' },
		],
		{ c: { __t: 'c', x: 1, y: null } },
	],
	[[{ op: 'add', path: '/c', value: { $metadata: {}, x: 1 } }], { c: { __t: 'c', x: 1 } }],
	[[{ op: 'add', path: '/a~1b~0', value: 1 }], { 'a/b~': 1 }],
	[[{ op: 'add', path: '/a/b/c', value: 1 }], undefined],
	[[{ op: 'move', path: '/a', value: 1 }], undefined],
	[[{ op: 'add', path: '/a' }], undefined],
	[[{ op: 'add', path: 'a', value: 1 }], undefined],
	[[], undefined],
	[{}, undefined],
] as const) {
	test(`${JSON.stringify(operations)} is ${expected ? 'a patch' : 'refused'}`, (t) => {
		if (expected)
			t.deepEqual<JsonObject, JsonObject>(desiredPatchOf(operations), expected as JsonObject);
		else t.throws(() => desiredPatchOf(operations), { instanceOf: IotHubError });
	});
}
