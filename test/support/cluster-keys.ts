import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import {
	type CertificateAndKey,
	CertificateAuthority,
} from '../../src/certificates/certificate-authority.ts';
import { type ClusterConfig, fixedCredentials } from '../../src/cluster/cluster-config.ts';

/** Who somebody is for the API server. */
export interface ClusterUser {
	/** Name of the user. */
	readonly name: string;
	/** The group. */
	readonly group?: string;
}

/** The administrator, who may do everything. */
const administrator: ClusterUser = { name: 'admin', group: 'system:masters' };

/**
 * The authority of a cluster that lives for a day, and a folder with what its programs read:
 * `ca.pem`, `server.pem` and `server.key` of the API server, `accounts.key` and `accounts.pub` of its
 * ServiceAccounts, and a `kubeconfig` of the administrator.
 */
export class ClusterKeys {
	readonly folder: string;
	/** How the administrator reaches the API server. */
	readonly config: ClusterConfig;
	readonly #authority: CertificateAuthority;

	private constructor(folder: string, config: ClusterConfig, authority: CertificateAuthority) {
		this.folder = folder;
		this.config = config;
		this.#authority = authority;
	}

	/** @param address where the API server listens. */
	static async write(folder: string, address: string, port: number): Promise<ClusterKeys> {
		const authority = await CertificateAuthority.create({ commonName: 'kubernetes', days: 1 });
		const server = `https://${address}:${port}`;
		const admin = await clientCertificate(authority, administrator);
		const config: ClusterConfig = {
			server,
			certificateAuthority: authority.certificate,
			skipTlsVerify: false,
			namespace: 'default',
			credentials: fixedCredentials(admin),
		};
		const keys = new ClusterKeys(folder, config, authority);
		const serving = await authority.issue({
			commonName: 'kube-apiserver',
			dnsNames: ['localhost', 'kubernetes.default.svc'],
			ipAddresses: [...new Set(['127.0.0.1', '10.96.0.1', address])],
			usages: ['server'],
			days: 1,
		});
		const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
		await keys.#write('ca.pem', authority.certificate);
		await keys.writePair('server', serving);
		await keys.#write('accounts.key', accounts.privateKey.export({ type: 'pkcs8', format: 'pem' }));
		await keys.#write('accounts.pub', accounts.publicKey.export({ type: 'spki', format: 'pem' }));
		await keys.#write('kubeconfig', kubeconfigOf(config, admin));
		return keys;
	}

	/** @returns the path of a file of the folder. */
	path(name: string): string {
		return join(this.folder, name);
	}

	/** Writes `<file>.pem` and `<file>.key`, with which a user is known. */
	async writeClient(file: string, user: ClusterUser): Promise<void> {
		await this.writePair(file, await clientCertificate(this.#authority, user));
	}

	/** @returns the path of a kubeconfig of a user. */
	async writeKubeconfig(file: string, user: ClusterUser): Promise<string> {
		const client = await clientCertificate(this.#authority, user);
		return this.#write(file, kubeconfigOf(this.config, client));
	}

	/** Writes `<file>.pem` and `<file>.key`. */
	async writePair(file: string, { certificate, privateKey }: CertificateAndKey): Promise<void> {
		await this.#write(`${file}.pem`, certificate);
		await this.#write(`${file}.key`, privateKey);
	}

	async #write(name: string, text: string | Buffer): Promise<string> {
		await writeFile(this.path(name), text, { mode: 0o600 });
		return this.path(name);
	}
}

function clientCertificate(
	authority: CertificateAuthority,
	{ name, group }: ClusterUser,
): Promise<CertificateAndKey> {
	return authority.issue({
		commonName: name,
		...(group === undefined ? {} : { organization: group }),
		usages: ['client'],
		days: 1,
	});
}

function kubeconfigOf(
	{ server, certificateAuthority = '' }: ClusterConfig,
	{ certificate, privateKey }: CertificateAndKey,
): string {
	const base64 = (text: string) => Buffer.from(text).toString('base64');
	const name = 'test';
	const user = {
		'client-certificate-data': base64(certificate),
		'client-key-data': base64(privateKey),
	};
	const cluster = { server, 'certificate-authority-data': base64(certificateAuthority) };
	return stringify({
		apiVersion: 'v1',
		kind: 'Config',
		'current-context': name,
		contexts: [{ name, context: { cluster: name, user: name } }],
		clusters: [{ name, cluster }],
		users: [{ name, user }],
	});
}
