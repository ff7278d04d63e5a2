import test from 'ava';
import { bypassesProxy, parseProxy } from '../../src/iot-hub-client/http-proxy.ts';

const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;

const addresses: [text: string, proxy: object][] = [
	['http://proxy:3128', { host: 'proxy', port: 3128, secure: false }],
	['proxy.example.com:8080', { host: 'proxy.example.com', port: 8080, secure: false }],
	['https://proxy/', { host: 'proxy', port: 443, secure: true }],
	['http://proxy', { host: 'proxy', port: 80, secure: false }],
	['http://[::1]:3128', { host: '::1', port: 3128, secure: false }],
	[
		'http://me:p%40ss%3A@proxy:1',
		{ host: 'proxy', port: 1, secure: false, authorization: basic('me:p@ss:') },
	],
	['http://me@proxy:1', { host: 'proxy', port: 1, secure: false, authorization: basic('me:') }],
	[
		'http://100%:x@proxy:1',
		{ host: 'proxy', port: 1, secure: false, authorization: basic('100%:x') },
	],
];

for (const [text, proxy] of addresses) {
	test(`${text} is the address of a proxy`, (t) => {
		t.deepEqual(parseProxy(text), proxy as never);
	});
}

for (const text of [
	'socks5://me:hush@proxy:1',
	'http://',
	'http://me:hush@pro xy',
	'http://p:99999',
]) {
	test(`${text} is not, and the error does not repeat it`, (t) => {
		const error = t.throws(() => parseProxy(text), { instanceOf: RangeError });
		t.false(error?.message.includes('hush'));
	});
}

const hosts: [entries: string[], host: string, port: number, bypasses: boolean][] = [
	[[], 'hub.azure-devices.net', 443, false],
	[['*'], 'hub.azure-devices.net', 443, true],
	[['hub.azure-devices.net'], 'Hub.azure-devices.net', 443, true],
	[['azure-devices.net'], 'hub.azure-devices.net', 443, true],
	[['.azure-devices.net'], 'hub.azure-devices.net', 443, true],
	[['*.azure-devices.net'], 'hub.azure-devices.net', 443, true],
	[['devices.net'], 'hub.azure-devices.net', 443, false],
	[['hub.local:8883'], 'hub.local', 8883, true],
	[['hub.local:8883'], 'hub.local', 443, false],
	[['10.0.0.1'], '10.0.0.1', 443, true],
	[['0.0.1'], '10.0.0.1', 443, false],
	[['::1'], '::1', 443, true],
	[['[::1]:443'], '::1', 443, true],
	[['other', 'localhost'], 'localhost', 1, true],
];

for (const [entries, host, port, bypasses] of hosts) {
	test(`no_proxy ${entries.join(',') || '(none)'} ${bypasses ? 'lets' : 'does not let'} ${host}:${port} pass by`, (t) => {
		t.is(bypassesProxy(entries, { host, port }), bypasses);
	});
}
