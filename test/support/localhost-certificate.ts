import {
	type CertificateAndKey,
	CertificateAuthority,
} from '../../src/certificates/certificate-authority.ts';

/** A server certificate for `localhost` and the authority to trust for it. */
export interface LocalhostCertificate {
	/** PEM */
	readonly authority: string;
	readonly credentials: CertificateAndKey;
}

let shared: Promise<LocalhostCertificate> | undefined;

/** Made once for all tests of a file. */
export function localhostCertificate(): Promise<LocalhostCertificate> {
	shared ??= create();
	return shared;
}

async function create(): Promise<LocalhostCertificate> {
	const authority = await CertificateAuthority.create({ commonName: 'Test authority', days: 1 });
	const credentials = await authority.issue({
		commonName: 'localhost',
		dnsNames: ['localhost'],
		usages: ['server'],
		days: 1,
	});
	return { authority: authority.certificate, credentials };
}
