// What lets SDKs use a host name with a port has to be there before they are loaded.
import '../../src/iot-hub-emulator/sdk-port-preload.ts';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { promisify } from 'node:util';
import test from 'ava';
import provisioning from 'azure-iot-provisioning-device';
import amqp from 'azure-iot-provisioning-device-amqp';
import { Http } from 'azure-iot-provisioning-device-http';
import mqtt from 'azure-iot-provisioning-device-mqtt';
import service from 'azure-iot-provisioning-service';
import { SymmetricKeySecurityClient } from 'azure-iot-security-symmetric-key';
import { X509Security } from 'azure-iot-security-x509';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { derivedKey } from '../../src/iot-hub-emulator/provisioning/attestation.ts';

const transports = {
	Http,
	Mqtt: mqtt.Mqtt,
	MqttWs: mqtt.MqttWs,
	Amqp: amqp.Amqp,
	AmqpWs: amqp.AmqpWs,
} as const;

type Transport = keyof typeof transports;

const emulator = new IotHubEmulator();
const groupKey = Buffer.from('a symmetric key of a good length').toString('base64');
const factory = await CertificateAuthority.create({ commonName: 'factory', days: 30 });

/** The unmodified service SDK of DPS. */
function services() {
	return service.ProvisioningServiceClient.fromConnectionString(
		emulator.serviceConnectionString('provisioningserviceowner'),
	);
}

test.before(async () => {
	await emulator.start();
	// Most of the transports have no option for it.
	setDefaultCACertificates([...getCACertificates('default'), emulator.caCertificate]);
	await services().createOrUpdateEnrollmentGroup({
		enrollmentGroupId: 'keys',
		attestation: {
			type: 'symmetricKey',
			symmetricKey: { primaryKey: groupKey, secondaryKey: groupKey },
		},
		initialTwin: { tags: { group: 'keys' } },
	} as never);
	await services().createOrUpdateEnrollmentGroup({
		enrollmentGroupId: 'factory',
		attestation: {
			type: 'x509',
			x509: { signingCertificates: { primary: { certificate: factory.certificate } } },
		},
	} as never);
});
test.after.always(() => emulator.stop());

function register(transport: Transport, security: object): Promise<Record<string, unknown>> {
	const client = provisioning.ProvisioningDeviceClient.create(
		emulator.hostName,
		emulator.provisioning.idScope,
		new transports[transport]() as never,
		security as never,
	);
	return client.register() as never;
}

async function certificateOf(commonName: string) {
	const { certificate, privateKey } = await factory.issue({
		commonName,
		usages: ['client'],
		days: 1,
	});
	return { cert: certificate, key: privateKey };
}

/** What a query answers with: the SDK's types tell something else. */
async function rows(page: Promise<{ responseBody: object }>) {
	return (await page).responseBody as Record<string, unknown>[];
}

/** Makes an enrolment where it takes one. @returns what the device proves itself with. */
const attestations: Record<string, (id: string) => Promise<object>> = {
	'its own key': async (registrationId) => {
		await services().createOrUpdateIndividualEnrollment({
			registrationId,
			attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: groupKey } },
			capabilities: { iotEdge: true },
		} as never);
		return new SymmetricKeySecurityClient(registrationId, groupKey);
	},
	'a key of its group': async (id) => new SymmetricKeySecurityClient(id, derivedKey(groupKey, id)),
	'its own certificate': async (registrationId) => {
		const pem = await certificateOf(registrationId);
		await services().createOrUpdateIndividualEnrollment({
			registrationId,
			attestation: {
				type: 'x509',
				x509: { clientCertificates: { primary: { certificate: pem.cert } } },
			},
		} as never);
		return new X509Security(registrationId, pem as never);
	},
	'a certificate of its group': async (id) =>
		new X509Security(id, (await certificateOf(id)) as never),
};

for (const transport of Object.keys(transports) as Transport[]) {
	for (const [proof, attest] of Object.entries(attestations)) {
		test(`${transport}: a device registers with ${proof}`, async (t) => {
			const id = `${transport}-${proof.replaceAll(' ', '-')}`.toLowerCase();
			const result = await register(transport, await attest(id));
			t.like(result, {
				registrationId: id,
				deviceId: id,
				assignedHub: emulator.hostName,
				status: 'assigned',
				substatus: 'initialAssignment',
			});
			t.truthy(emulator.registry.findDevice(id));
		});
	}

	test(`${transport}: a device with a wrong key is refused`, async (t) => {
		const wrong = Buffer.alloc(32, 1).toString('base64');
		const security = new SymmetricKeySecurityClient(`${transport}-stranger`, wrong);
		await t.throwsAsync(register(transport, security));
	});
}

test('the service SDK makes, changes, finds and deletes enrolments, one by one and in bulk', async (t) => {
	const client = services();
	/** The SDK's promise never ends. */
	const operate = promisify((operation: object, done: (error: unknown, result?: object) => void) =>
		client.runBulkEnrollmentOperation(operation as never, done as never),
	);
	const bulk = (mode: string, ids: readonly string[], more: object = {}) =>
		operate({
			mode,
			enrollments: ids.map((registrationId) => ({
				registrationId,
				attestation: { type: 'symmetricKey' },
				...more,
			})),
		});
	const ids = ['bulk-1', 'bulk-2', 'bulk-3'];
	t.like(await bulk('create', ids), { isSuccessful: true });
	t.like(await bulk('create', ['bulk-3', 'bulk-4']), {
		isSuccessful: false,
		errors: [{ registrationId: 'bulk-3', errorCode: 409_202 }],
	});
	await bulk('update', ['bulk-2'], { provisioningStatus: 'disabled' });

	const page = client.createIndividualEnrollmentQuery(
		{ query: "SELECT * FROM enrollments WHERE STARTSWITH(registrationId, 'bulk-')" } as never,
		3,
	);
	const pages: unknown[][] = [];
	while (page.hasMoreResults) {
		pages.push((await rows(page.next(page.continuationToken))).map((row) => row['registrationId']));
	}
	t.deepEqual(pages, [['bulk-1', 'bulk-2', 'bulk-3'], ['bulk-4']]);
	const disabled = client.createIndividualEnrollmentQuery({
		query: "SELECT * FROM enrollments WHERE provisioningStatus = 'disabled'",
	} as never);
	t.is((await rows(disabled.next())).length, 1);
	await t.throwsAsync(
		client.createIndividualEnrollmentQuery({ query: 'SELECT * FROM devices' } as never).next(),
	);
	const groups = client.createEnrollmentGroupQuery({ query: 'SELECT *' } as never);
	t.is((await rows(groups.next())).length, 2);

	const enrollment = (await client.getIndividualEnrollment('bulk-1')).responseBody;
	const { etag } = (
		await client.createOrUpdateIndividualEnrollment({
			...enrollment,
			deviceId: 'renamed',
			initialTwin: { tags: { line: 7 }, properties: { desired: { interval: 5 } } },
			capabilities: { iotEdge: true },
		} as never)
	).responseBody;
	await t.throwsAsync(client.createOrUpdateIndividualEnrollment(enrollment), {
		name: 'InvalidEtagError',
	});
	const { primaryKey } = (await client.getIndividualEnrollmentAttestationMechanism('bulk-1'))
		.responseBody.symmetricKey as { primaryKey: string };
	t.like(await register('Http', new SymmetricKeySecurityClient('bulk-1', primaryKey)), {
		deviceId: 'renamed',
	});
	t.true(emulator.registry.device('renamed').capabilities.iotEdge);
	t.like(emulator.twins.get({ deviceId: 'renamed' }), {
		tags: { line: 7 },
		desired: { values: { interval: 5 } },
	});
	t.like((await client.getDeviceRegistrationState('bulk-1')).responseBody, { deviceId: 'renamed' });
	await client.deleteDeviceRegistrationState('bulk-1');
	await client.deleteIndividualEnrollment('bulk-1', etag as never);
	await bulk('delete', ['bulk-2', 'bulk-3', 'bulk-4']);
	await t.throwsAsync(client.getIndividualEnrollment('bulk-2'));

	const member = await register(
		'Http',
		(await attestations['a key of its group']?.('seeker')) ?? {},
	);
	t.is(member['deviceId'], 'seeker');
	const states = client.createEnrollmentGroupDeviceRegistrationStateQuery(
		{ query: "SELECT * WHERE registrationId = 'seeker'" } as never,
		'keys',
	);
	t.like(await rows(states.next()), [{ registrationId: 'seeker' }]);
	await t.throwsAsync(client.deleteEnrollmentGroup('other'));
});
