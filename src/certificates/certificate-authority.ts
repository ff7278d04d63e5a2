import { webcrypto } from 'node:crypto';

/** PEM of a certificate, its chain behind it, and its PKCS#8 key. */
export interface CertificateAndKey {
	readonly certificate: string;
	readonly privateKey: string;
}

/** A certificate with the end of its life. */
export interface IssuedCertificate extends CertificateAndKey {
	readonly notAfter: Date;
}

/** What a leaf certificate should say. */
export interface CertificateRequest {
	readonly commonName: string;
	/** Kubernetes reads groups from here. */
	readonly organization?: string;
	readonly dnsNames?: readonly string[];
	readonly ipAddresses?: readonly string[];
	readonly uris?: readonly string[];
	readonly usages: readonly ('server' | 'client')[];
	/** How long it is valid. */
	readonly days: number;
	/** Beginning of its life; default now. */
	readonly now?: Date;
}

/** What an authority is made from. */
export interface AuthorityRequest {
	readonly commonName: string;
	readonly days: number;
	readonly now?: Date;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/** A certificate is valid from a little before now, for peers whose clocks are behind. */
const backdateMs = 5 * 60_000;

/** A certification authority with an ECDSA P-256 key. */
export class CertificateAuthority {
	/** PEM of the authority's certificate and, for an intermediate one, the chain above it. */
	readonly certificate: string;
	readonly #privateKey: string;

	private constructor(pem: CertificateAndKey) {
		this.certificate = pem.certificate;
		this.#privateKey = pem.privateKey;
	}

	/** A new self-signed authority. */
	static async create(request: AuthorityRequest): Promise<CertificateAuthority> {
		const x509 = await loadX509();
		const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
		const certificate = await x509.X509CertificateGenerator.createSelfSigned({
			serialNumber: serialNumber(),
			name: subject(request.commonName),
			...validity(request),
			signingAlgorithm: algorithm,
			keys,
			extensions: await authorityExtensions(keys.publicKey),
		});
		return new CertificateAuthority({
			certificate: certificate.toString('pem'),
			privateKey: await exportKey(keys.privateKey),
		});
	}

	/** An authority that was made before. */
	static load(pem: CertificateAndKey): CertificateAuthority {
		return new CertificateAuthority(pem);
	}

	/** Certificate and key, to be kept in a safe place. */
	toPem(): CertificateAndKey {
		return { certificate: this.certificate, privateKey: this.#privateKey };
	}

	/** An authority under this one. */
	async issueAuthority(request: AuthorityRequest): Promise<CertificateAuthority> {
		const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
		const extensions = await authorityExtensions(keys.publicKey);
		const name = subject(request.commonName);
		const certificate = await this.#sign(request, name, keys.publicKey, extensions);
		return new CertificateAuthority({ certificate, privateKey: await exportKey(keys.privateKey) });
	}

	/**
	 * PEM of a certificate in which this authority vouches for another one's name and key: whoever
	 * trusts this one then trusts what that one has issued [RFC 4210, 4.4: "new with old"].
	 */
	async vouchFor(
		other: CertificateAuthority,
		request: { readonly days: number; readonly now?: Date },
	): Promise<string> {
		const x509 = await loadX509();
		const { subjectName, publicKey } = new x509.X509Certificate(other.certificate);
		const key = await publicKey.export(algorithm, ['verify']);
		return this.#sign(request, subjectName.toJSON(), key, await authorityExtensions(key));
	}

	/** A certificate for a server, a client or both, its chain behind it. */
	async issue(request: CertificateRequest): Promise<IssuedCertificate> {
		const x509 = await loadX509();
		const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
		const names = [
			...(request.dnsNames ?? []).map((value) => ({ type: 'dns' as const, value })),
			...(request.ipAddresses ?? []).map((value) => ({ type: 'ip' as const, value })),
			...(request.uris ?? []).map((value) => ({ type: 'url' as const, value })),
		];
		const usages = request.usages.map((usage) =>
			usage === 'server' ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth,
		);
		const extensions = [
			new x509.BasicConstraintsExtension(false, undefined, true),
			new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
			new x509.ExtendedKeyUsageExtension(usages),
			await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
			...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
		];
		const name = subject(request.commonName, request.organization);
		const certificate = await this.#sign(request, name, keys.publicKey, extensions);
		const privateKey = await exportKey(keys.privateKey);
		return { certificate, privateKey, notAfter: validity(request).notAfter };
	}

	/** PEM, the chain behind it. */
	async #sign(
		request: { readonly days: number; readonly now?: Date },
		name: SubjectName,
		publicKey: webcrypto.CryptoKey,
		extensions: readonly Extension[],
	): Promise<string> {
		const x509 = await loadX509();
		const issuer = new x509.X509Certificate(this.certificate);
		const certificate = await x509.X509CertificateGenerator.create({
			serialNumber: serialNumber(),
			subject: name,
			issuer: issuer.subjectName.toJSON(),
			...validity(request),
			signingAlgorithm: algorithm,
			publicKey,
			signingKey: await importKey(this.#privateKey),
			extensions: [
				...extensions,
				await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
			],
		});
		const selfSigned = issuer.subject === issuer.issuer;
		const chain = selfSigned ? '' : `\n${this.certificate}`;
		return `${certificate.toString('pem')}${chain}`;
	}
}

type X509 = typeof import('@peculiar/x509');
type Extension = InstanceType<X509['Extension']>;
type SubjectName = Record<string, string[]>[];

let x509: Promise<X509> | undefined;

/** The library is large and most processes never make a certificate. */
function loadX509(): Promise<X509> {
	x509 ??= import('reflect-metadata').then(() => import('@peculiar/x509'));
	return x509;
}

async function authorityExtensions(publicKey: webcrypto.CryptoKey): Promise<Extension[]> {
	const { BasicConstraintsExtension, KeyUsagesExtension, KeyUsageFlags, ...rest } =
		await loadX509();
	return [
		new BasicConstraintsExtension(true, undefined, true),
		new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
		await rest.SubjectKeyIdentifierExtension.create(publicKey),
	];
}

function subject(commonName: string, organization?: string): SubjectName {
	const name = [{ CN: [commonName] }];
	return organization === undefined ? name : [{ O: [organization] }, ...name];
}

function validity(request: { readonly days: number; readonly now?: Date }) {
	const now = (request.now ?? new Date()).getTime();
	return {
		notBefore: new Date(now - backdateMs),
		notAfter: new Date(now + request.days * 86_400_000),
	};
}

/** 16 random bytes, positive [RFC 5280, 4.1.2.2]. */
function serialNumber(): string {
	const bytes = webcrypto.getRandomValues(new Uint8Array(16));
	bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
	return Buffer.from(bytes).toString('hex');
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
	const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
	const lines = der.match(/.{1,64}/g) ?? [];
	return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
}

function importKey(pem: string): Promise<webcrypto.CryptoKey> {
	const der = Buffer.from(pem.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
	return webcrypto.subtle.importKey('pkcs8', der, algorithm, true, ['sign']);
}
