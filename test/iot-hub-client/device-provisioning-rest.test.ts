import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import {
	DeviceProvisioningRest,
	type Registrant,
} from '../../src/iot-hub-client/device-provisioning-rest.ts';
import { HubNetwork } from '../../src/iot-hub-client/hub-network.ts';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { sign } from '../../src/protocol/sas-token.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { localhostCertificate } from '../support/localhost-certificate.ts';
import { hubRequest, runningEmulator } from '../support/running-emulator.ts';

const key = Buffer.from('a symmetric key of a good length').toString('base64');
const otherKey = Buffer.from('another key of a good length').toString('base64');
const unlimited = new AbortController().signal;

function dpsOf(t: ExecutionContext, emulator: IotHubEmulator, idScope?: string) {
	const dps = new DeviceProvisioningRest({
		hostName: emulator.hostName,
		idScope: idScope ?? emulator.provisioning.idScope,
		network: new HubNetwork({ trustedCertificates: emulator.caCertificate }),
		clock: systemClock,
	});
	t.teardown(() => dps.close());
	return dps;
}

async function enroll(emulator: IotHubEmulator, path: string, body: object) {
	const policy = 'provisioningserviceowner';
	const made = await hubRequest(emulator, { method: 'PUT', path, body, policy });
	if (made.status !== 200) throw new Error(made.text);
}

function withKey(registrationId: string, own = key): Registrant {
	return { registrationId, credential: { kind: 'shared-access-key', key: own } };
}

const symmetricKey = {
	type: 'symmetricKey',
	symmetricKey: { primaryKey: key, secondaryKey: otherKey },
};

test('devices register with the keys of an enrolment or a group, and with certificates', async (t) => {
	const emulator = await runningEmulator(t);
	const dps = dpsOf(t, emulator);
	const { hostName } = emulator;
	await enroll(emulator, '/enrollments/single', { attestation: symmetricKey, deviceId: 'line-7' });
	await enroll(emulator, '/enrollmentGroups/fleet', { attestation: symmetricKey });
	const assigned = { hostName, deviceId: 'line-7' };
	t.deepEqual(await dps.register(withKey('single'), unlimited), assigned);
	t.deepEqual(await dps.register(withKey('single', otherKey), unlimited), assigned);
	const derived = withKey('edge#5', sign(key, 'edge#5'));
	t.deepEqual(await dps.register(derived, unlimited), { hostName, deviceId: 'edge#5' });

	const root = await CertificateAuthority.create({ commonName: 'factory', days: 30 });
	const signing = { primary: { certificate: root.certificate } };
	await enroll(emulator, '/enrollmentGroups/factory', {
		attestation: { type: 'x509', x509: { signingCertificates: signing } },
	});
	const own = await root.issue({ commonName: 'edge6', usages: ['client'], days: 1 });
	const registrant = {
		registrationId: 'edge6',
		credential: { kind: 'certificate', ...own },
	} as const;
	t.deepEqual(await dps.register(registrant, unlimited), { hostName, deviceId: 'edge6' });
});

test('what DPS refuses is told apart from a DPS that is away', async (t) => {
	const emulator = await runningEmulator(t);
	await enroll(emulator, '/enrollments/single', { attestation: symmetricKey });
	const refused = { code: 'EDGE_PROVISIONING_REFUSED' };
	const wrongKey = withKey('single', Buffer.from('wrong').toString('base64'));
	const dps = dpsOf(t, emulator);
	await t.throwsAsync(dps.register(wrongKey, unlimited), refused);
	await t.throwsAsync(
		dpsOf(t, emulator, '0neOther').register(withKey('single'), unlimited),
		refused,
	);
	await enroll(emulator, '/enrollments/off', {
		attestation: symmetricKey,
		provisioningStatus: 'disabled',
	});
	await t.throwsAsync(dps.register(withKey('off'), unlimited), { ...refused, message: /disabled/ });
	const { hostName } = emulator;
	await emulator.stop();
	const error = await t.throwsAsync(dps.register(withKey('single'), unlimited), {
		code: 'EDGE_PROVISIONING_UNREACHABLE',
	});
	t.regex(error?.message ?? '', new RegExp(`^DPS ${hostName} cannot be reached`));
});

/** A DPS with answers of its own. */
async function scriptedDps(t: ExecutionContext, answers: { status: number; body?: unknown }[]) {
	const { authority, credentials } = await localhostCertificate();
	const asked: string[] = [];
	const bodies: string[] = [];
	const tls = { cert: credentials.certificate, key: credentials.privateKey };
	const server = createServer(tls, (request, response) => {
		asked.push(`${request.method} ${request.url?.split('?', 1)}`);
		let body = '';
		request.on('data', (chunk) => {
			body += chunk;
		});
		request.on('end', () => bodies.push(body));
		const answer = answers.shift() ?? { status: 500 };
		response.writeHead(answer.status, { 'retry-after': '3' });
		response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}));
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	const clock = new FakeClock();
	const dps = new DeviceProvisioningRest({
		hostName: `localhost:${(server.address() as AddressInfo).port}`,
		idScope: '0ne1',
		network: new HubNetwork({ trustedCertificates: authority }),
		clock,
	});
	t.teardown(() => {
		dps.close();
		server.closeAllConnections();
		server.close();
	});
	return { dps, asked, bodies, clock };
}

test('DPS is asked again at the pace that it wishes', async (t) => {
	const assigning = { status: 202, body: { status: 'assigning', operationId: '5.a/b' } };
	const registrationState = { assignedHub: 'h.azure-devices.net', deviceId: 'edge1' };
	const { dps, asked, bodies, clock } = await scriptedDps(t, [
		assigning,
		assigning,
		{ status: 200, body: { status: 'assigned', registrationState } },
	]);
	const registered = dps.register({ ...withKey('edge1'), payload: { line: 7 } }, unlimited);
	while (asked.length < 3) {
		await clock.advance(3000);
		await systemClock.sleep(1);
	}
	t.deepEqual(await registered, { hostName: 'h.azure-devices.net', deviceId: 'edge1' });
	t.deepEqual(asked, [
		'PUT /0ne1/registrations/edge1/register',
		'GET /0ne1/registrations/edge1/operations/5.a%2Fb',
		'GET /0ne1/registrations/edge1/operations/5.a%2Fb',
	]);
	t.deepEqual(JSON.parse(bodies[0] ?? ''), { registrationId: 'edge1', payload: { line: 7 } });
});

const failures: [
	what: string,
	answer: { status: number; body?: unknown },
	code: string,
	message: RegExp,
][] = [
	['throttles', { status: 429 }, 'EDGE_PROVISIONING_UNREACHABLE', /429/],
	['fails', { status: 503, body: 'busy' }, 'EDGE_PROVISIONING_UNREACHABLE', /503.*busy/],
	['talks nonsense', { status: 200, body: '<html>' }, 'EDGE_PROVISIONING_UNREACHABLE', /read/],
	[
		'cannot assign',
		{
			status: 200,
			body: {
				status: 'failed',
				registrationState: { errorCode: 400207, errorMessage: 'Custom allocation failed.' },
			},
		},
		'EDGE_PROVISIONING_REFUSED',
		/failed \(400207\). Custom allocation failed/,
	],
	[
		'does not know the device',
		{ status: 401, body: { errorCode: 401002, message: 'Unauthorized' } },
		'EDGE_PROVISIONING_REFUSED',
		/401. Unauthorized/,
	],
];

for (const [what, answer, code, message] of failures) {
	test(`a DPS that ${what} is an error of its own`, async (t) => {
		const { dps } = await scriptedDps(t, [answer]);
		await t.throwsAsync(dps.register(withKey('edge1'), unlimited), { code, message });
	});
}

test('a registration can be given up', async (t) => {
	const assigning = { status: 202, body: { status: 'assigning', operationId: '1' } };
	const { dps } = await scriptedDps(t, [assigning]);
	const abort = new AbortController();
	const registered = dps.register(withKey('edge1'), abort.signal);
	abort.abort(new Error('stopped'));
	await t.throwsAsync(registered, { message: 'stopped' });
});
