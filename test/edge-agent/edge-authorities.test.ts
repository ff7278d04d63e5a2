import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:tls';
import test from 'ava';
import type { CertificateAndKey } from '../../src/certificates/certificate-authority.ts';
import { StateSecret } from '../../src/edge-agent/state-secret.ts';
import { EdgeCertificates } from '../../src/edge-agent/workload-api/edge-certificates.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

const namespace = 'edge';
const day = 86_400_000;
const year = 365 * day;

/** The authorities of an edge that was made so long ago; `again` is an agent that starts now. */
async function setUp(age = 0) {
	const clock = new FakeClock(Date.now() - age);
	const client = new MemoryCluster();
	const again = async () => {
		const state = new StateSecret({ client, namespace, name: 'edgeagent-state' });
		await state.load();
		const certificates = new EdgeCertificates({ state, deviceId: 'edge1', clock });
		await certificates.load();
		return certificates;
	};
	return { clock, client, certificates: await again(), again };
}

function partsOf(pem: string): string[] {
	return pem.split(/(?<=END CERTIFICATE-----)\s*/).filter((part) => part !== '');
}

/** Whether a server and a client, each with its certificate, trust each other by a bundle. */
async function trustEachOther(
	ca: string,
	{ server, client }: Record<'server' | 'client', CertificateAndKey>,
): Promise<boolean> {
	const own = { cert: server.certificate, key: server.privateKey };
	const listener = createServer({ ...own, ca, requestCert: true, rejectUnauthorized: true });
	listener.listen(0, '127.0.0.1');
	await once(listener, 'listening');
	const { port } = listener.address() as AddressInfo;
	const theirs = { cert: client.certificate, key: client.privateKey };
	const socket = connect({ port, host: '127.0.0.1', servername: 'edgehub', ca, ...theirs });
	const refused = new Promise<false>((resolve) => {
		listener.on('tlsClientError', () => resolve(false));
		socket.on('error', () => resolve(false));
	});
	const taken = Promise.all([once(listener, 'secureConnection'), once(socket, 'secureConnect')]);
	const result = await Promise.race([refused, taken.then(() => true)]).catch(() => false);
	socket.destroy();
	listener.close();
	return result;
}

async function issued(certificates: EdgeCertificates) {
	return {
		server: await certificates.issueServer('edgehub', []),
		client: await certificates.issueIdentity('filter', 'azureiot://hub/devices/d/modules/m'),
	};
}

test('an agent that starts again has the same authority', async (t) => {
	const { certificates, again } = await setUp();
	t.is((await again()).trustBundle, certificates.trustBundle);
	t.is(certificates.trustMark, undefined);
});

test('authorities are replaced in time, and the trust bundle has the old root and the new', async (t) => {
	const { certificates, clock } = await setUp();
	const before = await certificates.issueServer('a', []);
	const oldBundle = certificates.trustBundle;
	clock.jump(190 * day);
	const renewed = await certificates.issueServer('a', []);
	t.is(certificates.trustBundle, oldBundle);
	t.not(partsOf(renewed.certificate)[1], partsOf(before.certificate)[1]);
	clock.jump(9 * year);
	await certificates.issueServer('a', []);
	t.true(certificates.trustBundle.includes(oldBundle.trim()));
	t.is(partsOf(certificates.trustBundle).length, 2);
});

test('whoever knows only the root before trusts what is issued under the next, and the other way round', async (t) => {
	const { certificates, clock, again } = await setUp(9 * year);
	const oldBundle = certificates.trustBundle;
	const before = await issued(certificates);
	clock.jump(9 * year);
	const after = await issued(certificates);
	const newBundle = certificates.trustBundle;
	const [newRoot = ''] = partsOf(newBundle);
	t.false(oldBundle.includes(newRoot));
	t.is(certificates.trustMark, undefined);
	for (const bundle of [oldBundle, newBundle, newRoot]) {
		t.true(await trustEachOther(bundle, after));
	}
	t.false(await trustEachOther((await setUp()).certificates.trustBundle, after));
	t.false(await trustEachOther(newRoot, before));
	// A year later there is another issuing authority, which the old root still vouches for.
	const next = await again();
	t.is(next.trustBundle, newBundle);
	const [, , link = ''] = partsOf((await issued(next)).server.certificate);
	t.true(new X509Certificate(link).verify(new X509Certificate(oldBundle).publicKey));
	clock.jump(200 * day);
	t.is(partsOf((await issued(next)).server.certificate)[2], link);
});

test('modules are marked to be started anew only before the root that they may know alone ends', async (t) => {
	const { certificates, clock, again } = await setUp();
	const { validToDate } = new X509Certificate(certificates.trustBundle);
	let told = 0;
	certificates.onTrustChange(() => {
		told += 1;
	});
	const passUntilLeft = async (left: number) => {
		clock.jump(validToDate.getTime() - clock.now() - left);
		await certificates.renew();
	};
	await passUntilLeft(700 * day);
	t.is(told, 1);
	await passUntilLeft(91 * day);
	t.is(certificates.trustMark, undefined);
	await passUntilLeft(89 * day);
	const { trustMark } = certificates;
	t.regex(trustMark ?? '', /^[0-9a-f]{64}$/);
	t.is(told, 2);
	// No mark goes away by itself: that would start modules anew, too.
	await passUntilLeft(-year);
	t.is(certificates.trustMark, trustMark);
	t.is((await again()).trustMark, trustMark);
	t.is(told, 2);
});

test('a root that has ended vouches for nobody: modules are marked at once', async (t) => {
	const { certificates, clock } = await setUp();
	clock.jump(12 * year);
	const { server } = await issued(certificates);
	t.is(partsOf(server.certificate).length, 2);
	t.truthy(certificates.trustMark);
});

test('an authority that was made while the clock was ahead is good when that is set right', async (t) => {
	const { certificates, clock } = await setUp();
	const before = certificates.trustBundle;
	clock.jump(-360 * day);
	const { certificate } = await certificates.issueServer('a', []);
	t.is(certificates.trustBundle, before);
	for (const pem of [...partsOf(certificate), before]) {
		t.true(new X509Certificate(pem).validFromDate.getTime() <= clock.now());
	}
});

test('a machine that starts in 1970 has a root for that time, and its own again when it knows the time', async (t) => {
	const { certificates, clock, again } = await setUp();
	const [own = ''] = partsOf(certificates.trustBundle);
	const now = clock.now();
	for (let start = 1; start <= 5; start += 1) {
		clock.jump(start * 60_000 - clock.now());
		const offline = await again();
		const { server } = await issued(offline);
		t.true(new X509Certificate(server.certificate).validFromDate.getTime() < clock.now());
		t.not(partsOf(offline.trustBundle)[0], own);
		clock.jump(now + start * day - clock.now());
		const online = await again();
		t.is(partsOf(online.trustBundle)[0], own);
		t.is(partsOf(online.trustBundle).length, 2, 'roots are not piled up');
		const [, issuing = ''] = partsOf((await issued(online)).server.certificate);
		t.true(new X509Certificate(issuing).verify(new X509Certificate(own).publicKey));
	}
});

test('an agent starts modules anew for another root only when they must, and none that is held', async (t) => {
	const cluster = new MemoryCluster();
	const clock = new FakeClock();
	const world = new AgentWorld({ cluster, namespace, clock });
	const held = { createOptions: { 'k8s-extensions': { hold: true } } };
	world.deploy({ modules: { filter: {}, held, task: { restartPolicy: 'never' } } });
	const templates = () => {
		const workloads = [...cluster.all('Deployment'), ...cluster.all('Job')];
		return Object.fromEntries(
			workloads.map(({ metadata, spec }) => [
				metadata.name.split('-')[0],
				JSON.stringify(spec?.['template']),
			]),
		);
	};
	const live = async () => {
		const agent = await world.agent();
		await agent.start();
		await clock.advance(60_000);
		await agent.stop({ report: false });
	};
	await live();
	const before = templates();
	t.deepEqual(Object.keys(before).sort(), ['edgehub', 'filter', 'held', 'task']);
	clock.jump(9 * year);
	await live();
	t.deepEqual(templates(), before);
	clock.jump(1.9 * year);
	await live();
	const after = templates();
	const changed = Object.keys(after).filter((name) => after[name] !== before[name]);
	t.deepEqual(changed, ['filter']);
	await live();
	t.deepEqual(templates(), after);
});
