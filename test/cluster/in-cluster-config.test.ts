import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import { inClusterConfig } from '../../src/cluster/in-cluster-config.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { sendJson } from '../support/scripted-api-server.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** An authority of a cluster, and the certificate of its API server. */
async function clusterAuthority() {
	const authority = await CertificateAuthority.create({ commonName: 'kubernetes', days: 1 });
	const { certificate: cert, privateKey: key } = await authority.issue({
		...{ commonName: 'kube-apiserver', ipAddresses: ['127.0.0.1'] },
		...{ usages: ['server'], days: 1 },
	});
	return { authority: authority.certificate, server: { cert, key } };
}

test('a pod that runs for years follows its cluster to another token and another authority', async (t) => {
	const [before, after] = [await clusterAuthority(), await clusterAuthority()];
	const tokens: unknown[] = [];
	const server = createServer(before.server, (request, response) => {
		tokens.push(request.headers.authorization);
		sendJson(response, 200, { gitVersion: 'v1.36.0', platform: 'linux/amd64' });
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		server.closeAllConnections();
		server.close();
	});
	const serviceAccountFolder = await temporaryFolder(t);
	const mount = async (files: Record<string, string>) => {
		for (const [name, text] of Object.entries(files)) {
			await writeFile(join(serviceAccountFolder, name), text);
		}
	};
	await mount({ namespace: 'edge', token: 'first\n', 'ca.crt': before.authority });
	const clock = new FakeClock();
	const { port } = server.address() as AddressInfo;
	const config = await inClusterConfig({ host: '127.0.0.1', port, serviceAccountFolder }, clock);
	t.is(config.namespace, 'edge');
	const client = connect(config, { clock });
	t.teardown(() => client.close());
	t.is((await client.version()).gitVersion, 'v1.36.0');

	server.setSecureContext(after.server);
	server.closeAllConnections();
	await t.throwsAsync(client.version(), { code: 'EDGE_CLUSTER_UNREACHABLE' });
	await mount({ token: 'second\n', 'ca.crt': after.authority });
	await clock.advance(60_000);
	t.is((await client.version()).gitVersion, 'v1.36.0');
	t.deepEqual(tokens, ['Bearer first', 'Bearer second']);
});

test('a pod without its ServiceAccount is told what is missing', async (t) => {
	const serviceAccountFolder = await temporaryFolder(t);
	const endpoint = { host: '10.96.0.1', port: 443, serviceAccountFolder };
	await t.throwsAsync(inClusterConfig(endpoint), { code: 'EDGE_CLUSTER_CREDENTIALS' });
});
