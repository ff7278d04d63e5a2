import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import test from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';

test('a server certificate is trusted by a client that trusts the authority', async (t) => {
	const authority = await CertificateAuthority.create({ commonName: 'edge root', days: 30 });
	const { certificate, privateKey } = await authority.issue({
		commonName: 'edgehub',
		dnsNames: ['edgehub', 'localhost'],
		ipAddresses: ['127.0.0.1'],
		usages: ['server'],
		days: 1,
	});
	const server = createServer({ cert: certificate, key: privateKey }, (socket) => socket.end());
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	const { port } = server.address() as AddressInfo;

	const client = connect({ host: 'localhost', port, ca: authority.certificate });
	await once(client, 'secureConnect');
	t.true(client.authorized);
	client.destroy();

	const stranger = connect({ host: 'localhost', port });
	const [error] = (await once(stranger, 'error')) as [Error & { code: string }];
	t.regex(error.code, /SELF_SIGNED|UNABLE_TO_VERIFY/);
});

test('a leaf under an intermediate authority carries the chain up to the root', async (t) => {
	const root = await CertificateAuthority.create({ commonName: 'root', days: 30 });
	const issuing = await root.issueAuthority({ commonName: 'issuing', days: 20 });
	const { certificate } = await issuing.issue({ commonName: 'm', usages: ['client'], days: 1 });
	const [leaf, middle] = (certificate.match(/-----BEGIN[\s\S]+?END CERTIFICATE-----/g) ?? []).map(
		(pem) => new X509Certificate(pem),
	);
	const top = new X509Certificate(root.certificate);
	t.true(leaf?.verify((middle ?? top).publicKey));
	t.true(middle?.verify(top.publicKey));
	t.true(middle?.ca);
	t.false(leaf?.ca);
});

test('an authority that was saved issues certificates that the first one would', async (t) => {
	const authority = await CertificateAuthority.create({ commonName: 'root', days: 30 });
	const again = CertificateAuthority.load(authority.toPem());
	const now = new Date('2026-05-01T00:00:00Z');
	const { certificate, notAfter } = await again.issue({
		commonName: 'c',
		organization: 'system:masters',
		uris: ['azureiot://hub/devices/d/modules/m'],
		usages: ['client'],
		days: 2,
		now,
	});
	const leaf = new X509Certificate(certificate);
	t.true(leaf.verify(new X509Certificate(authority.certificate).publicKey));
	t.is(notAfter.toISOString(), '2026-05-03T00:00:00.000Z');
	t.regex(leaf.subject, /O=system:masters/);
	t.is(leaf.subjectAltName, 'URI:azureiot://hub/devices/d/modules/m');
});
