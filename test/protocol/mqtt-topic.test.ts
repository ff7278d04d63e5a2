import test from 'ava';
import fc from 'fast-check';
import {
	desiredPatchTopic,
	deviceBoundTopic,
	inputTopic,
	methodRequestTopic,
	parseClientTopic,
	parseSubscription,
	twinResponseTopic,
} from '../../src/protocol/mqtt-topic.ts';
import { parseMqttUserName } from '../../src/protocol/mqtt-user-name.ts';

const module = { deviceId: 'edge 1', moduleId: 'mod$' };

const topics: [topic: string, meaning: unknown][] = [
	[
		'devices/edge 1/messages/events/',
		{ kind: 'telemetry', identity: { deviceId: 'edge 1' }, bag: '' },
	],
	[
		'devices/edge 1/messages/events',
		{ kind: 'telemetry', identity: { deviceId: 'edge 1' }, bag: '' },
	],
	[
		'devices/edge 1/modules/mod$/messages/events/%24.on=out%2F1&a=b/',
		{ kind: 'telemetry', identity: module, bag: '%24.on=out%2F1&a=b' },
	],
	['devices/edge 1/modules/mod$/messages/events/a=b/c', undefined],
	['devices//messages/events/', undefined],
	['devices/d/modules//messages/events/', undefined],
	['devices/d/messages/devicebound/', undefined],
	['x/devices/d/messages/events/', undefined],
	['$iothub/twin/GET/?$rid=7', { kind: 'twin-get', requestId: '7' }],
	['$iothub/twin/GET/', { kind: 'malformed' }],
	['$iothub/twin/GET/?$rid=', { kind: 'malformed' }],
	['$iothub/twin/GET/something', { kind: 'malformed' }],
	[
		'$iothub/twin/PATCH/properties/reported/?$rid=5&$version=3',
		{ kind: 'twin-patch', requestId: '5', version: 3 },
	],
	['$iothub/twin/PATCH/properties/reported/', { kind: 'twin-patch' }],
	['$iothub/twin/PATCH/properties/reported/nonsense', { kind: 'malformed' }],
	['$iothub/twin/PATCH/properties/desired/?$rid=5', undefined],
	[
		'$iothub/methods/res/-200/?$rid=a-b',
		{ kind: 'method-response', status: -200, requestId: 'a-b' },
	],
	['$iothub/methods/res/ok/?$rid=1', { kind: 'method-response', status: 400_000, requestId: '1' }],
	[
		'$iothub/methods/res/2147483648/?$rid=1',
		{ kind: 'method-response', status: 400_000, requestId: '1' },
	],
	['$iothub/methods/res//?$rid=1', { kind: 'method-response', status: 400_000, requestId: '1' }],
	['$iothub/methods/res/200', { kind: 'malformed' }],
	['$iothub/methods/res/200/', { kind: 'malformed' }],
];
for (const [topic, meaning] of topics) {
	test(`understands a publish to ${topic}`, (t) => {
		t.deepEqual<unknown, unknown>(parseClientTopic(topic), meaning);
	});
}

test('no topic makes the parser throw', (t) => {
	const part = fc.constantFrom(
		'devices',
		'modules',
		'messages',
		'events',
		'$iothub',
		'?$rid=1',
		'',
	);
	const topic = fc.array(fc.oneof(part, fc.string())).map((parts) => parts.join('/'));
	t.notThrows(() => fc.assert(fc.property(topic, (text) => void parseClientTopic(text))));
});

test('builds the topics that the SDKs listen to', (t) => {
	t.is(inputTopic(module, 'in put', ''), 'devices/edge 1/modules/mod$/inputs/in put/');
	t.is(deviceBoundTopic('d', 'a=b'), 'devices/d/messages/devicebound/a=b');
	t.is(twinResponseTopic(204, 'r', 8), '$iothub/twin/res/204/?$rid=r&$version=8');
	t.is(twinResponseTopic(200, 'r'), '$iothub/twin/res/200/?$rid=r');
	t.is(desiredPatchTopic(4), '$iothub/twin/PATCH/properties/desired/?$version=4');
	t.is(methodRequestTopic('reset', 'x'), '$iothub/methods/POST/reset/?$rid=x');
});

const filters: [
	filter: string,
	subscriber: { deviceId: string; moduleId?: string },
	meaning?: string,
][] = [
	['$iothub/methods/POST/#', module, 'methods'],
	['$iothub/twin/res/#', module, 'twin-responses'],
	['$iothub/twin/PATCH/properties/desired/#', module, 'desired-properties'],
	['devices/edge 1/modules/mod$/inputs/#', module, 'inputs'],
	['devices/edge 1/modules/mod$/#', module, 'inputs'],
	['devices/edge 1/modules/other/inputs/#', module],
	['devices/edge 1/messages/devicebound/#', module],
	['devices/edge 1/messages/devicebound/#', { deviceId: 'edge 1' }, 'cloud-to-device'],
	['#', module],
];
for (const [filter, subscriber, meaning] of filters) {
	test(`takes ${filter} of ${subscriber.moduleId ?? 'a device'} as ${meaning ?? 'nothing'}`, (t) => {
		t.is<unknown, unknown>(parseSubscription(filter, subscriber), meaning);
	});
}

test('reads a user name whose members follow without a slash', (t) => {
	t.deepEqual(parseMqttUserName('hub/leaf?1?api-version=2021-04-12&model-id=m')?.identity, {
		deviceId: 'leaf?1',
	});
	t.deepEqual(parseMqttUserName('hub/edge1/filter?api-version=1')?.identity, {
		deviceId: 'edge1',
		moduleId: 'filter',
	});
});

test('reads what the Node SDK says of itself in the user name', (t) => {
	const userName =
		'hub:8883/edge1/filter/?api-version=2021-04-12&model-id=dtmi:x;1&DeviceClientType=azure-iot-device%2F1.18.4%20(node)';
	t.deepEqual(parseMqttUserName(userName), {
		hostName: 'hub:8883',
		identity: { deviceId: 'edge1', moduleId: 'filter' },
		apiVersion: '2021-04-12',
		modelId: 'dtmi:x;1',
		deviceClientType: 'azure-iot-device/1.18.4 (node)',
	});
});

const refusedUserNames = [
	'',
	'hub/edge1',
	'hub?api-version=2021-04-12',
	'hub/edge1/filter/?DeviceClientType=x',
	'hub/edge1/?api-version=',
	'hub//?api-version=1',
	'hub/edge1//?api-version=1',
	'hub/edge1/filter/extra/?api-version=1',
	'hub/edge1/?api-version=%ZZ',
];
for (const userName of refusedUserNames) {
	test(`refuses the user name ${JSON.stringify(userName)}`, (t) => {
		t.is(parseMqttUserName(userName), undefined);
	});
}
