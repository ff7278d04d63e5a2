import { sign } from 'node:crypto';
import test from 'ava';
import {
	type CertificateAndKey,
	CertificateAuthority,
} from '../../src/certificates/certificate-authority.ts';
import { canonicalJson, checkSignature } from '../../src/manifest/manifest-signature.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

const now = new Date('2026-06-01T00:00:00Z');
const desired = {
	schemaVersion: '1.3',
	routes: { a: 'FROM /* INTO $upstream' },
	storeAndForwardConfiguration: { timeToLiveSecs: 7200 },
};

async function authorityOf(commonName: string): Promise<CertificateAuthority> {
	return await CertificateAuthority.create({ commonName, days: 365, now });
}

async function signerOf(authority: CertificateAuthority, days = 30): Promise<CertificateAndKey> {
	return await authority.issue({ commonName: 'signer', usages: ['client'], days, now });
}

function chunksOf(pem: string): string[] {
	const [body = ''] = pem.split('-----END CERTIFICATE-----');
	const text = body.replace('-----BEGIN CERTIFICATE-----', '').replaceAll('\n', '\r');
	return [text.slice(0, 300), text.slice(300)];
}

function signed(signer: CertificateAndKey, intermediate: CertificateAuthority): JsonObject {
	const header = {
		signercert: chunksOf(signer.certificate),
		intermediatecacert: chunksOf(intermediate.certificate),
	};
	const bytes = sign('sha256', Buffer.from(canonicalJson(header) + canonicalJson(desired)), {
		key: signer.privateKey,
		dsaEncoding: 'ieee-p1363',
	}).toString('base64');
	return { ...desired, integrity: { header, signature: { bytes, algorithm: 'es256' } } };
}

test('accepts a manifest that a certificate of the trust bundle signed', async (t) => {
	const authority = await authorityOf('authority');
	const manifest = signed(await signerOf(authority), authority);
	const trustBundle = `# comment\n${authority.certificate}`;
	t.deepEqual(checkSignature(manifest, '$edgeHub', { trustBundle, now }), {
		accepted: true,
		signed: true,
	});
});

test('refuses a manifest that was changed after it was signed', async (t) => {
	const authority = await authorityOf('authority');
	const manifest = signed(await signerOf(authority), authority);
	const changed = { ...manifest, routes: { a: 'FROM /messages/* INTO $upstream' } };
	const trustBundle = authority.certificate;
	t.like(checkSignature(changed, '$edgeHub', { trustBundle, now }), {
		accepted: false,
		reason: 'The signature does not fit the manifest.',
	});
});

test('refuses a signer that the trust bundle does not vouch for', async (t) => {
	const authority = await authorityOf('authority');
	const manifest = signed(await signerOf(authority), authority);
	const trustBundle = (await authorityOf('authority')).certificate;
	t.like(checkSignature(manifest, '$edgeHub', { trustBundle, now }), {
		accepted: false,
		reason: 'The signer is not vouched for by the manifest trust bundle.',
	});
});

test('refuses a signer whose certificate has expired', async (t) => {
	const authority = await authorityOf('authority');
	const manifest = signed(await signerOf(authority, 1), authority);
	const later = new Date('2026-07-01T00:00:00Z');
	const check = { trustBundle: authority.certificate, now: later };
	t.like(checkSignature(manifest, '$edgeHub', check), { accepted: false });
});

test('wants a signature exactly when a trust bundle is configured', async (t) => {
	const authority = await authorityOf('authority');
	const manifest = signed(await signerOf(authority), authority);
	const trustBundle = authority.certificate;
	t.deepEqual(checkSignature(desired, '$edgeHub', { now }), { accepted: true, signed: false });
	t.false(checkSignature(desired, '$edgeHub', { trustBundle, now }).accepted);
	t.false(checkSignature(manifest, '$edgeHub', { now }).accepted);
});

test('refuses what is no signature', async (t) => {
	const trustBundle = (await authorityOf('authority')).certificate;
	for (const integrity of [{}, { header: {}, signature: { algorithm: 'ES256' } }]) {
		t.false(checkSignature({ ...desired, integrity }, '$edgeHub', { trustBundle, now }).accepted);
	}
});

test('writes JSON canonically', (t) => {
	const value = { b: [1.5, 1e21, null], a: { '\u20ac': 'x\n', '\r': true }, 1: '\u007f' };
	t.is(
		canonicalJson(value),
		'{"1":"\u007f","a":{"\\r":true,"\u20ac":"x\\n"},"b":[1.5,1e+21,null]}',
	);
});
