import { X509Certificate } from 'node:crypto';
import { sign } from '../../protocol/sas-token.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { type Authorities, certificateFrom } from '../access/authorities.ts';
import { commonNameOf, isValidAt, leadsTo } from '../access/certificate-chain.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { authenticationFrom } from '../registry/authentication-mechanism.ts';

/** How devices of an enrolment prove themselves. */
export type Attestation =
	| { readonly type: 'symmetricKey'; readonly primaryKey: string; readonly secondaryKey: string }
	| {
			readonly type: 'x509';
			/** PEM of the devices' own certificates, or of authorities that sign them. */
			readonly clientCertificates: readonly string[];
			readonly signingCertificates: readonly string[];
			/** Names of the hub's authorities. */
			readonly caReferences: readonly string[];
	  };

/**
 * Reads the `attestation` of an enrolment. Keys that are missing are kept from `current`, or made.
 *
 * @throws IotHubError ArgumentInvalid
 */
export function attestationFrom(
	given: JsonValue | undefined,
	current: Attestation | undefined,
): Attestation {
	if (!isJsonObject(given)) throw invalid('it has no attestation');
	if (given['type'] === 'symmetricKey') {
		const kept = current?.type === 'symmetricKey' ? keysAsMechanism(current) : undefined;
		const keys = isJsonObject(given['symmetricKey']) ? given['symmetricKey'] : {};
		const { symmetricKey } = authenticationFrom({ type: 'sas', symmetricKey: keys }, kept);
		return {
			type: 'symmetricKey',
			primaryKey: symmetricKey.primaryKey ?? '',
			secondaryKey: symmetricKey.secondaryKey ?? '',
		};
	}
	if (given['type'] === 'x509') return x509From(given['x509']);
	const type = jsonText(given['type'] ?? '');
	const what = type === 'tpm' ? 'TPMs are' : `attestation.type ${type.slice(0, 20)} is`;
	throw invalid(`${what} not served here, use symmetricKey or x509`);
}

/** What a registering device shows, checked as far as the enrolment says how. */
export function chainFits(
	attestation: Attestation & { readonly type: 'x509' },
	registrationId: string,
	chain: readonly X509Certificate[],
	authorities: Authorities,
	now: number,
): boolean {
	const [leaf] = chain;
	if (leaf === undefined || commonNameOf(leaf)?.toLowerCase() !== registrationId.toLowerCase())
		return false;
	const own = attestation.clientCertificates.map((pem) => new X509Certificate(pem));
	if (own.some(({ fingerprint256 }) => fingerprint256 === leaf.fingerprint256)) {
		return isValidAt(leaf, now);
	}
	const signing = [
		...attestation.signingCertificates,
		...attestation.caReferences.flatMap((name) => {
			const authority = authorities.list().find((each) => each.name === name);
			return authority?.isVerified ? [authority.certificate] : [];
		}),
	];
	return leadsTo(
		signing.map((pem) => new X509Certificate(pem)),
		chain,
		now,
	);
}

/** The key of one device of a group (DPS documentation, "Symmetric key attestation"). */
export function derivedKey(groupKey: string, registrationId: string): string {
	return sign(groupKey, registrationId);
}

/** An attestation as the service API shows it; keys only on request. */
export function attestationDocument(attestation: Attestation, withKeys: boolean): JsonObject {
	if (attestation.type === 'symmetricKey') {
		const { type, primaryKey, secondaryKey } = attestation;
		return { type, ...(withKeys ? { symmetricKey: { primaryKey, secondaryKey } } : {}) };
	}
	const { clientCertificates, signingCertificates, caReferences } = attestation;
	return {
		type: 'x509',
		x509: {
			clientCertificates: pairOf(clientCertificates.map(certificateDocument)),
			signingCertificates: pairOf(signingCertificates.map(certificateDocument)),
			caReferences: pairOf(caReferences),
		},
	};
}

function x509From(given: JsonValue | undefined): Attestation {
	if (!isJsonObject(given)) throw invalid('attestation has no x509');
	const certificates = (member: string) =>
		pairFrom(given[member]).map((part) => {
			if (isJsonObject(part)) return certificateFrom(part).toString();
			throw invalid(`attestation.x509.${member} has no certificate`);
		});
	const references = pairFrom(given['caReferences']).map((name) => {
		if (typeof name === 'string') return name;
		throw invalid('attestation.x509.caReferences is not a name');
	});
	const attestation = {
		type: 'x509' as const,
		clientCertificates: certificates('clientCertificates'),
		signingCertificates: certificates('signingCertificates'),
		caReferences: references,
	};
	const { clientCertificates, signingCertificates, caReferences } = attestation;
	if ([clientCertificates, signingCertificates, caReferences].every(({ length }) => length === 0)) {
		throw invalid('attestation.x509 has no certificates');
	}
	return attestation;
}

function pairFrom(value: JsonValue | undefined): JsonValue[] {
	if (!isJsonObject(value)) return [];
	return [value['primary'], value['secondary']].filter(
		(part): part is JsonValue => part !== undefined && part !== null && part !== '',
	);
}

function pairOf<T extends JsonValue>([primary, secondary]: readonly T[]): JsonValue {
	if (primary === undefined) return null;
	return secondary === undefined ? { primary } : { primary, secondary };
}

function certificateDocument(pem: string): JsonObject {
	const certificate = new X509Certificate(pem);
	return {
		certificate: null,
		info: {
			subjectName: certificate.subject.replaceAll('\n', ', '),
			issuerName: certificate.issuer.replaceAll('\n', ', '),
			sha1Thumbprint: certificate.fingerprint.replaceAll(':', ''),
			sha256Thumbprint: certificate.fingerprint256.replaceAll(':', ''),
			notBeforeUtc: certificate.validFromDate.toISOString(),
			notAfterUtc: certificate.validToDate.toISOString(),
			serialNumber: certificate.serialNumber,
			version: 3,
		},
	};
}

function keysAsMechanism(keys: Attestation & { readonly type: 'symmetricKey' }) {
	const { primaryKey, secondaryKey } = keys;
	return {
		type: 'sas' as const,
		symmetricKey: { primaryKey, secondaryKey },
		x509Thumbprint: { primaryThumbprint: null, secondaryThumbprint: null },
	};
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid enrollment: ${message}.`);
}
