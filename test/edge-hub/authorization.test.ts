import { randomBytes, X509Certificate } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { ClientAuthenticator } from '../../src/edge-hub/authorization/client-authenticator.ts';
import { judgeCredential } from '../../src/edge-hub/authorization/client-credential.ts';
import { DeviceScope } from '../../src/edge-hub/authorization/device-scope.ts';
import { SealedStore } from '../../src/edge-hub/authorization/sealed-store.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import { audienceOf, createSasToken } from '../../src/protocol/sas-token.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryKeyValueStore } from '../../src/storage/memory-key-value-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeIotHub, keyOf } from '../support/fake-iot-hub.ts';

const hubName = 'hub.test';
const filter = { deviceId: 'edge1', moduleId: 'filter' };
const leaf = { deviceId: 'leaf' };

interface TokenOptions {
	readonly host?: string;
	readonly key?: string;
	readonly holder?: Identity;
	/** Seconds from now. */
	readonly life?: number;
}

function token(clock: FakeClock, identity: Identity, options: TokenOptions = {}) {
	const { host = hubName, holder = identity, key = keyOf(holder), life = 3600 } = options;
	const expiry = Math.floor(clock.now() / 1000) + life;
	const text = createSasToken({ resource: audienceOf(host, holder), key, expiry });
	return { kind: 'token', text } as const;
}

function authorization(t: ExecutionContext, values = new MemoryKeyValueStore(), seal = sealKey) {
	const hub = new FakeIotHub();
	const clock = new FakeClock();
	const store = new SealedStore(values, 'identities', seal, silentLogger);
	const scope = new DeviceScope({
		edgeDeviceId: 'edge1',
		source: hub.scopeSource,
		store,
		clock,
		logger: silentLogger,
		refreshInterval: 3_600_000,
		maxLookupDelay: 120_000,
	});
	t.teardown(() => scope.stop());
	const authenticator = new ClientAuthenticator({
		scope,
		authorities: () => [],
		hostNames: [hubName, 'gateway'],
		clock,
		logger: silentLogger,
	});
	return { hub, clock, scope, authenticator, values };
}

const sealKey = randomBytes(32);

async function started(t: ExecutionContext) {
	const parts = authorization(t);
	parts.hub.register({ deviceId: 'edge1' });
	parts.hub.register(filter);
	parts.hub.register(leaf);
	await parts.scope.start();
	await parts.clock.advance(0);
	return parts;
}

const tokens: readonly [title: string, identity: Identity, TokenOptions, expected: boolean][] = [
	['made out to IoT Hub', filter, {}, true],
	['made out to the gateway', filter, { host: 'Gateway' }, true],
	['made out to IoT Hub with a port', filter, { host: `${hubName}:8883` }, true],
	['of a leaf device', leaf, {}, true],
	['signed with the secondary key', filter, { key: keyOf(filter) }, true],
	['of the device, for its module', filter, { holder: { deviceId: 'edge1' } }, true],
	['a little too old', filter, { life: -299 }, true],
	['too old', filter, { life: -302 }, false],
	['made out to another hub', filter, { host: 'other.test' }, false],
	['made out to another module', filter, { holder: { ...filter, moduleId: 'other' } }, false],
	['of another device', filter, { holder: leaf }, false],
	['signed with another key', filter, { key: keyOf(leaf) }, false],
	['of a module, for its device', { deviceId: 'edge1' }, { holder: filter }, false],
];

for (const [title, identity, options, expected] of tokens) {
	test(`a token ${title} is ${expected ? 'accepted' : 'refused'}`, async (t) => {
		const { authenticator, clock } = await started(t);
		const result = await authenticator.authenticate(identity, token(clock, identity, options));
		t.is(result, expected ? 'accepted' : 'refused');
	});
}

test('the case of ids and hosts in a token does not count, as some clients lower-case it', async (t) => {
	const { authenticator, clock } = await started(t);
	const expiry = Math.floor(clock.now() / 1000) + 60;
	const resource = 'HUB.test/DEVICES/Edge1/modules/FILTER';
	const text = createSasToken({ resource, key: keyOf(filter), expiry });
	t.is(await authenticator.authenticate(filter, { kind: 'token', text }), 'accepted');
});

test('nonsense is refused without asking the registry', async (t) => {
	const { authenticator, hub } = await started(t);
	for (const text of ['', 'password', 'SharedAccessSignature sr=%E0%A4&sig=x&se=1']) {
		t.is(await authenticator.authenticate(filter, { kind: 'token', text }), 'refused');
	}
	t.deepEqual(hub.requests, ['listScope']);
});

test('a module that was registered a moment ago is found', async (t) => {
	const { authenticator, hub, clock } = await started(t);
	const late = { deviceId: 'edge1', moduleId: 'late' };
	hub.register(late);
	t.is(await authenticator.authenticate(late, token(clock, late)), 'accepted');
});

test('a key that was changed is found, and the old one is good no more', async (t) => {
	const { authenticator, hub, clock } = await started(t);
	const entry = hub.registry.get('edge1/filter');
	const key = Buffer.from('new key').toString('base64');
	if (entry) {
		hub.registry.set('edge1/filter', {
			...entry,
			authentication: { type: 'sas', keys: [key], thumbprints: [] },
		});
	}
	t.is(await authenticator.authenticate(filter, token(clock, filter, { key })), 'accepted');
	t.is(await authenticator.authenticate(filter, token(clock, filter)), 'refused');
});

test('a disabled module is refused, and so is one of a disabled device', async (t) => {
	const { authenticator, hub, clock } = await started(t);
	hub.register(leaf, keyOf(leaf), false);
	hub.register({ deviceId: 'edge2' }, undefined, false);
	const child = { deviceId: 'edge2', moduleId: 'm' };
	hub.register(child);
	await clock.advance(3_600_000);
	t.is(await authenticator.authenticate(leaf, token(clock, leaf)), 'refused');
	t.is(await authenticator.authenticate(child, token(clock, child)), 'refused');
});

test('an identity that keeps failing is not looked up each time', async (t) => {
	const { authenticator, hub, clock } = await started(t);
	const attempt = () =>
		authenticator.authenticate({ deviceId: 'x' }, token(clock, { deviceId: 'x' }));
	for (let turn = 0; turn < 20; turn += 1) t.is(await attempt(), 'refused');
	const lookups = () => hub.requests.filter((request) => request === 'getScopeIdentity x').length;
	t.is(lookups(), 1);
	await clock.advance(1_001);
	await attempt();
	t.is(lookups(), 2);
	for (let turn = 0; turn < 600; turn += 1) {
		await clock.advance(1_000);
		await attempt();
	}
	t.true(lookups() < 16, `${lookups()} lookups in ten minutes`);
});

test('nothing is decided about a stranger while the registry cannot be asked', async (t) => {
	const { authenticator, hub, clock } = await started(t);
	hub.setOnline(false);
	const stranger = { deviceId: 'stranger' };
	t.is(await authenticator.authenticate(stranger, token(clock, stranger)), 'unavailable');
	t.is(await authenticator.authenticate(filter, token(clock, filter)), 'accepted');
	const forged = token(clock, filter, { key: keyOf(leaf) });
	t.is(await authenticator.authenticate(filter, forged), 'refused');
});

test('clients are known after a restart without the cloud, by the hub with the same key only', async (t) => {
	const { values } = await started(t);
	for (const [, sealed] of values.entries('identities')) {
		t.false(Buffer.from(sealed).includes(keyOf(filter)), 'a key lies on disk in clear text');
	}
	for (const [key, expected] of [
		[sealKey, 'accepted'],
		[randomBytes(32), 'unavailable'],
	] as const) {
		const { hub, scope, clock, authenticator } = authorization(t, values, key);
		hub.setOnline(false);
		await scope.start();
		await clock.advance(0);
		t.is(await authenticator.authenticate(filter, token(clock, filter)), expected);
	}
});

test('a stored value cannot stand in for another', (t) => {
	const values = new MemoryKeyValueStore();
	const store = new SealedStore(values, 'identities', sealKey, silentLogger);
	store.set('a', { for: 'a' });
	const sealed = values.get('identities', 'a') as Uint8Array;
	values.set('identities', 'b', sealed);
	t.deepEqual(store.get('a'), { for: 'a' });
	t.is(store.get('b'), undefined);
	const damaged = Uint8Array.from(sealed);
	damaged[20] = (damaged[20] ?? 0) ^ 1;
	values.set('identities', 'a', damaged);
	t.is(store.get('a'), undefined);
	values.set('identities', 'a', new Uint8Array(3));
	t.is(store.get('a'), undefined);
});

test('identities that leave the scope are forgotten at the next full reading', async (t) => {
	const { scope, hub, clock } = await started(t);
	const changes: string[] = [];
	scope.onChange((identity) => changes.push(identityKey(identity)));
	hub.registry.delete('leaf');
	await clock.advance(3_600_000);
	t.is(scope.get(leaf), undefined);
	t.deepEqual(changes, ['leaf']);
});

test('the scope is read again and again until the registry answers', async (t) => {
	const { hub, scope, clock } = authorization(t);
	hub.register(filter);
	hub.setOnline(false);
	await scope.start();
	await clock.advance(300_000);
	t.false(scope.fresh);
	hub.setOnline(true);
	await clock.advance(60_000);
	t.true(scope.fresh);
	t.truthy(scope.get(filter));
});

test('a leaf device may show the certificate that is registered; a module may not', async (t) => {
	const authority = await CertificateAuthority.create({ commonName: 'leaf', days: 10 });
	const { raw, fingerprint, fingerprint256 } = new X509Certificate(authority.certificate);
	const judge = (identity: Identity, thumbprint: string, now = Date.now()) =>
		judgeCredential(
			identity,
			{ kind: 'certificate', leaf: raw, issuers: [] },
			{
				identities: {
					chainOf: () => undefined,
					get: (asked) => ({
						identity: asked,
						generationId: '1',
						enabled: true,
						authentication: { type: 'selfSigned', keys: [], thumbprints: ['00', thumbprint] },
						edgeCapable: false,
						parentScopes: [],
					}),
				},
				authorities: [],
				hostNames: [hubName],
				now,
			},
		).kind;
	t.is(judge(leaf, fingerprint.replaceAll(':', '')), 'accepted');
	t.is(judge(leaf, fingerprint256.replaceAll(':', '').toLowerCase()), 'accepted');
	t.is(judge(leaf, 'ab'.repeat(20)), 'unknown');
	t.is(judge(leaf, fingerprint, Date.now() + 11 * 86_400_000), 'refused');
	t.is(judge(filter, fingerprint), 'refused');
});
