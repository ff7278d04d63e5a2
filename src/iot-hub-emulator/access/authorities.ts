import { randomBytes, X509Certificate } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { newEtag, requireMatch } from '../registry/etag.ts';
import { StoredJson } from '../stored-json.ts';
import { commonNameOf, hasIssued } from './certificate-chain.ts';

/** An authority whose certificates devices may show. */
export interface Authority {
	readonly name: string;
	/** PEM. */
	readonly certificate: string;
	/** Only then do certificates of it count. */
	readonly isVerified: boolean;
	readonly verificationCode?: string;
	/** ISO 8601. */
	readonly created: string;
	readonly updated: string;
	readonly etag: string;
}

/** The hub's certification authorities for devices. Durable in the store. */
export class Authorities {
	readonly #stored: StoredJson<Authority>;
	readonly #clock: Clock;
	#verified: readonly X509Certificate[] = [];

	constructor(store: KeyValueStore, clock: Clock) {
		this.#stored = new StoredJson(store, 'authorities');
		this.#clock = clock;
	}

	/** Reads what an earlier run has left. */
	load(): void {
		this.#index();
	}

	/** Certificates of authorities that count. */
	get verified(): readonly X509Certificate[] {
		return this.#verified;
	}

	list(): Authority[] {
		return [...this.#stored.values()];
	}

	/** @throws IotHubError CertificateNotFound */
	get(name: string): Authority {
		const authority = this.#stored.get(name);
		if (authority !== undefined) return authority;
		throw new IotHubError('CertificateNotFound', `There is no certificate ${name}.`);
	}

	/** Makes an authority known that counts at once. @throws IotHubError ArgumentInvalid */
	trust(name: string, certificate: string): Authority {
		return this.put(name, { properties: { certificate, isVerified: true } });
	}

	/**
	 * Reads the body of `PUT …/certificates/{name}`: `{properties: {certificate, isVerified}}`, the
	 * certificate as PEM or as base64 of PEM or DER.
	 *
	 * @throws IotHubError ArgumentInvalid, PreconditionFailed, CertificateNotFound
	 */
	put(name: string, body: unknown, ifMatch?: string): Authority {
		if (!/^[A-Za-z0-9\-._]{1,64}$/.test(name)) {
			throw invalid('the name is not 1 to 64 letters, digits and -._');
		}
		const properties = isJsonObject(body) ? (body['properties'] ?? body) : undefined;
		if (!isJsonObject(properties)) throw invalid('the body has no properties');
		const certificate = certificateFrom(properties);
		if (!certificate.ca) throw invalid('it is not that of an authority');
		if (ifMatch !== undefined) requireMatch(ifMatch, this.get(name).etag);
		const now = new Date(this.#clock.now()).toISOString();
		return this.#keep({
			name,
			certificate: certificate.toString(),
			isVerified: properties['isVerified'] === true,
			created: this.#stored.get(name)?.created ?? now,
			updated: now,
			etag: newEtag(),
		});
	}

	/** @throws IotHubError CertificateNotFound, PreconditionFailed */
	delete(name: string, ifMatch?: string): void {
		requireMatch(ifMatch, this.get(name).etag);
		this.#stored.delete(name);
		this.#index();
	}

	/** Makes the name that a certificate must have to prove possession of the authority's key. */
	newVerificationCode(name: string, ifMatch?: string): Authority {
		const authority = this.get(name);
		requireMatch(ifMatch, authority.etag);
		const verificationCode = randomBytes(32).toString('hex').toUpperCase();
		return this.#keep({ ...authority, verificationCode, etag: newEtag() });
	}

	/** @throws IotHubError ArgumentInvalid unless the authority has signed its verification code */
	verify(name: string, body: unknown, ifMatch?: string): Authority {
		const authority = this.get(name);
		requireMatch(ifMatch, authority.etag);
		if (!isJsonObject(body)) throw invalid('the body is not a JSON object');
		const proof = certificateFrom(body);
		const issuer = new X509Certificate(authority.certificate);
		const { verificationCode } = authority;
		if (
			!verificationCode ||
			commonNameOf(proof) !== verificationCode ||
			!hasIssued(issuer, proof)
		) {
			throw invalid('it does not prove possession of the key');
		}
		return this.#keep({ ...authority, isVerified: true, etag: newEtag() });
	}

	#keep(authority: Authority): Authority {
		this.#stored.set(authority.name, authority);
		this.#index();
		return authority;
	}

	#index(): void {
		this.#verified = this.list()
			.filter(({ isVerified }) => isVerified)
			.map(({ certificate }) => new X509Certificate(certificate));
	}
}

/** @throws IotHubError ArgumentInvalid */
export function certificateFrom(properties: JsonObject): X509Certificate {
	const { certificate } = properties;
	if (typeof certificate !== 'string') throw invalid('certificate is not a string');
	const pem = certificate.includes('-----BEGIN');
	try {
		return new X509Certificate(pem ? certificate : Buffer.from(certificate, 'base64'));
	} catch {
		throw invalid('certificate cannot be read');
	}
}

function invalid(message: string): IotHubError {
	return new IotHubError('ArgumentInvalid', `Invalid certificate: ${message}.`);
}
