import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
	type CertificateAndKey,
	CertificateAuthority,
} from '../../certificates/certificate-authority.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';

/** What must stay the same over restarts, so that kubeconfigs and tokens stay good. */
export interface ServerIdentity {
	readonly authority: CertificateAndKey;
	/** PEM of the key that signs tokens of ServiceAccounts. */
	readonly tokenKey: string;
	readonly adminToken: string;
	/** The port of the last run. */
	readonly port: number;
}

const fileName = 'identity.json';

/**
 * The identity in a folder, or a new one.
 * @throws EdgeError EDGE_STORAGE_CORRUPT when its file cannot be read as JSON: tokens and certificates
 * that were given out would all be void with a new one.
 */
export async function loadIdentity(folder: string | undefined, now: Date): Promise<ServerIdentity> {
	const kept = folder === undefined ? undefined : await readIdentity(folder);
	return kept ?? (await createIdentity(now));
}

/** Keeps an identity; a crash leaves the old one or the new one. */
export async function saveIdentity(folder: string, identity: ServerIdentity): Promise<void> {
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const path = join(folder, fileName);
	await writeFile(`${path}.new`, JSON.stringify(identity), { mode: 0o600 });
	await rename(`${path}.new`, path);
}

async function readIdentity(folder: string): Promise<ServerIdentity | undefined> {
	const path = join(folder, fileName);
	try {
		return JSON.parse(await readFile(path, 'utf8'));
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
		if (!(error instanceof SyntaxError)) throw error;
		throw new EdgeError('EDGE_STORAGE_CORRUPT', `${messageOf(error)}.`, {
			where: path,
			cause: error,
		});
	}
}

async function createIdentity(now: Date): Promise<ServerIdentity> {
	const request = { commonName: 'local-cluster', days: 3650, now };
	const authority = await CertificateAuthority.create(request);
	const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	return {
		authority: authority.toPem(),
		tokenKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
		adminToken: randomBytes(32).toString('base64url'),
		port: 0,
	};
}
