import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { loadAgentSettings, settingsOfDevice } from '../../src/edge-agent/settings.ts';
import { defaultPolicy } from '../../src/edge-agent/translation/default-policy.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const connectionString = 'HostName=localhost:41234;DeviceId=Edge1;SharedAccessKey=c2VjcmV0';
const env = {
	IOTEDGE_CONNECTION_STRING: connectionString,
	NAMESPACE: 'edge',
	RUNTIME_IMAGE: 'iotedge-k8s:1',
};

test('defaults make a whole set of settings and the default policy', async (t) => {
	const { settings } = await loadAgentSettings(env);
	t.like(settings, {
		provisioning: {
			kind: 'manual',
			hostName: 'localhost:41234',
			deviceId: 'Edge1',
			credential: { kind: 'shared-access-key', key: 'c2VjcmV0' },
		},
		namespace: 'edge',
		runtimeImage: 'iotedge-k8s:1',
		workloadUri: 'http://edgeagent:35001/',
		logLevel: 'info',
		refreshSeconds: 3600,
	});
	if (settings === undefined) return;
	const device = settingsOfDevice(settings, { hostName: 'h', deviceId: 'Edge1' });
	t.is(device.edgeDeviceHostName, 'edge1');
	t.false(JSON.stringify(device).includes('c2VjcmV0'));
	t.deepEqual(settings.policy, {
		...defaultPolicy,
		protectedSecrets: ['edgeagent-state', 'iotedge-device'],
	});
});

test('connection string and authorities come from files', async (t) => {
	const folder = await temporaryFolder(t);
	await writeFile(join(folder, 'device'), `${connectionString}\n`);
	await writeFile(join(folder, 'ca.pem'), 'PEM\n');
	const { settings } = await loadAgentSettings({
		...env,
		IOTEDGE_CONNECTION_STRING: '',
		IOTEDGE_CONNECTION_STRING_FILE: join(folder, 'device'),
		IOT_HUB_CA_FILE: join(folder, 'ca.pem'),
		RuntimeLogLevel: 'Verbose',
	});
	t.like(settings?.provisioning, { deviceId: 'Edge1' });
	t.is(settings?.hubAuthority, 'PEM');
	t.is(settings?.logLevel, 'debug');
});

test('a hub authority that is not there is not needed', async (t) => {
	const { settings } = await loadAgentSettings({ ...env, IOT_HUB_CA_FILE: '/nowhere/ca.pem' });
	t.is(settings?.hubAuthority, undefined);
});

test('the policy is what the operator allows', async (t) => {
	const { settings } = await loadAgentSettings({
		...env,
		ALLOW_HOST_PATHS: '/data,/dev/ttyUSB0',
		DEVICE_RESOURCES: '/dev/video0=example.com/camera',
		STATIC_VOLUMES: 'all',
		StorageClassName: 'fast',
		PortMappingServiceType: 'loadbalancer',
	});
	t.like(settings?.policy, {
		allowHostPaths: ['/data', '/dev/ttyUSB0'],
		portMappingServiceType: 'LoadBalancer',
		storage: { className: 'fast', staticVolumes: 'all' },
	});
	t.is(settings?.policy.deviceResources.get('/dev/video0'), 'example.com/camera');
});

test('all problems are reported together and no secret with them', async (t) => {
	const { problems = [] } = await loadAgentSettings({
		IOTEDGE_CONNECTION_STRING: 'HostName=h;SharedAccessKeyName=owner;SharedAccessKey=c2VjcmV0',
		WORKLOAD_PORT: '99999',
		DEVICE_RESOURCES: 'x',
		TRUST_BUNDLE_FILE: '/nowhere/bundle.pem',
	});
	t.deepEqual(
		problems.map((problem) => problem.env),
		['NAMESPACE', 'WORKLOAD_PORT', 'DEVICE_RESOURCES'],
	);
	const later = await loadAgentSettings({
		...env,
		IOTEDGE_CONNECTION_STRING: 'HostName=h;SharedAccessKeyName=owner;SharedAccessKey=c2VjcmV0',
		TRUST_BUNDLE_FILE: '/nowhere/bundle.pem',
	});
	t.deepEqual(
		later.problems?.map((problem) => problem.env),
		['IOTEDGE_CONNECTION_STRING', 'TRUST_BUNDLE_FILE'],
	);
	t.false(JSON.stringify([problems, later.problems]).includes('c2VjcmV0'));
});
