import test from 'ava';
import {
	formatConnectionString,
	parseConnectionString,
} from '../../src/protocol/connection-string.ts';
import { parseMethodRequest } from '../../src/protocol/direct-method.ts';
import { endpointOf } from '../../src/protocol/host-name.ts';
import { identityKey, isValidId, parseIdentityKey } from '../../src/protocol/identity.ts';

test('reads the connection strings of devices, modules and services, and writes them back', (t) => {
	const texts = [
		'HostName=hub.azure-devices.net;DeviceId=edge1;SharedAccessKey=a2V5PT0=',
		'HostName=localhost:41234;DeviceId=edge1;ModuleId=$edgeAgent;SharedAccessKey=a2V5',
		'HostName=hub;SharedAccessKeyName=iothubowner;SharedAccessKey=a2V5',
		'HostName=hub;DeviceId=leaf;SharedAccessKey=a2V5;GatewayHostName=edge',
		'HostName=hub;DeviceId=leaf;x509=true',
	];
	for (const text of texts) t.is(formatConnectionString(parseConnectionString(text)), text);
});

test('takes names of members in any case and ignores what it does not know', (t) => {
	const read = parseConnectionString(' hostname=h;DEVICEID=d;SharedAccessKey=k==;Extra=1; ');
	t.deepEqual(read, { hostName: 'h', deviceId: 'd', sharedAccessKey: 'k==' });
});

const incomplete: [text: string, missing: RegExp][] = [
	['', /HostName/],
	['DeviceId=d;SharedAccessKey=secret', /HostName/],
	['HostName=h;DeviceId=d', /SharedAccessKey/],
	['HostName=h;SharedAccessKey=secret', /DeviceId or SharedAccessKeyName/],
	['HostName=h;ModuleId=m;SharedAccessKeyName=p;SharedAccessKey=secret', /DeviceId/],
];
for (const [text, missing] of incomplete) {
	test(`says what is missing from "${text.replace('secret', '…')}" without quoting a secret`, (t) => {
		const error = t.throws(() => parseConnectionString(text));
		t.regex(error.message, missing);
		t.false(error.message.includes('secret'));
	});
}

test('a host name with a port has one port for all protocols', (t) => {
	t.deepEqual(endpointOf('localhost:41234', 'mqtt'), { host: 'localhost', port: 41234 });
	t.deepEqual(endpointOf('hub.azure-devices.net', 'mqtt').port, 8883);
	t.deepEqual(endpointOf('hub.azure-devices.net', 'https').port, 443);
	t.deepEqual(endpointOf('[::1]:99', 'https'), { host: '::1', port: 99 });
});

test('identities have one key each', (t) => {
	for (const key of ['edge1', 'edge1/filter', 'edge1/$edgeHub']) {
		t.is(identityKey(parseIdentityKey(key)), key);
	}
	t.true(isValidId("a-._+%#*?!(),:=@$'Z9"));
	for (const id of ['', 'a/b', 'a b', 'ä', 'x'.repeat(129)]) t.false(isValidId(id));
});

test('a method request gets its defaults', (t) => {
	t.deepEqual(parseMethodRequest({ methodName: 'reset' }), {
		name: 'reset',
		payload: null,
		responseTimeoutSeconds: 30,
		connectTimeoutSeconds: 0,
	});
});

const badRequests: [title: string, body: unknown][] = [
	['no object', 'reset'],
	['no name', { payload: {} }],
	['a blank name', { methodName: ' ' }],
	['a long name', { methodName: 'x'.repeat(101) }],
	['a large payload', { methodName: 'x', payload: 'y'.repeat(131_072) }],
	['a short response timeout', { methodName: 'x', responseTimeoutInSeconds: 4 }],
	['a text as timeout', { methodName: 'x', responseTimeoutInSeconds: '30' }],
	['a long connect timeout', { methodName: 'x', connectTimeoutInSeconds: 301 }],
];
for (const [title, body] of badRequests) {
	test(`refuses a method request with ${title}`, (t) => {
		t.throws(() => parseMethodRequest(body), { code: 'EDGE_METHOD_INVALID' });
	});
}
