import { isIP } from 'node:net';
import type { IssuedCertificate } from '../../certificates/certificate-authority.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { StateSecret } from '../state-secret.ts';
import { EdgeAuthorities } from './edge-authorities.ts';

/** What the edge's certificates are made with. */
export interface EdgeCertificatesOptions {
	readonly state: StateSecret;
	readonly deviceId: string;
	/** PEM of more authorities for the trust bundle, e.g. of leaf devices; may be empty. */
	readonly additionalTrust?: string;
	readonly clock: Clock;
}

/** Days that a certificate is valid: less than any authority has left. */
const lifetime = 90;

/** The certificates of the edge: of its servers and its modules, and what all of them trust. */
export class EdgeCertificates {
	readonly #options: EdgeCertificatesOptions;
	readonly #authorities: EdgeAuthorities;

	constructor(options: EdgeCertificatesOptions) {
		this.#options = options;
		this.#authorities = new EdgeAuthorities(options);
	}

	/** Reads the authorities, or makes them. */
	async load(): Promise<void> {
		await this.#authorities.load();
	}

	/** Replaces what ends soon. */
	async renew(): Promise<void> {
		await this.#authorities.renew();
	}

	/** Calls `listener` whenever the trust bundle or its mark has changed. */
	onTrustChange(listener: () => void): void {
		this.#authorities.onChange(listener);
	}

	/** PEM of everything that modules should trust. */
	get trustBundle(): string {
		const { additionalTrust = '' } = this.#options;
		const parts = [...this.#authorities.roots, additionalTrust];
		return parts
			.map((part) => part.trim())
			.filter((part) => part !== '')
			.join('\n')
			.concat('\n');
	}

	/** Changes when modules that run must learn of another root; undefined before the first time. */
	get trustMark(): string | undefined {
		return this.#authorities.mark;
	}

	/** A certificate for a server that is known by some names or addresses. */
	async issueServer(commonName: string, names: readonly string[]): Promise<IssuedCertificate> {
		await this.renew();
		const all = [...new Set([commonName, ...names])].filter((name) => name !== '');
		return this.#authorities.issuing.issue({
			commonName: commonName.slice(0, 64),
			dnsNames: all.filter((name) => isIP(name) === 0 && isDnsName(name)),
			ipAddresses: all.filter((name) => isIP(name) !== 0),
			usages: ['server'],
			days: lifetime,
			now: new Date(this.#options.clock.now()),
		});
	}

	/** A certificate with which a module shows who it is. */
	async issueIdentity(commonName: string, uri: string): Promise<IssuedCertificate> {
		await this.renew();
		return this.#authorities.issuing.issue({
			commonName: commonName.slice(0, 64),
			uris: [uri],
			usages: ['client'],
			days: lifetime,
			now: new Date(this.#options.clock.now()),
		});
	}
}

function isDnsName(name: string): boolean {
	const labels = name.split('.');
	return name.length <= 253 && labels.every((label) => /^[A-Za-z0-9_-]{1,63}$/.test(label));
}
