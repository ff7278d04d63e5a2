import test from 'ava';
import { CertificateAuthority } from '../../../src/certificates/certificate-authority.ts';
import { provisioningSettings } from '../../../src/edge-agent/provisioning/provisioning-settings.ts';
import { readProvisioningSource } from '../../../src/edge-agent/provisioning/provisioning-source.ts';
import { sign } from '../../../src/protocol/sas-token.ts';
import { readSettings } from '../../../src/runtime/settings.ts';

const key = Buffer.from('a key that must stay secret').toString('base64');
const device = 'HostName=hub.azure-devices.net;DeviceId=edge1';
const authority = await CertificateAuthority.create({ commonName: 'factory', days: 30 });
const issued = await authority.issue({ commonName: 'edge1', usages: ['client'], days: 1 });
const other = await authority.issue({ commonName: 'other', usages: ['client'], days: 1 });
const { certificate, privateKey } = issued;
const dps = { DPS_ID_SCOPE: '0ne1', DPS_REGISTRATION_ID: 'edge1' };

async function read(env: Record<string, string>, files: Record<string, string>) {
	const { settings } = readSettings(provisioningSettings, env);
	if (settings === undefined) throw new Error('The settings are wrong.');
	return readProvisioningSource(settings, async (path) => {
		const text = files[path.split('/').at(-1) ?? ''];
		if (text === 'unreadable') throw new Error('EACCES');
		return text;
	});
}

const good: [
	what: string,
	env: Record<string, string>,
	files: Record<string, string>,
	expected: object,
][] = [
	[
		'a connection string with a key',
		{},
		{ connectionString: `${device};SharedAccessKey=${key}\n` },
		{
			kind: 'manual',
			hostName: 'hub.azure-devices.net',
			deviceId: 'edge1',
			credential: { kind: 'shared-access-key', key },
		},
	],
	[
		'a connection string and a certificate',
		{ IOTEDGE_CONNECTION_STRING: `${device};x509=true` },
		{ 'tls.crt': certificate, 'tls.key': privateKey },
		{
			kind: 'manual',
			hostName: 'hub.azure-devices.net',
			deviceId: 'edge1',
			credential: {
				kind: 'certificate',
				certificate: certificate.trim(),
				privateKey: privateKey.trim(),
			},
		},
	],
	[
		'an individual enrolment with a key',
		dps,
		{ symmetricKey: key, 'payload.json': '{"line":7}' },
		{
			kind: 'dps',
			payload: { line: 7 },
			endpoint: 'global.azure-devices-provisioning.net',
			idScope: '0ne1',
			registrationId: 'edge1',
			credential: { kind: 'shared-access-key', key },
		},
	],
	[
		'an enrolment group with a key',
		dps,
		{ enrollmentGroupKey: key },
		{
			kind: 'dps',
			endpoint: 'global.azure-devices-provisioning.net',
			idScope: '0ne1',
			registrationId: 'edge1',
			credential: { kind: 'shared-access-key', key: sign(key, 'edge1') },
		},
	],
	[
		'an enrolment with a certificate, whose name is the registration id',
		{ DPS_ID_SCOPE: '0ne1', DPS_ENDPOINT: 'dps.example.com' },
		{ 'tls.crt': certificate, 'tls.key': privateKey, connectionString: 'ignored' },
		{
			kind: 'dps',
			endpoint: 'dps.example.com',
			idScope: '0ne1',
			registrationId: 'edge1',
			credential: {
				kind: 'certificate',
				certificate: certificate.trim(),
				privateKey: privateKey.trim(),
			},
		},
	],
];

for (const [what, env, files, expected] of good) {
	test(`${what} is a source`, async (t) => {
		t.deepEqual((await read(env, files)).source, expected as never);
	});
}

const bad: [
	what: string,
	env: Record<string, string>,
	files: Record<string, string>,
	setting: string,
	message: RegExp,
][] = [
	['nothing at all', {}, {}, 'IOTEDGE_CONNECTION_STRING', /neither a connection string/],
	[
		'a file that cannot be read',
		{},
		{ connectionString: 'unreadable' },
		'IOTEDGE_CONNECTION_STRING_FILE',
		/EACCES/,
	],
	[
		'the connection string of a module',
		{},
		{ connectionString: `${device};ModuleId=m;SharedAccessKey=${key}` },
		'IOTEDGE_CONNECTION_STRING',
		/not that of a device/,
	],
	[
		'x509=true without a certificate',
		{},
		{ connectionString: `${device};x509=true` },
		'DEVICE_CERTIFICATE_FILE',
		/not there/,
	],
	[
		'the key of another certificate',
		{},
		{
			connectionString: `${device};x509=true`,
			'tls.crt': certificate,
			'tls.key': other.privateKey,
		},
		'DEVICE_CERTIFICATE_FILE',
		/not that of the certificate/,
	],
	[
		'a certificate that is none',
		{},
		{ connectionString: `${device};x509=true`, 'tls.crt': 'x', 'tls.key': privateKey },
		'DEVICE_CERTIFICATE_FILE',
		/not PEM/,
	],
	[
		'a payload that is not JSON',
		dps,
		{ symmetricKey: key, 'payload.json': '{' },
		'DPS_PAYLOAD_FILE',
		/not JSON/,
	],
	['DPS without a key', dps, {}, 'DPS_ID_SCOPE', /exactly one .* there are 0/],
	[
		'DPS with two keys',
		dps,
		{ symmetricKey: key, enrollmentGroupKey: key },
		'DPS_ID_SCOPE',
		/there are 2/,
	],
	[
		'a key that is not base64',
		dps,
		{ symmetricKey: `HostName=${key};` },
		'DPS_SYMMETRIC_KEY_FILE',
		/base64/,
	],
	[
		'a key without a registration id',
		{ DPS_ID_SCOPE: '0ne1' },
		{ symmetricKey: key },
		'DPS_REGISTRATION_ID',
		/needs a registration id/,
	],
	[
		'a registration id that is not the name of the certificate',
		{ ...dps, DPS_REGISTRATION_ID: 'edge2' },
		{ 'tls.crt': certificate, 'tls.key': privateKey },
		'DPS_REGISTRATION_ID',
		/common name of the certificate, "edge1"/,
	],
];

for (const [what, env, files, setting, message] of bad) {
	test(`${what} is told, and no secret with it`, async (t) => {
		const { problems = [] } = await read(env, files);
		t.deepEqual(
			problems.map((problem) => problem.env),
			[setting],
		);
		t.regex(problems[0]?.message ?? '', message);
		t.false(JSON.stringify(problems).includes(key));
	});
}
