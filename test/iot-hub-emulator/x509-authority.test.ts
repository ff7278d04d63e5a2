import { X509Certificate } from 'node:crypto';
import { request } from 'node:https';
import test from 'ava';
import iot from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import {
	type CertificateAndKey,
	CertificateAuthority,
} from '../../src/certificates/certificate-authority.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';

const client = ['client'] as const;

async function trusted(emulator: IotHubEmulator): Promise<CertificateAuthority> {
	const root = await CertificateAuthority.create({ commonName: 'factory', days: 30 });
	emulator.authorities.trust('factory', root.certificate);
	emulator.registry.putDevice('dev1', { authentication: { type: 'certificateAuthority' } });
	return root;
}

/** The status of an HTTPS request that `dev1` makes with a certificate. */
function statusOf(emulator: IotHubEmulator, pem: CertificateAndKey): Promise<number> {
	return new Promise((resolve, reject) => {
		const sent = request(
			{
				host: 'localhost',
				port: emulator.port,
				ca: emulator.caCertificate,
				cert: pem.certificate,
				key: pem.privateKey,
				path: '/devices/dev1/modules?api-version=2021-04-12',
			},
			(response) => resolve(response.resume().statusCode ?? 0),
		);
		sent.on('error', reject).end();
	});
}

test('the SDK connects with a certificate of an authority that the hub trusts', async (t) => {
	const emulator = await runningEmulator(t);
	const root = await trusted(emulator);
	const pem = await root.issue({ commonName: 'dev1', usages: client, days: 1 });
	const connectionString = emulator.deviceConnectionString({ deviceId: 'dev1' });
	t.regex(connectionString, /x509=true/);
	const device = iot.Client.fromConnectionString(connectionString, Mqtt);
	await device.setOptions({
		cert: pem.certificate,
		key: pem.privateKey,
		ca: emulator.caCertificate,
	} as never);
	await device.sendEvent(new iot.Message('{"t":1}'));
	const twin = await device.getTwin();
	t.is(twin.properties.desired['$version'], 1);
	await device.close();
	const { value: event } = await emulator.telemetry.read().next();
	t.regex(event?.systemProperties['iothub-connection-auth-method'] ?? '', /"type":"x509"/);
});

test('a certificate counts with its name, its chain and its time, and with the authority', async (t) => {
	const emulator = await runningEmulator(t);
	const root = await trusted(emulator);
	const line = await root.issueAuthority({ commonName: 'line 1', days: 30 });
	const other = await CertificateAuthority.create({ commonName: 'factory', days: 30 });
	const wanted = { commonName: 'dev1', usages: client, days: 1 };
	const old = new Date(Date.now() - 3 * 86_400_000);
	const [direct, chained, foreign, named, expired] = await Promise.all([
		root.issue(wanted),
		line.issue(wanted),
		other.issue(wanted),
		root.issue({ ...wanted, commonName: 'dev2' }),
		root.issue({ ...wanted, now: old }),
	]);
	const [leaf = ''] = chained.certificate.split(/(?<=-----END CERTIFICATE-----\n?)(?=-)/);
	t.is(await statusOf(emulator, direct), 200);
	t.is(await statusOf(emulator, chained), 200);
	t.is(await statusOf(emulator, { ...chained, certificate: leaf }), 401, 'without its chain');
	t.is(await statusOf(emulator, foreign), 401, 'another authority of the same name');
	t.is(await statusOf(emulator, named), 401, 'another name');
	t.is(await statusOf(emulator, expired), 401, 'expired');

	const line1 = line.certificate.split(/(?<=-----END CERTIFICATE-----\n?)(?=-)/)[0] ?? '';
	emulator.authorities.trust('line1', line1);
	t.is(await statusOf(emulator, { ...chained, certificate: leaf }), 200, 'the hub knows the line');
	emulator.authorities.delete('factory');
	t.is(await statusOf(emulator, direct), 401, 'the authority has gone');
	t.is(await statusOf(emulator, chained), 200);
	emulator.registry.putDevice('dev1', { authentication: { type: 'sas' } }, '*');
	t.is(await statusOf(emulator, chained), 401, 'the device has keys now');
});

test('an authority counts once its owner has proved possession of the key', async (t) => {
	const emulator = await runningEmulator(t);
	emulator.registry.putDevice('dev1', { authentication: { type: 'certificateAuthority' } });
	const root = await CertificateAuthority.create({ commonName: 'factory', days: 30 });
	const pem = await root.issue({ commonName: 'dev1', usages: client, days: 1 });
	const certificate = Buffer.from(root.certificate).toString('base64');
	const call = (method: string, path: string, body?: object) =>
		hubRequest(emulator, { method, path: `/certificates${path}`, body });

	const made = await call('PUT', '/factory', { properties: { certificate } });
	t.like(made.body, {
		name: 'factory',
		properties: {
			isVerified: false,
			subject: 'CN=factory',
			thumbprint: new X509Certificate(root.certificate).fingerprint.replaceAll(':', ''),
		},
	});
	t.is(await statusOf(emulator, pem), 401);
	const coded = await call('POST', '/factory/generateVerificationCode');
	const { verificationCode } = coded.body['properties'] as { verificationCode: string };
	const proof = await root.issue({ commonName: verificationCode, usages: client, days: 1 });
	const wrong = await call('POST', '/factory/verify', { certificate: pem.certificate });
	t.is(wrong.status, 400);
	const verified = await call('POST', '/factory/verify', { certificate: proof.certificate });
	t.like(verified.body, { properties: { isVerified: true } });
	t.is(await statusOf(emulator, pem), 200);

	t.is(((await call('GET', '')).body['value'] as object[]).length, 1);
	t.is((await call('PUT', '/leaf', { properties: pem })).status, 400, 'no authority');
	t.is((await call('PUT', '/x', { properties: { certificate: 'AAAA' } })).status, 400);
	t.is((await call('GET', '/none')).status, 404);
	t.is((await call('DELETE', '/factory')).status, 204);
	t.is(await statusOf(emulator, pem), 401);
});
