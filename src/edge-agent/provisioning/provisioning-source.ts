import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { AssignedDevice, Registrant } from '../../iot-hub-client/device-provisioning-rest.ts';
import { parseConnectionString } from '../../protocol/connection-string.ts';
import { sign } from '../../protocol/sas-token.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { SettingProblem, SettingsOf } from '../../runtime/settings.ts';
import { provisioningSettings as table } from './provisioning-settings.ts';

/** How the device proves itself: with a key, or with a certificate. */
export type Attestation = Registrant['credential'];

/** How the device comes to its identity in IoT Hub. */
export type ProvisioningSource =
	| ({ readonly kind: 'manual'; readonly credential: Attestation } & AssignedDevice)
	| ({
			readonly kind: 'dps';
			/** Host name of the provisioning service. */
			readonly endpoint: string;
			readonly idScope: string;
	  } & Registrant);

/** The source, or everything that is wrong with it. */
export type ProvisioningSourceResult =
	| { readonly source: ProvisioningSource; readonly problems?: never }
	| { readonly source?: never; readonly problems: readonly SettingProblem[] };

export type ProvisioningSettings = SettingsOf<typeof table>;

/** The text of a file; undefined where there is none. Throws for other reasons. */
export type ReadFile = (path: string) => Promise<string | undefined>;

/** Reads the source from the settings and the files that they name. No problem quotes a secret. */
export async function readProvisioningSource(
	settings: ProvisioningSettings,
	readFile: ReadFile,
): Promise<ProvisioningSourceResult> {
	const problems: SettingProblem[] = [];
	const files = await readFiles(settings, readFile, problems);
	if (problems.length > 0) return { problems };
	const { idScope } = settings;
	const source =
		idScope === undefined
			? manualSource(files, problems)
			: dpsSource({ ...settings, idScope }, files, problems);
	return source === undefined || problems.length > 0 ? { problems } : { source };
}

/** What the files hold; undefined for those that are not there. */
interface SourceFiles {
	readonly connectionString: string | undefined;
	readonly certificate: string | undefined;
	readonly privateKey: string | undefined;
	readonly symmetricKey: string | undefined;
	readonly groupKey: string | undefined;
	readonly payload: string | undefined;
}

async function readFiles(
	settings: ProvisioningSettings,
	readFile: ReadFile,
	problems: SettingProblem[],
): Promise<SourceFiles> {
	const read = async (name: keyof typeof table) => {
		try {
			const text = (await readFile(`${settings[name]}`))?.trim();
			return text === '' ? undefined : text;
		} catch (error) {
			const message = `The file cannot be read: ${messageOf(error)}.`;
			problems.push({ env: table[name].env, message });
			return undefined;
		}
	};
	return {
		connectionString: settings.connectionString ?? (await read('connectionStringFile')),
		certificate: await read('deviceCertificateFile'),
		privateKey: await read('devicePrivateKeyFile'),
		symmetricKey: await read('symmetricKeyFile'),
		groupKey: await read('groupKeyFile'),
		payload: await read('payloadFile'),
	};
}

function manualSource(
	files: SourceFiles,
	problems: SettingProblem[],
): ProvisioningSource | undefined {
	const { env } = table.connectionString;
	const problem = (message: string) => void problems.push({ env, message });
	if (files.connectionString === undefined) {
		return problem(
			`There is neither a connection string (or its file, ${table.connectionStringFile.env}) nor an ID scope of DPS (${table.idScope.env}).`,
		);
	}
	try {
		const parsed = parseConnectionString(files.connectionString);
		const { hostName, deviceId, moduleId, sharedAccessKey, x509 } = parsed;
		if (deviceId === undefined || moduleId !== undefined) {
			return problem('The connection string is not that of a device.');
		}
		const credential =
			x509 === true
				? certificateOf(files, problems)
				: ({ kind: 'shared-access-key', key: sharedAccessKey ?? '' } as const);
		return credential === undefined
			? undefined
			: { kind: 'manual', hostName, deviceId, credential };
	} catch (error) {
		if (!(error instanceof EdgeError)) throw error;
		return problem(error.message);
	}
}

function dpsSource(
	settings: ProvisioningSettings & { readonly idScope: string },
	files: SourceFiles,
	problems: SettingProblem[],
): ProvisioningSource | undefined {
	const { dpsEndpoint: endpoint, idScope, registrationId } = settings;
	const credential = attestationOf(settings, files, problems);
	const payload = payloadOf(files, problems);
	if (credential === undefined) return undefined;
	const own = credential.kind === 'certificate' ? commonNameOf(credential.certificate) : undefined;
	const id = registrationId ?? own;
	if (id === undefined) {
		const message = 'A registration with a key needs a registration id.';
		problems.push({ env: table.registrationId.env, message });
	} else if (own !== undefined && own.toLowerCase() !== id.toLowerCase()) {
		const message = `The registration id must be the common name of the certificate, "${own}".`;
		problems.push({ env: table.registrationId.env, message });
	} else return { kind: 'dps', endpoint, idScope, registrationId: id, credential, ...payload };
	return undefined;
}

function payloadOf(
	{ payload }: SourceFiles,
	problems: SettingProblem[],
): { readonly payload?: JsonValue } {
	if (payload === undefined) return {};
	try {
		return { payload: JSON.parse(payload) };
	} catch {
		problems.push({ env: table.payloadFile.env, message: 'The file is not JSON.' });
		return {};
	}
}

/** A certificate, the key of an individual enrolment, or that of a group: exactly one of them. */
function attestationOf(
	{ registrationId = '' }: ProvisioningSettings,
	files: SourceFiles,
	problems: SettingProblem[],
): Attestation | undefined {
	const { certificate, symmetricKey, groupKey } = files;
	const given = [certificate, symmetricKey, groupKey].filter((each) => each !== undefined);
	if (given.length !== 1) {
		const names = `${table.deviceCertificateFile.env}, ${table.symmetricKeyFile.env}, ${table.groupKeyFile.env}`;
		const message = `A registration takes exactly one of the files ${names}; there are ${given.length}.`;
		problems.push({ env: table.idScope.env, message });
		return undefined;
	}
	if (certificate !== undefined) return certificateOf(files, problems);
	const [key = ''] = given;
	if (!/^[A-Za-z0-9+/]+={0,2}$/.test(key)) {
		const { env } = symmetricKey === undefined ? table.groupKeyFile : table.symmetricKeyFile;
		problems.push({ env, message: 'The file does not hold a key in base64.' });
		return undefined;
	}
	// The key of one device of a group (DPS documentation, "Symmetric key attestation").
	const own = symmetricKey ?? sign(key, registrationId);
	return { kind: 'shared-access-key', key: own };
}

function certificateOf(
	{ certificate, privateKey }: SourceFiles,
	problems: SettingProblem[],
): Attestation | undefined {
	const { env } = table.deviceCertificateFile;
	const problem = (message: string) => void problems.push({ env, message });
	if (certificate === undefined || privateKey === undefined) {
		return problem(`The certificate or its key (${table.devicePrivateKeyFile.env}) is not there.`);
	}
	try {
		const key = createPrivateKey(privateKey);
		if (!new X509Certificate(certificate).checkPrivateKey(key)) {
			return problem('The private key is not that of the certificate.');
		}
	} catch (error) {
		return problem(`The certificate or its key is not PEM: ${messageOf(error)}.`);
	}
	return { kind: 'certificate', certificate, privateKey };
}

function commonNameOf(pem: string): string | undefined {
	return /^CN=(.+)$/m.exec(new X509Certificate(pem).subject)?.[1];
}
