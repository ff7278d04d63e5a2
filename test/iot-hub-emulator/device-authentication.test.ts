import { X509Certificate } from 'node:crypto';
import test from 'ava';
import mqtt from 'mqtt';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { Authorities } from '../../src/iot-hub-emulator/access/authorities.ts';
import { DeviceAuthentication } from '../../src/iot-hub-emulator/access/device-authentication.ts';
import { ServiceAuthorization } from '../../src/iot-hub-emulator/access/service-authorization.ts';
import { SharedAccessPolicies } from '../../src/iot-hub-emulator/access/shared-access-policies.ts';
import { IdentityRegistry } from '../../src/iot-hub-emulator/registry/identity-registry.ts';
import {
	createSasToken,
	formatSasToken,
	sign,
	signatureInput,
} from '../../src/protocol/sas-token.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { MovableClock } from '../../src/testing/movable-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';
import { until } from '../support/until.ts';

const device = { deviceId: 'Edge1' };
const module = { deviceId: 'Edge1', moduleId: 'mod$1' };
const deviceResource = 'hub.test/devices/Edge1';
const moduleResource = 'hub.test/devices/Edge1/modules/mod$1';

function authentication() {
	const clock = new FakeClock();
	const store = new MemoryKeyValueStore();
	const registry = new IdentityRegistry(store, clock);
	registry.putDevice('Edge1', {});
	registry.putModule(module, {});
	const policies = new SharedAccessPolicies(store);
	policies.load();
	const access = { hostNames: ['hub.test', 'localhost'], clockSkewSeconds: 300 };
	const service = new ServiceAuthorization(policies, access, clock);
	const { primaryKey, secondaryKey } = registry.device('Edge1').authentication.symmetricKey;
	return {
		clock,
		policies,
		registry,
		deviceKey: primaryKey ?? '',
		secondaryKey: secondaryKey ?? '',
		moduleKey: registry.module(module).authentication.symmetricKey.primaryKey ?? '',
		authentication: new DeviceAuthentication(
			registry,
			service,
			new Authorities(store, clock),
			access,
			clock,
		),
	};
}

test('admits tokens of either key for the hub under any of its names, in any case', (t) => {
	const world = authentication();
	const expiry = world.clock.now() / 1000 + 60;
	const lowerCased = 'hub.test%2fdevices%2fedge1';
	const tokens = [
		createSasToken({ resource: deviceResource, key: world.deviceKey, expiry }),
		createSasToken({ resource: deviceResource, key: world.secondaryKey, expiry }),
		createSasToken({ resource: 'LOCALHOST:41234/devices/Edge1', key: world.deviceKey, expiry }),
		formatSasToken(lowerCased, sign(world.deviceKey, signatureInput(lowerCased, expiry)), expiry),
	];
	for (const token of tokens) {
		const admission = world.authentication.admit(device, { token });
		t.deepEqual(admission.method, { scope: 'device', type: 'sas' });
		t.is(admission.generationId, world.registry.device('Edge1').generationId);
		t.is(admission.expires, (expiry + 300) * 1000);
	}
	const token = createSasToken({ resource: moduleResource, key: world.moduleKey, expiry });
	t.is(world.authentication.admit(module, { token }).method.scope, 'module');
});

test('admits a token of a policy that may connect devices, for the device it names', (t) => {
	const world = authentication();
	const expiry = world.clock.now() / 1000 + 60;
	const tokenOf = (name: string, resource: string) => {
		const key = world.policies.find(name)?.primaryKey ?? '';
		return createSasToken({ resource, key, keyName: name, expiry });
	};
	const admitted = world.authentication.admit(device, { token: tokenOf('device', deviceResource) });
	t.is(admitted.method.scope, 'hub');
	t.notThrows(() =>
		world.authentication.admit(module, { token: tokenOf('iothubowner', deviceResource) }),
	);
	t.throws(() => world.authentication.admit(device, { token: tokenOf('service', deviceResource) }));
	const other = tokenOf('device', 'hub.test/devices/other');
	t.throws(() => world.authentication.admit(device, { token: other }));
});

test('refuses everything else alike', (t) => {
	const world = authentication();
	const now = world.clock.now() / 1000;
	const sas = (key: string, resource = deviceResource, expiry = now + 60) =>
		createSasToken({ resource, key, expiry });
	const cases: [string, { deviceId: string; moduleId?: string }, object][] = [
		['no credential', device, {}],
		['no token', device, { token: 'x' }],
		['a wrong key', device, { token: sas(btoa('x'.repeat(32))) }],
		['an expired token', device, { token: sas(world.deviceKey, deviceResource, now - 301) }],
		['another hub', device, { token: sas(world.deviceKey, 'other.test/devices/Edge1') }],
		['another device', device, { token: sas(world.deviceKey, 'hub.test/devices/Edge2') }],
		['the key of the device', module, { token: sas(world.deviceKey, moduleResource) }],
		['the key of a module', device, { token: sas(world.moduleKey) }],
		['an unknown device', { deviceId: 'none' }, { token: sas(world.deviceKey) }],
		['an unknown module', { ...module, moduleId: 'x' }, { token: sas(world.moduleKey) }],
	];
	for (const [what, identity, credential] of cases) {
		const error = t.throws(() => world.authentication.admit(identity, credential), undefined, what);
		t.like(error, { code: 'IotHubUnauthorizedAccess', status: 401 }, what);
	}
	const lastMoment = sas(world.deviceKey, deviceResource, now - 300);
	t.notThrows(() => world.authentication.admit(device, { token: lastMoment }));
	world.registry.putDevice('Edge1', { status: 'disabled' }, '*');
	for (const [identity, token] of [
		[device, sas(world.deviceKey)],
		[module, sas(world.moduleKey, moduleResource)],
	] as const) {
		t.throws(() => world.authentication.admit(identity, { token }));
	}
});

test('a device with a certificate of its own connects by its thumbprint', async (t) => {
	const emulator = await runningEmulator(t);
	const authority = await CertificateAuthority.create({ commonName: 'mine', days: 1 });
	const issue = () => authority.issue({ commonName: 'dev1', usages: ['client'], days: 1 });
	const [good, other] = [await issue(), await issue()];
	const thumbprint = new X509Certificate(good.certificate).fingerprint.replaceAll(':', '');
	const created = await hubRequest(emulator, {
		method: 'PUT',
		path: '/devices/dev1',
		body: { authentication: { x509Thumbprint: { primaryThumbprint: thumbprint } } },
	});
	t.like(created.body['authentication'], { type: 'selfSigned' });
	const connect = ({ certificate, privateKey }: typeof good) =>
		mqtt.connectAsync({
			protocol: 'mqtts',
			host: 'localhost',
			port: emulator.port,
			ca: emulator.caCertificate,
			cert: certificate,
			key: privateKey,
			clientId: 'dev1',
			username: `${emulator.hostName}/dev1/?api-version=2021-04-12`,
			reconnectPeriod: 0,
		});
	const client = await connect(good);
	await client.publishAsync('devices/dev1/messages/events/', 'x', { qos: 1 });
	await client.endAsync();
	await t.throwsAsync(connect(other));
	for await (const { systemProperties } of emulator.telemetry.read()) {
		t.regex(systemProperties['iothub-connection-auth-method'] ?? '', /"type":"x509"/);
	}
	t.is(emulator.telemetry.size.events, 1);
});

test('a connection ends when its token does', async (t) => {
	const clock = new MovableClock();
	const emulator = await runningEmulator(t, { clockSkewSeconds: 0, clock });
	const { authentication } = emulator.registry.putDevice('dev1', {});
	const client = await mqtt.connectAsync({
		protocol: 'mqtts',
		host: 'localhost',
		port: emulator.port,
		ca: emulator.caCertificate,
		clientId: 'dev1',
		username: `${emulator.hostName}/dev1/?api-version=2021-04-12`,
		password: createSasToken({
			resource: `${emulator.hostName}/devices/dev1`,
			key: authentication.symmetricKey.primaryKey ?? '',
			expiry: Math.floor(Date.now() / 1000) + 60,
		}),
		reconnectPeriod: 0,
	});
	let open = true;
	client.on('close', () => {
		open = false;
	});
	clock.advance(31_000);
	await client.publishAsync('devices/dev1/messages/events/', 'x', { qos: 1 });
	t.true(open);
	clock.advance(31_000);
	t.true(await until(() => !open, 'the end of the connection'));
});
