import test from 'ava';
import { messageFromAmqp, messageToAmqp } from '../../src/edge-hub/amqp-head/client-message.ts';

const body = Buffer.from('21');

test('a message keeps what its sender said of it on its way through the hub', (t) => {
	const sent = messageFromAmqp({
		messageId: 'm',
		correlationId: 'c',
		userId: 'u',
		to: '/there',
		contentType: 'application/json',
		contentEncoding: 'utf-8',
		absoluteExpiryTime: 1_700_000_000_000,
		creationTime: 1_600_000_000_000,
		annotations: new Map([
			['iothub-interface-id', 'urn:i'],
			['dt-subject', 'thermostat'],
		]),
		properties: new Map<string, string | number>([
			['iothub-outputname', 'out'],
			['iothub-message-schema', 'schema'],
			['iothub-operation', 'op'],
			['unit', 'C'],
			['level', 3],
		]),
		data: body,
	});
	t.deepEqual(Object.fromEntries(sent.systemProperties), {
		messageId: 'm',
		cid: 'c',
		userId: 'u',
		to: '/there',
		contentType: 'application/json',
		contentEncoding: 'utf-8',
		'absolute-expiry-time': '2023-11-14T22:13:20.000Z',
		creationTime: '2020-09-13T12:26:40.000Z',
		'iothub-interface-id': 'urn:i',
		'dt-subject': 'thermostat',
		outputName: 'out',
		messageSchema: 'schema',
		operation: 'op',
	});
	const systemProperties = new Map(sent.systemProperties);
	systemProperties.set('connectionDeviceId', 'edge1');
	systemProperties.set('connectionModuleId', 'sensor');
	t.deepEqual(messageToAmqp({ ...sent, systemProperties }, 'in1'), {
		messageId: 'm',
		correlationId: 'c',
		userId: 'u',
		to: '/there',
		contentType: 'application/json',
		contentEncoding: 'utf-8',
		absoluteExpiryTime: 1_700_000_000_000,
		annotations: new Map([
			['iothub-connection-device-id', 'edge1'],
			['iothub-connection-module-id', 'sensor'],
			['dt-subject', 'thermostat'],
			['x-opt-input-name', 'in1'],
		]),
		properties: new Map([
			['iothub-message-schema', 'schema'],
			['iothub-creation-time-utc', '2020-09-13T12:26:40.000Z'],
			['iothub-operation', 'op'],
			['unit', 'C'],
			['level', '3'],
		]),
		data: body,
	});
});

test('a change of a twin comes in the name of the client whose twin it was', (t) => {
	const systemProperties = new Map([
		['connectionDeviceId', 'edge1'],
		['connectionModuleId', '$edgeHub'],
		['rpSenderDeviceId', 'edge1'],
		['rpSenderModuleId', 'filter'],
	]);
	const { annotations } = messageToAmqp({ body, properties: new Map(), systemProperties }, 'in1');
	t.is(annotations?.get('iothub-connection-module-id'), 'filter');
});
