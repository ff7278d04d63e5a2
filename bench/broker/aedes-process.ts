import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { Aedes } from 'aedes';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';

// aedes with its memory persistence, over TLS, in a process of its own. Prints one line of JSON when it
// serves.

const authority = await CertificateAuthority.create({ commonName: 'Bench', days: 1 });
const { certificate, privateKey } = await authority.issue({
	commonName: 'localhost',
	dnsNames: ['localhost'],
	usages: ['server'],
	days: 1,
});
const aedes = await Aedes.createBroker();
const options = { cert: certificate, key: privateKey, noDelay: true };
const server = createServer(options, (socket) => aedes.handle(socket));
server.listen(0, '127.0.0.1', () => {
	const { port } = server.address() as AddressInfo;
	console.log(JSON.stringify({ port, authority: authority.certificate }));
});
process.once('SIGTERM', () => process.exit(0));
