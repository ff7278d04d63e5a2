import { X509Certificate } from 'node:crypto';
import test from 'ava';
import {
	type CertificateAndKey,
	CertificateAuthority,
} from '../../src/certificates/certificate-authority.ts';
import { certificateFault } from '../../src/edge-hub/authorization/certificate-chain.ts';
import type { AuthenticationType } from '../../src/iot-hub-client/registry-identity.ts';
import {
	hubHostName,
	mqttOptions,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	TestClient,
	type World,
} from '../support/hub-world.ts';
import { until } from '../support/until.ts';

const deviceId = 'thermometer';
const day = 86_400_000;

/** An authority, one below it, and what they have issued. */
async function authorities() {
	const root = await CertificateAuthority.create({ commonName: 'Plant root', days: 100 });
	const issuing = await root.issueAuthority({ commonName: 'Plant line 1', days: 50 });
	const issue = (changes: object = {}) =>
		issuing.issue({ commonName: deviceId, usages: ['client'], days: 10, ...changes });
	return { root, issuing, issue };
}

/** The certificates of a PEM text, as a TLS handshake shows them. */
function shown({ certificate }: Pick<CertificateAndKey, 'certificate'>) {
	const texts = certificate.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? [];
	const [leaf, ...issuers] = texts.map((text) => new X509Certificate(text).raw);
	return { leaf: leaf ?? Buffer.alloc(0), issuers };
}

test('a certificate must be of the device, for clients, valid, and lead to a trusted authority', async (t) => {
	const { root, issuing, issue } = await authorities();
	const trusted = [new X509Certificate(root.certificate)];
	const fault = (pem: Pick<CertificateAndKey, 'certificate'>, now = Date.now(), trust = trusted) =>
		certificateFault(deviceId, shown(pem), trust, now);
	const good = await issue();
	t.is(fault(good), undefined);
	const alone = { ...shown(good), issuers: [] };
	t.regex(certificateFault(deviceId, alone, trusted, Date.now()) ?? '', /trusted/);
	const partial = [new X509Certificate(issuing.certificate)];
	t.is(certificateFault(deviceId, { ...shown(good), issuers: [] }, partial, Date.now()), undefined);
	t.regex(fault(await issue({ commonName: 'other' })) ?? '', /another device/);
	t.regex(fault(await issue({ usages: ['server'] })) ?? '', /not for clients/);
	const module = { uris: [`azureiot://${hubHostName}/devices/edge1/modules/${deviceId}`] };
	t.regex(fault(await issue(module)) ?? '', /of a module/);
	t.regex(fault(await root.issueAuthority({ commonName: deviceId, days: 1 })) ?? '', /authority/);
	t.regex(fault(good, Date.now() + 11 * day) ?? '', /not valid now/);
	t.regex(fault(good, Date.now() + 51 * day) ?? '', /not valid now/);
	const stranger = await CertificateAuthority.create({ commonName: 'Plant root', days: 100 });
	t.regex(fault(good, Date.now(), [new X509Certificate(stranger.certificate)]) ?? '', /trusted/);
	t.regex(fault(good, Date.now(), []) ?? '', /trusted/);
	// A device that issues certificates with its own: it is no authority.
	const forged = await CertificateAuthority.load(good).issue({
		commonName: deviceId,
		usages: ['client'],
		days: 5,
	});
	const chain = { certificate: `${forged.certificate}\n${good.certificate}` };
	t.regex(fault(chain) ?? '', /trusted/);
	t.regex(
		certificateFault(deviceId, { leaf: Buffer.from('no'), issuers: [] }, trusted, 0) ?? '',
		/cannot be read/,
	);
});

function register(world: World, type: AuthenticationType, parentScopes: readonly string[] = []) {
	world.iotHub.register({ deviceId });
	const known = world.iotHub.registry.get(deviceId);
	if (known === undefined) throw new Error('The device is not registered.');
	world.iotHub.registry.set(deviceId, {
		...known,
		authentication: { type, keys: [], thumbprints: [] },
		parentScopes,
	});
}

test('a leaf device connects with a certificate of a trusted authority, and the hub speaks to IoT Hub on its behalf', async (t) => {
	const world = await newWorld();
	world.iotHub.patchDesired(ownIdentity, routes('FROM /messages/* INTO $upstream'));
	register(world, 'certificateAuthority');
	const hub = await startHub(t, world);
	await hub.whenReady();
	const { root, issue } = await authorities();
	const line = await world.workload.authority.issueAuthority({ commonName: 'Line', days: 9 });
	const good = await line.issue({ commonName: deviceId, usages: ['client'], days: 5 });
	const options = ({ certificate, privateKey }: CertificateAndKey) => {
		const { password, ...rest } = mqttOptions(world, { deviceId });
		return { ...rest, cert: certificate, key: privateKey };
	};
	const strange = await issue();
	await t.throwsAsync(TestClient.connect(t, hub, options(strange)), { code: 5 });
	const complete = { ...strange, certificate: `${strange.certificate}\n${root.certificate}` };
	await t.throwsAsync(TestClient.connect(t, hub, options(complete)), { code: 5 });
	const client = await TestClient.connect(t, hub, options(good));
	await client.mqtt.publishAsync(`devices/${deviceId}/messages/events/`, '20', { qos: 1 });
	await until(() => world.iotHub.messages.length === 1, 'the message in IoT Hub');
	t.is(world.iotHub.messages[0]?.sender, deviceId);
	t.true(world.iotHub.requests.includes(`onBehalfOf ${deviceId};edge1`));
});

test('a device that is below another edge device has nobody to speak for it, which is seen', async (t) => {
	const world = await newWorld();
	world.iotHub.patchDesired(ownIdentity, routes('FROM /messages/* INTO $upstream'));
	register(world, 'certificateAuthority', ['ms-azure-iot-edge://elsewhere-1']);
	const hub = await startHub(t, world);
	await hub.whenReady();
	const good = await world.workload.authority.issue({
		commonName: deviceId,
		usages: ['client'],
		days: 5,
	});
	const { password, ...rest } = mqttOptions(world, { deviceId });
	const options = { ...rest, cert: good.certificate, key: good.privateKey };
	const client = await TestClient.connect(t, hub, options);
	await client.mqtt.publishAsync(`devices/${deviceId}/messages/events/`, '20', { qos: 1 });
	const page = async () => (await fetch(`http://127.0.0.1:${hub.monitoringPort}/metrics`)).text();
	await until(
		async () => /^edgehub_upstream_keyless_total\{id="thermometer".*\} [1-9]/m.test(await page()),
		'the attempt in the metrics',
	);
	t.regex(await page(), /^edgehub_queue_length\{endpoint="iothub".*\} 1$/m);
	t.is(world.iotHub.messages.length, 0);
});
