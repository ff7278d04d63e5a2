import { X509Certificate } from 'node:crypto';
import test from 'ava';
import type { AmqpConnection, LinkRequest } from '../../src/amqp/amqp-server.ts';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import { audienceOf, createSasToken } from '../../src/protocol/sas-token.ts';
import { amqpHead, host, hubOf } from '../support/amqp-head-world.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { keyOf } from '../support/fake-iot-hub.ts';

function connection(clientCertificate?: Uint8Array): AmqpConnection {
	const peer = { remoteAddress: '10.0.0.1', ...(clientCertificate ? { clientCertificate } : {}) };
	return {
		peer,
		hostName: host,
		properties: new Map(),
		close: () => {},
		drop: () => {},
		closed: new AbortController().signal,
	};
}

function link(to: AmqpConnection, identity: Identity, authChain?: string): LinkRequest {
	const properties =
		authChain === undefined ? [] : [['com.microsoft:auth-chain', authChain] as const];
	return {
		connection: to,
		address: `${audienceOf('', identity)}/messages/events`,
		properties: new Map(properties),
		filters: new Map(),
		closed: new AbortController().signal,
		close: () => {},
	};
}

function put(identity: Identity, holder: Identity, clock: FakeClock) {
	const resource = audienceOf(host, holder);
	const expiry = Math.floor(clock.now() / 1000) + 3600;
	return {
		audience: audienceOf(host, identity),
		type: 'servicebus.windows.net:sastoken',
		token: createSasToken({ resource, key: keyOf(holder), expiry }),
	};
}

const unauthorized = { message: /has not shown who it is/ };

test('a token lets in its holder, and nobody else on the connection', async (t) => {
	const { head, clock } = await amqpHead(t);
	const sensor = { deviceId: 'edge1', moduleId: 'sensor' };
	const direct = { deviceId: 'direct' };
	const shared = connection();
	t.throws(() => head.attachIncoming(link(shared, direct)), unauthorized);
	await head.putToken(shared, put(direct, direct, clock));
	t.is(typeof head.attachIncoming(link(shared, direct)), 'function');
	for (const other of [sensor, { deviceId: 'leaf-of-child' }, hubOf('child'), hubOf('edge1')]) {
		t.throws(() => head.attachIncoming(link(shared, other)), unauthorized, identityKey(other));
		await t.throwsAsync(head.putToken(shared, put(other, direct, clock)), unauthorized);
	}
	t.throws(() => head.attachIncoming(link(connection(), direct)), unauthorized);
});

test('a certificate lets in the device that is registered with it, and nobody else', async (t) => {
	const { head, clients, certificate } = await amqpHead(t);
	const shown = connection(certificate);
	await head.connecting(shown.peer);
	for (const other of [
		{ deviceId: 'direct' },
		{ deviceId: 'edge1', moduleId: 'sensor' },
		{ deviceId: 'nobody' },
		{ deviceId: 'certified', moduleId: 'm' },
	]) {
		t.throws(() => head.attachIncoming(link(shown, other)), unauthorized, identityKey(other));
	}
	head.attachIncoming(link(shown, { deviceId: 'certified' }));
	t.deepEqual(
		[...clients].map(({ identity }) => identity),
		[{ deviceId: 'certified' }],
	);
	const stranger = await CertificateAuthority.create({ commonName: 'certified', days: 10 });
	const forged = connection(new X509Certificate(stranger.certificate).raw);
	await head.connecting(forged.peer);
	t.throws(() => head.attachIncoming(link(forged, { deviceId: 'certified' })), unauthorized);
	await head.connecting(connection(Buffer.from('no certificate')).peer);
});

test('a child edge hub attaches links for those below it, with its token and the chain', async (t) => {
	const { head, clients, clock } = await amqpHead(t);
	const mine = { deviceId: 'leaf-of-child' };
	const theirs = { deviceId: 'leaf-of-sibling' };
	const child = hubOf('child');
	// Its token under its own name, and under that of the client, as different clients do it.
	for (const name of [child, mine]) {
		const shared = connection();
		await head.putToken(shared, put(name, child, clock));
		t.throws(() => head.attachIncoming(link(shared, mine)), unauthorized);
		for (const [identity, chain] of [
			[theirs, 'leaf-of-sibling;child'],
			[theirs, 'leaf-of-sibling;sibling'],
			[mine, 'leaf-of-sibling;child'],
			[mine, 'leaf-of-child;sibling'],
			[mine, 'leaf-of-child;child;edge1'],
			[mine, ';'],
			[{ deviceId: 'direct' }, 'direct;child'],
			[{ deviceId: 'edge1', moduleId: 'sensor' }, 'edge1/sensor;child'],
		] as const) {
			t.throws(() => head.attachIncoming(link(shared, identity, chain)), unauthorized, chain);
		}
		head.attachIncoming(link(shared, mine, 'leaf-of-child;child'));
		const client = clients.of(mine).at(-1);
		t.is(client?.checkCredential().kind, 'accepted');
		await clock.advance(3_600_000);
		await head.putToken(shared, put(mine, child, clock));
		await clock.advance(600_000);
		t.is(client?.checkCredential().kind, 'accepted', 'with the newer token');
		await clock.advance(3_600_000);
		t.not(client?.checkCredential().kind, 'accepted', 'that has ended, too');
		await head.putToken(shared, put(child, child, clock));
		t.is(client?.checkCredential().kind, 'accepted', 'with one that its edge hub put for itself');
		client?.close();
	}
	await t.throwsAsync(head.putToken(connection(), put(mine, hubOf('nobody'), clock)), unauthorized);
});
