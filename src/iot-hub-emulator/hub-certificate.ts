import { isIP } from 'node:net';
import {
	type CertificateAndKey,
	CertificateAuthority,
} from '../certificates/certificate-authority.ts';
import type { Clock } from '../runtime/clock.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import { StoredJson } from './stored-json.ts';

/** An authority that clients can trust for as long as anybody uses the emulator. */
const authorityDays = 3650;

/** Renewed at every start; a year keeps the longest run going. */
const serverDays = 365;

/** The hub's own authority, the same at every start, and a new server certificate of it. */
export async function hubCertificate(
	store: KeyValueStore,
	hostNames: readonly string[],
	clock: Clock,
): Promise<{ readonly authority: string; readonly server: CertificateAndKey }> {
	const now = new Date(clock.now());
	const kept = new StoredJson<CertificateAndKey>(store, 'authority');
	const pem = kept.get('root');
	const authority =
		pem === undefined
			? await CertificateAuthority.create({
					commonName: 'IoT Hub emulator',
					days: authorityDays,
					now,
				})
			: CertificateAuthority.load(pem);
	if (pem === undefined) kept.set('root', authority.toPem());
	const server = await authority.issue({
		commonName: hostNames[0] ?? 'localhost',
		dnsNames: hostNames.filter((name) => isIP(name) === 0),
		ipAddresses: [
			...new Set(['127.0.0.1', '::1', ...hostNames.filter((name) => isIP(name) !== 0)]),
		],
		usages: ['server'],
		days: serverDays,
		now,
	});
	return { authority: authority.certificate, server };
}
