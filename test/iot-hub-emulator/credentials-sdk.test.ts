// What lets SDKs use a host name with a port has to be there before they are loaded.
import '../../src/iot-hub-emulator/sdk-port-preload.ts';
import { X509Certificate } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import test from 'ava';
import iot, { type Client } from 'azure-iot-device';
import amqp from 'azure-iot-device-amqp';
import { Http } from 'azure-iot-device-http';
import mqtt from 'azure-iot-device-mqtt';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { createSasToken } from '../../src/protocol/sas-token.ts';
import { serviceToken } from '../support/running-emulator.ts';

const transports = {
	Mqtt: mqtt.Mqtt,
	MqttWs: mqtt.MqttWs,
	Amqp: amqp.Amqp,
	AmqpWs: amqp.AmqpWs,
	Http,
} as const;

const emulator = new IotHubEmulator();
const factory = await CertificateAuthority.create({ commonName: 'factory', days: 30 });

test.before(async () => {
	await emulator.start();
	emulator.authorities.trust('factory', factory.certificate);
	// HTTPS has no option for it.
	setDefaultCACertificates([...getCACertificates('default'), emulator.caCertificate]);
});
test.after.always(() => emulator.stop());

type Transport = (typeof transports)[keyof typeof transports];

function fromToken(token: string, transport: Transport): Client {
	return iot.Client.fromSharedAccessSignature(token, transport as never);
}

const inAnHour = () => Math.ceil(Date.now() / 1000) + 3600;

async function withCertificate(deviceId: string, transport: Transport, kind: string) {
	const pem = await factory.issue({ commonName: deviceId, usages: ['client'], days: 1 });
	const primaryThumbprint = new X509Certificate(pem.certificate).fingerprint.replaceAll(':', '');
	const authentication =
		kind === 'selfSigned'
			? { type: kind, x509Thumbprint: { primaryThumbprint } }
			: { type: 'certificateAuthority' };
	emulator.registry.putDevice(deviceId, { authentication });
	const connectionString = `HostName=${emulator.hostName};DeviceId=${deviceId};x509=true`;
	const client = iot.Client.fromConnectionString(connectionString, transport as never);
	// Over HTTPS the SDK never resolves for options without a policy.
	const http = { receivePolicy: { interval: 60 } };
	await client.setOptions({ cert: pem.certificate, key: pem.privateKey, http } as never);
	return client;
}

/** Makes a device, and a client that shows the credential. */
const credentials: Record<string, (id: string, transport: Transport) => Promise<Client>> = {
	'its secondary key': async (deviceId, transport) => {
		const { secondaryKey } = emulator.registry.putDevice(deviceId, {}).authentication.symmetricKey;
		const connectionString = `HostName=${emulator.hostName};DeviceId=${deviceId};SharedAccessKey=${secondaryKey}`;
		return iot.Client.fromConnectionString(connectionString, transport as never);
	},
	'a token of its own': async (deviceId, transport) => {
		const { primaryKey } = emulator.registry.putDevice(deviceId, {}).authentication.symmetricKey;
		const resource = `${emulator.hostName}/devices/${deviceId}`;
		const key = primaryKey ?? '';
		return fromToken(createSasToken({ resource, key, expiry: inAnHour() }), transport);
	},
	'a token of the policy device': async (deviceId, transport) => {
		emulator.registry.putDevice(deviceId, {});
		const resource = `${emulator.hostName}/devices/${deviceId}`;
		return fromToken(serviceToken(emulator, 'device', { resource }), transport);
	},
	'a certificate with a known thumbprint': (deviceId, transport) =>
		withCertificate(deviceId, transport, 'selfSigned'),
	'a certificate of a trusted authority': (deviceId, transport) =>
		withCertificate(deviceId, transport, 'certificateAuthority'),
};

for (const [name, transport] of Object.entries(transports)) {
	for (const [credential, connect] of Object.entries(credentials)) {
		test(`${name}: a device sends with ${credential}`, async (t) => {
			const deviceId = t.title.replaceAll(/[^A-Za-z]/g, '');
			const client = await connect(deviceId, transport);
			t.teardown(() => client.close().catch(() => {}));
			await client.sendEvent(new iot.Message('{"n":1}'));
			const senders: string[] = [];
			for await (const { identity } of emulator.telemetry.read()) senders.push(identity.deviceId);
			t.true(senders.includes(deviceId));
		});
	}
}
