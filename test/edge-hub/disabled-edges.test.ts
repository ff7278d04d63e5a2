import { Readable } from 'node:stream';
import test from 'ava';
import { CredentialWatch } from '../../src/edge-hub/authorization/credential-watch.ts';
import type { HttpCall } from '../../src/edge-hub/http-head/http-call.ts';
import { manageModulesOnBehalf } from '../../src/edge-hub/http-head/module-registry-route.ts';
import { type Identity, identityKey } from '../../src/protocol/identity.ts';
import { audienceOf, createSasToken } from '../../src/protocol/sas-token.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { amqpHead, host, hubOf } from '../support/amqp-head-world.ts';
import { FakeClient } from '../support/fake-client.ts';
import type { FakeClock } from '../support/fake-clock.ts';
import { keyOf } from '../support/fake-iot-hub.ts';

const leaf = { deviceId: 'leaf-of-child' };
const sibling = { deviceId: 'leaf-of-sibling' };

function tokenOf(holder: Identity, clock: FakeClock, authChain?: string) {
	const expiry = Math.floor(clock.now() / 1000) + 36_000;
	const text = createSasToken({ resource: audienceOf(host, holder), key: keyOf(holder), expiry });
	return { kind: 'token', text, authChain } as const;
}

test('who is below a disabled edge device is refused, whoever speaks, until it is enabled again', async (t) => {
	const { iotHub, scope, authenticator, clock } = await amqpHead(t);
	const verdicts = async () => {
		const results: Record<string, string> = {};
		for (const [identity, credential] of [
			[leaf, tokenOf(leaf, clock)],
			[leaf, tokenOf(hubOf('child'), clock, 'leaf-of-child;child')],
			[hubOf('child'), tokenOf(hubOf('child'), clock)],
			[sibling, tokenOf(sibling, clock)],
			[{ deviceId: 'direct' }, tokenOf({ deviceId: 'direct' }, clock)],
		] as const) {
			const name = `${identityKey(identity)} ${credential.authChain ?? ''}`.trim();
			results[name] = await authenticator.authenticate(identity, credential);
		}
		return results;
	};
	const all = await verdicts();
	t.deepEqual([...new Set(Object.values(all))], ['accepted']);
	const child = iotHub.registry.get('child');
	if (child === undefined) throw new Error('The child is not registered.');
	iotHub.registry.set('child', { ...child, enabled: false });
	await scope.refresh();
	t.deepEqual(await verdicts(), {
		'leaf-of-child': 'refused',
		'leaf-of-child leaf-of-child;child': 'refused',
		'child/$edgeHub': 'refused',
		'leaf-of-sibling': 'accepted',
		direct: 'accepted',
	});
	iotHub.registry.set('child', child);
	await scope.refresh();
	t.deepEqual(await verdicts(), all);
});

test('connections of who is below an edge device end when it is disabled, and no others', async (t) => {
	const { iotHub, scope, authenticator, clients, clock } = await amqpHead(t);
	const watch = new CredentialWatch({
		clients,
		scope,
		interval: 300_000,
		clock,
		logger: silentLogger,
	});
	watch.start();
	t.teardown(() => watch.stop());
	const connect = (identity: Identity) => {
		const client = new FakeClient(clients, identity);
		client.checkCredential = () => authenticator.check(identity, tokenOf(identity, clock));
		return client;
	};
	const [mine, theirs, hub] = [connect(leaf), connect(sibling), connect(hubOf('child'))];
	const child = iotHub.registry.get('child');
	if (child === undefined) throw new Error('The child is not registered.');
	iotHub.registry.set('child', { ...child, enabled: false });
	await scope.reload({ deviceId: 'child' });
	t.deepEqual(
		[mine, theirs, hub].map(({ closed }) => closed),
		[true, false, true],
	);
});

test('module identities of a disabled edge device are not managed through those above it', async (t) => {
	const { iotHub, scope, authenticator, clock } = await amqpHead(t);
	const grandchild = { deviceId: 'grandchild' };
	const [parent] = iotHub.registry.get('leaf-of-child')?.parentScopes ?? [];
	const call = async (enabled: boolean) => {
		iotHub.register(grandchild, keyOf(grandchild), enabled);
		const known = iotHub.registry.get('grandchild');
		if (known === undefined || parent === undefined) throw new Error('It is not registered.');
		iotHub.registry.set('grandchild', { ...known, edgeCapable: true, parentScopes: [parent] });
		await scope.refresh();
		const request = Object.assign(
			Readable.from([Buffer.from(JSON.stringify({ authChain: 'grandchild;child' }))]),
			{
				headers: { authorization: tokenOf(hubOf('child'), clock).text },
				socket: { getPeerCertificate: () => undefined },
			},
		);
		const edgesBelow = {
			chainOf: scope.chainOf.bind(scope),
			get: scope.get.bind(scope),
			forwardModuleCall: async () => ({ status: 200, text: '[]' }),
		};
		const { status } = await manageModulesOnBehalf('getModulesOnTargetDevice')({
			request,
			target: hubOf('child'),
			authenticator,
			options: { clientCertificatesEnabled: false, clock, edgesBelow },
		} as unknown as HttpCall).catch(({ answer }) => answer);
		return status;
	};
	t.is(await call(true), 200);
	t.is(await call(false), 401);
});
