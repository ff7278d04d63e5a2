import test from 'ava';
import { hubSettingsTable, readEdgeHubSettings } from '../../src/edge-hub/settings.ts';
import { unservedIn, unservedSettings } from '../../src/edge-hub/unserved-settings.ts';

const required = {
	IOTEDGE_DEVICEID: 'edge1',
	IOTEDGE_MODULEGENERATIONID: '1',
	IOTEDGE_IOTHUBHOSTNAME: 'hub.test',
	IOTEDGE_WORKLOADURI: 'http://edgeagent:35001/',
};

test('defaults are those of Azure IoT Edge', (t) => {
	t.like(readEdgeHubSettings(required).settings, {
		moduleId: '$edgeHub',
		mqttPort: 8883,
		metricsPort: 9600,
		maxConnectedClients: 100,
		acknowledgementSeconds: 30,
		configRefreshSeconds: 3600,
		reportedSyncSeconds: 5,
		hubCaFile: undefined,
		logLevel: 'info',
	});
});

test('the case of a name does not count, the exact name comes first', (t) => {
	const env = { ...required, MAXCONNECTEDCLIENTS: '5', storagefolder: '/data' };
	t.like(readEdgeHubSettings(env).settings, { maxConnectedClients: 5, storageFolder: '/data' });
	const both = { ...env, MaxConnectedClients: '6' };
	t.like(readEdgeHubSettings(both).settings, { maxConnectedClients: 6 });
});

test('the level of logging may be named as in Azure IoT Edge', (t) => {
	const { settings } = readEdgeHubSettings({ ...required, RuntimeLogLevel: 'Warning' });
	t.is(settings?.logLevel, 'warn');
});

test('the way to IoT Hub has the names of Azure IoT Edge, and a proxy in any case', (t) => {
	const { settings } = readEdgeHubSettings({
		...required,
		UpstreamProtocol: 'amqpws',
		HTTPS_PROXY: 'http://me:hush@proxy.example.com:3128',
		NO_PROXY: 'localhost, .example.com',
	});
	t.is(settings?.upstreamProtocol, 'AmqpWs');
	t.like(settings?.proxy, { host: 'proxy.example.com', port: 3128, secure: false });
	t.deepEqual(settings?.noProxy, ['localhost', '.example.com']);
	const wrong = readEdgeHubSettings({ ...required, https_proxy: 'socks5://me:hush@proxy' });
	t.deepEqual(
		wrong.problems?.map(({ env }) => env),
		['https_proxy'],
	);
	t.false(JSON.stringify(wrong.problems).includes('hush'));
});

const tls: [text: string, minVersion: string, maxVersion: string][] = [
	['tls1.2,tls1.3', 'TLSv1.2', 'TLSv1.3'],
	['Tls12', 'TLSv1.2', 'TLSv1.2'],
	['tls1.3', 'TLSv1.3', 'TLSv1.3'],
	['tls1, tls1.1, tls1.2', 'TLSv1.2', 'TLSv1.2'],
];

for (const [text, minVersion, maxVersion] of tls) {
	test(`${text} are versions of TLS`, (t) => {
		const { settings } = readEdgeHubSettings({ ...required, SslProtocols: text });
		t.deepEqual(settings?.tlsVersions, { minVersion, maxVersion } as never);
	});
}

test('versions of TLS that nobody should speak are not enough', (t) => {
	const { problems } = readEdgeHubSettings({ ...required, SslProtocols: 'tls1.1' });
	t.deepEqual(
		problems?.map(({ env }) => env),
		['SslProtocols'],
	);
});

test('settings of Azure IoT Edge that mean nothing here are known, in any case', (t) => {
	const env = { ...required, rocksdb_maxopenfiles: '9', MaxConnectedClients: '5' };
	t.deepEqual(unservedIn(env), ['RocksDB_MaxOpenFiles']);
	const served = Object.values(hubSettingsTable).map(({ env: name }) => name.toLowerCase());
	const unserved = Object.keys(unservedSettings).map((name) => name.toLowerCase());
	t.deepEqual(
		unserved.filter((name) => served.includes(name)),
		[],
	);
});

test('all problems are told at once', (t) => {
	const { problems } = readEdgeHubSettings({ MaxConnectedClients: 'many' });
	t.deepEqual(
		problems?.map(({ env }) => env),
		[...Object.keys(required), 'MaxConnectedClients'],
	);
});
