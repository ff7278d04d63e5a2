import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
	type CertificateAndKey,
	CertificateAuthority,
	type IssuedCertificate,
} from '../../certificates/certificate-authority.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isJsonObject, type JsonValue } from '../../runtime/json.ts';
import type { StateSecret } from '../state-secret.ts';

/** What the edge's certificates are made with. */
export interface EdgeCertificatesOptions {
	readonly state: StateSecret;
	readonly deviceId: string;
	/** PEM of more authorities for the trust bundle, e.g. of leaf devices; may be empty. */
	readonly additionalTrust?: string;
	readonly clock: Clock;
}

/** Days. A leaf always ends before the authority that issued it, that before the root. */
const lifetimes = { root: 3650, issuing: 365, leaf: 90 } as const;
/**
 * Days before its birth from which an authority counts: a clock that was ahead and is set back must
 * not leave the edge without one.
 */
const backdated = 365;
/** Replaced when fewer days are left. */
const margins = { root: 730, issuing: 180 } as const;
const dayMs = 86_400_000;

/**
 * The edge's own authorities: a root, which modules and leaf devices trust, and one below it, which
 * issues. Made once, kept in the cluster, replaced in time; a root that has been replaced stays in
 * the trust bundle until it ends.
 */
export class EdgeCertificates {
	readonly #options: EdgeCertificatesOptions;
	#root: CertificateAuthority | undefined;
	#issuing: CertificateAuthority | undefined;
	#retired = '';
	#renewal: Promise<void> | undefined;
	#onTrustChange = () => {};

	constructor(options: EdgeCertificatesOptions) {
		this.#options = options;
	}

	/** Reads the authorities, or makes them. */
	async load(): Promise<void> {
		const { state } = this.#options;
		const root = await state.getOrCreate('edge-root', () => this.#newRoot());
		this.#root = authorityOf(root);
		this.#retired = state.get('edge-root-retired')?.toString() ?? '';
		const above = this.#root;
		const issuing = await state.getOrCreate('edge-issuing', () => this.#newIssuing(above));
		this.#issuing = authorityOf(issuing);
		await this.renew();
	}

	/** Replaces what ends soon. */
	async renew(): Promise<void> {
		this.#renewal ??= this.#renew().finally(() => {
			this.#renewal = undefined;
		});
		await this.#renewal;
	}

	/** Calls `listener` whenever the trust bundle has changed. */
	onTrustChange(listener: () => void): void {
		this.#onTrustChange = listener;
	}

	/** PEM of everything that modules should trust. */
	get trustBundle(): string {
		const { additionalTrust = '' } = this.#options;
		const parts = [this.#loaded(this.#root).certificate, this.#retired, additionalTrust];
		return parts
			.map((part) => part.trim())
			.filter((part) => part !== '')
			.join('\n')
			.concat('\n');
	}

	/** A certificate for a server that is known by some names or addresses. */
	async issueServer(commonName: string, names: readonly string[]): Promise<IssuedCertificate> {
		await this.renew();
		const all = [...new Set([commonName, ...names])].filter((name) => name !== '');
		return this.#loaded(this.#issuing).issue({
			commonName: commonName.slice(0, 64),
			dnsNames: all.filter((name) => isIP(name) === 0 && isDnsName(name)),
			ipAddresses: all.filter((name) => isIP(name) !== 0),
			usages: ['server'],
			days: lifetimes.leaf,
			now: new Date(this.#options.clock.now()),
		});
	}

	/** A certificate with which a module shows who it is. */
	async issueIdentity(commonName: string, uri: string): Promise<IssuedCertificate> {
		await this.renew();
		return this.#loaded(this.#issuing).issue({
			commonName: commonName.slice(0, 64),
			uris: [uri],
			usages: ['client'],
			days: lifetimes.leaf,
			now: new Date(this.#options.clock.now()),
		});
	}

	async #renew(): Promise<void> {
		const { state } = this.#options;
		if (this.#isDue(this.#loaded(this.#root), margins.root)) {
			const retired = this.#loaded(this.#root).certificate;
			const root = await this.#newRoot();
			const issuing = await this.#newIssuing(authorityOf(root));
			await state.set({
				'edge-root': root,
				'edge-root-retired': retired,
				'edge-issuing': issuing,
			});
			this.#root = authorityOf(root);
			this.#issuing = authorityOf(issuing);
			this.#retired = retired;
			this.#onTrustChange();
		} else if (this.#isDue(this.#loaded(this.#issuing), margins.issuing)) {
			const issuing = await this.#newIssuing(this.#loaded(this.#root));
			await state.set({ 'edge-issuing': issuing });
			this.#issuing = authorityOf(issuing);
		}
	}

	/** Also where it is not valid yet, as the clock of its birth was ahead. */
	#isDue(authority: CertificateAuthority, margin: number): boolean {
		const { validFromDate, validToDate } = new X509Certificate(authority.certificate);
		const now = this.#options.clock.now();
		return now < validFromDate.getTime() || validToDate.getTime() - now < margin * dayMs;
	}

	async #newRoot(): Promise<Buffer> {
		return pemOf(await CertificateAuthority.create(this.#authority('root')));
	}

	async #newIssuing(root: CertificateAuthority): Promise<Buffer> {
		return pemOf(await root.issueAuthority(this.#authority('issuing')));
	}

	#authority(kind: 'root' | 'issuing') {
		const { deviceId, clock } = this.#options;
		return {
			commonName: `${deviceId.slice(0, 40)} edge ${kind}`,
			days: lifetimes[kind] + backdated,
			now: new Date(clock.now() - backdated * dayMs),
		};
	}

	#loaded(authority: CertificateAuthority | undefined): CertificateAuthority {
		if (authority === undefined) throw new Error('Certificates must be loaded before use.');
		return authority;
	}
}

function pemOf(authority: CertificateAuthority): Buffer {
	const { certificate, privateKey } = authority.toPem();
	return Buffer.from(JSON.stringify({ certificate, privateKey }));
}

function authorityOf(bytes: Uint8Array): CertificateAuthority {
	const pem: JsonValue = JSON.parse(Buffer.from(bytes).toString());
	if (!isJsonObject(pem)) throw new Error('The authority in the state cannot be read.');
	return CertificateAuthority.load(pem as unknown as CertificateAndKey);
}

function isDnsName(name: string): boolean {
	const labels = name.split('.');
	return name.length <= 253 && labels.every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label));
}
