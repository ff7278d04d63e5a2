import { createHmac } from 'node:crypto';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import test from 'ava';
import provisioning from 'azure-iot-provisioning-device';
import { Mqtt } from 'azure-iot-provisioning-device-mqtt';
import { SymmetricKeySecurityClient } from 'azure-iot-security-symmetric-key';
import { X509Security } from 'azure-iot-security-x509';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { createSasToken } from '../../src/protocol/sas-token.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { hubRequest, mqttClient, runningEmulator } from '../support/running-emulator.ts';

const key = Buffer.from('a symmetric key of a good length').toString('base64');

function service(
	emulator: IotHubEmulator,
	method: string,
	path: string,
	body?: unknown,
	etag = '',
) {
	return hubRequest(emulator, {
		method,
		path,
		body,
		policy: 'provisioningserviceowner',
		headers: etag === '' ? {} : { 'if-match': etag },
	});
}

function overMqtt(emulator: IotHubEmulator, security: object) {
	// The transport has no option for it.
	setDefaultCACertificates([...getCACertificates('default'), emulator.caCertificate]);
	const transport = new Mqtt();
	const { idScope } = emulator.provisioning;
	return provisioning.ProvisioningDeviceClient.create(
		emulator.hostName,
		idScope,
		transport,
		security as never,
	).register();
}

function derived(groupKey: string, registrationId: string): string {
	return createHmac('sha256', Buffer.from(groupKey, 'base64'))
		.update(registrationId)
		.digest('base64');
}

test('the SDK registers a device of a group with its derived key over MQTT, and then connects', async (t) => {
	const emulator = await runningEmulator(t);
	const { body } = await service(emulator, 'PUT', '/enrollmentGroups/fleet', {
		attestation: { type: 'symmetricKey' },
		initialTwin: { tags: { fleet: 'x' } },
	});
	const { symmetricKey } = body['attestation'] as { symmetricKey: { primaryKey: string } };
	const own = derived(symmetricKey.primaryKey, 'dev1');
	const result = await overMqtt(emulator, new SymmetricKeySecurityClient('dev1', own));
	t.like(result, { deviceId: 'dev1', assignedHub: emulator.hostName, status: 'assigned' });
	t.is(emulator.registry.device('dev1').authentication.symmetricKey.primaryKey, own);

	const connected = await mqttClient(emulator, { clean: false });
	t.teardown(() => connected.endAsync(true));
	emulator.twins.patch({ deviceId: 'dev1' }, { tags: { kept: 1 } });
	const again = await overMqtt(emulator, new SymmetricKeySecurityClient('dev1', own));
	t.like(again, { substatus: 'deviceDataMigrated' });
	t.deepEqual(emulator.twins.get({ deviceId: 'dev1' }).tags, { fleet: 'x', kept: 1 });
	t.true(connected.connected, 'a registration does not end the connection of the device');

	await t.throwsAsync(
		overMqtt(emulator, new SymmetricKeySecurityClient('dev2', own)) as Promise<unknown>,
	);
	const { body: listed } = await service(emulator, 'POST', '/registrations/fleet/query', {});
	t.deepEqual(
		(listed as unknown as JsonObject[]).map(({ registrationId }) => registrationId),
		['dev1'],
	);
});

test('certificates register, their own or by an authority of the group', async (t) => {
	const emulator = await runningEmulator(t);
	const root = await CertificateAuthority.create({ commonName: 'factory', days: 30 });
	const issue = (commonName: string) => root.issue({ commonName, usages: ['client'], days: 1 });
	const [single, member, stranger] = await Promise.all([
		issue('single'),
		issue('member'),
		issue('stranger'),
	]);
	const register = (registrationId: string, pem: { certificate: string; privateKey: string }) =>
		overMqtt(
			emulator,
			new X509Security(registrationId, { cert: pem.certificate, key: pem.privateKey } as never),
		) as Promise<{ deviceId: string }>;
	const made = await service(emulator, 'PUT', '/enrollments/single', {
		attestation: {
			type: 'x509',
			x509: { clientCertificates: { primary: { certificate: single.certificate } } },
		},
	});
	t.is(made.status, 200, made.text);
	t.like(await register('single', single), { deviceId: 'single' });
	t.is(emulator.registry.device('single').authentication.type, 'selfSigned');
	await t.throwsAsync(register('member', member));
	await service(emulator, 'PUT', '/enrollmentGroups/factory', {
		attestation: {
			type: 'x509',
			x509: { signingCertificates: { primary: { certificate: root.certificate } } },
		},
	});
	t.like(await register('member', member), { deviceId: 'member' });
	await t.throwsAsync(register('member', stranger), undefined, 'another common name');
});

test('the REST rules of registrations: errors, policies, disabled enrolments', async (t) => {
	const emulator = await runningEmulator(t);
	const { idScope } = emulator.provisioning;
	const enrollment = {
		attestation: { type: 'symmetricKey', symmetricKey: { primaryKey: key, secondaryKey: key } },
		reprovisionPolicy: { migrateDeviceData: false },
		initialTwin: { tags: { a: 1 } },
	};
	await service(emulator, 'PUT', '/enrollments/reg1', enrollment);
	const register = async (scope = idScope, signed = key, expiry = Date.now() / 1000 + 60) => {
		const resource = `${scope}/registrations/reg1`;
		const authorization = createSasToken({
			resource,
			key: signed,
			keyName: 'registration',
			expiry: Math.floor(expiry),
		});
		const call = (method: string, path: string, body?: unknown) =>
			hubRequest(emulator, {
				method,
				path: `/${scope}/registrations/reg1${path}`,
				authorization,
				body,
			});
		const first = await call('PUT', '/register', { registrationId: 'reg1' });
		if (first.status !== 202) return first;
		t.like(first.body, { status: 'assigning' });
		t.is(first.headers['retry-after'], '1');
		return call('GET', `/operations/${first.body['operationId']}`);
	};
	const state = (response: { body: JsonObject }) =>
		response.body['registrationState'] as JsonObject;
	t.like(state(await register()), { deviceId: 'reg1', substatus: 'initialAssignment' });
	emulator.twins.patch({ deviceId: 'reg1' }, { tags: { b: 2 } });
	t.like(state(await register()), { substatus: 'deviceDataReset' });
	t.deepEqual(emulator.twins.get({ deviceId: 'reg1' }).tags, { a: 1 });

	const other = Buffer.alloc(32, 1).toString('base64');
	for (const refused of [
		await register('0ne00000000'),
		await register(idScope, other),
		await register(idScope, key, Date.now() / 1000 - 1000),
		await hubRequest(emulator, {
			method: 'PUT',
			path: `/${idScope}/registrations/reg1/register`,
			authorization: '',
			body: {},
		}),
	]) {
		t.is(refused.status, 401);
		t.like(refused.body, { errorCode: 401002 });
	}
	const own = createSasToken({
		resource: `${idScope}/registrations/reg1`,
		key,
		expiry: Math.floor(Date.now() / 1000) + 60,
	});
	const asDevice = (method: string, path: string) =>
		hubRequest(emulator, {
			method,
			path: `/${idScope}/registrations/reg1${path}`,
			authorization: own,
			body: method === 'POST' ? {} : undefined,
		});
	t.like((await asDevice('POST', '')).body, { deviceId: 'reg1', status: 'assigned' });
	t.is((await asDevice('GET', '/operations/other')).status, 404);
	const disabled = { ...enrollment, provisioningStatus: 'disabled' };
	t.is((await service(emulator, 'PUT', '/enrollments/reg1', disabled)).status, 409);
	t.is((await service(emulator, 'PUT', '/enrollments/reg1', disabled, '"x"')).status, 412);
	t.is((await service(emulator, 'PUT', '/enrollments/reg1', disabled, '*')).status, 200);
	t.like((await register()).body, { status: 'disabled' });

	const shown = await service(emulator, 'GET', '/enrollments/reg1');
	t.deepEqual(shown.body['attestation'], { type: 'symmetricKey' }, 'keys are not shown');
	const keys = await service(emulator, 'POST', '/enrollments/reg1/attestationmechanism');
	t.like(keys.body, { symmetricKey: { primaryKey: key } });
	const listed = await service(emulator, 'POST', '/enrollments/query', { query: 'SELECT *' });
	t.is((listed.body as unknown as object[]).length, 1);
	t.like((await service(emulator, 'GET', '/registrations/reg1')).body, { status: 'disabled' });
	t.is((await service(emulator, 'DELETE', '/registrations/reg1')).status, 204);
	t.is((await service(emulator, 'GET', '/registrations/reg1')).status, 404);
	t.is((await service(emulator, 'DELETE', '/enrollments/reg1')).status, 204);
	t.is((await service(emulator, 'GET', '/enrollments/reg1')).status, 404);
	t.is((await hubRequest(emulator, { path: '/enrollments/reg1', policy: 'service' })).status, 401);
	for (const wrong of [
		{},
		{ attestation: { type: 'tpm' } },
		{ attestation: { type: 'x509', x509: {} } },
		{ ...enrollment, allocationPolicy: 'custom' },
		{ ...enrollment, initialTwin: { tags: 1 } },
		{ ...enrollment, registrationId: 'other' },
	]) {
		t.is((await service(emulator, 'PUT', '/enrollments/w', wrong)).status, 400);
	}
	for (const id of ['ends.', 'a%20b', 'x'.repeat(129)]) {
		t.is((await service(emulator, 'PUT', `/enrollments/${id}`, enrollment)).status, 400, id);
	}
});

test('the case of registration ids and names of groups does not count, that of a device’s id is kept', async (t) => {
	const emulator = await runningEmulator(t);
	const { idScope } = emulator.provisioning;
	const attestation = {
		type: 'symmetricKey',
		symmetricKey: { primaryKey: key, secondaryKey: key },
	};
	t.is((await service(emulator, 'PUT', '/enrollments/Reg1', { attestation })).status, 200);
	t.is((await service(emulator, 'PUT', '/enrollments/REG1', { attestation })).status, 409);
	const body = { registrationId: 'reg1', attestation };
	t.is((await service(emulator, 'PUT', '/enrollments/reg1', body, '*')).status, 200);
	t.like((await service(emulator, 'GET', '/enrollments/REG1')).body, { registrationId: 'Reg1' });
	await service(emulator, 'PUT', '/enrollmentGroups/Fleet', { attestation });

	const register = async (registrationId: string, signed: string) => {
		const base = `/${idScope}/registrations/${registrationId}`;
		const authorization = createSasToken({
			resource: `${idScope}/registrations/${registrationId}`,
			key: signed,
			keyName: 'registration',
			expiry: Math.floor(Date.now() / 1000) + 60,
		});
		const path = `${base}/register`;
		const first = await hubRequest(emulator, { method: 'PUT', path, authorization, body: {} });
		t.is(first.status, 202, first.text);
		const operation = `${base}/operations/${first.body['operationId']}`;
		const { body: result } = await hubRequest(emulator, { path: operation, authorization });
		return result['registrationState'] as JsonObject;
	};
	t.like(await register('rEG1', key), { registrationId: 'Reg1', deviceId: 'Reg1' });
	t.like(await register('Dev9', derived(key, 'Dev9')), { deviceId: 'Dev9' });
	t.like(await register('dev9', derived(key, 'dev9')), {
		registrationId: 'Dev9',
		deviceId: 'Dev9',
		substatus: 'deviceDataMigrated',
	});
	const own = derived(key, 'dev8');
	t.like(await register('DEV8', own), { deviceId: 'DEV8' });
	t.is(emulator.registry.device('DEV8').authentication.symmetricKey.primaryKey, own);
	const { body: listed } = await service(emulator, 'POST', '/registrations/FLEET/query', {});
	t.deepEqual(
		(listed as unknown as JsonObject[]).map(({ registrationId }) => registrationId),
		['DEV8', 'Dev9'],
	);
	t.is((await service(emulator, 'DELETE', '/registrations/dev9')).status, 204);
	t.is((await service(emulator, 'DELETE', '/enrollments/reg1')).status, 204);
	t.is((await service(emulator, 'GET', '/enrollments/Reg1')).status, 404);
});

test('who comes with a TPM is told what else there is', async (t) => {
	const emulator = await runningEmulator(t);
	const { idScope } = emulator.provisioning;
	const attestation = { type: 'tpm', tpm: { endorsementKey: 'AAAA' } };
	const enrolled = await service(emulator, 'PUT', '/enrollments/reg1', { attestation });
	t.is(enrolled.status, 400);
	t.regex(enrolled.text, /TPMs are not served here, use symmetricKey or x509/);
	const registered = await hubRequest(emulator, {
		method: 'PUT',
		path: `/${idScope}/registrations/reg1/register`,
		authorization: '',
		body: { registrationId: 'reg1', tpm: { endorsementKey: 'AAAA', storageRootKey: 'AAAA' } },
	});
	t.is(registered.status, 400);
	t.regex(registered.text, /register with a symmetric key or an X.509 certificate/);
});
