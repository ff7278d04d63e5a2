import { createHmac } from 'node:crypto';
import test from 'ava';
import { ModuleIdentities } from '../../src/edge-agent/identities/module-identities.ts';
import { deriveModuleKeys } from '../../src/edge-agent/identities/module-keys.ts';
import { StateSecret } from '../../src/edge-agent/state-secret.ts';
import { IotHubRestError } from '../../src/iot-hub-client/iot-hub-rest.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeRegistry } from '../support/fake-registry.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

const { signal } = new AbortController();

async function setUp(cluster = new MemoryCluster(), registry = new FakeRegistry(), owner = 'h/e') {
	const state = new StateSecret({ client: cluster, namespace: 'edge', name: 'state' });
	await state.load();
	const identities = new ModuleIdentities({ registry, state, owner, logger: silentLogger });
	await identities.load();
	return { cluster, registry, identities };
}

test('keys derive from the master key, the module and its generation', (t) => {
	const master = Buffer.from('master');
	const expected = createHmac('sha256', master).update('$edgeHub:638:primary').digest('base64');
	const keys = deriveModuleKeys(master, '$edgeHub', '638');
	t.is(keys.primaryKey, expected);
	t.not(keys.secondaryKey, keys.primaryKey);
	t.not(deriveModuleKeys(master, '$edgeHub', '639').primaryKey, expected);
});

test('missing identities are created, those without keys get them', async (t) => {
	const { registry, identities } = await setUp();
	registry.put('$edgeAgent');
	await identities.ensure(['$edgeAgent', 'filter'], signal);
	t.deepEqual(registry.requests, ['list', 'keys $edgeAgent', 'create filter', 'keys filter']);
	t.is(registry.entry('filter').managedBy, 'IotEdge');
	t.is(registry.entry('$edgeAgent').managedBy, undefined);
	t.is(registry.entry('filter').authentication.keys[0], identities.keyOf('filter'));
	t.is(identities.get('filter')?.generationId, registry.entry('filter').generationId);
});

test('identities that are as they should be cost one list', async (t) => {
	const { registry, identities } = await setUp();
	registry.put('$edgeHub');
	await identities.ensure(['$edgeHub', 'filter'], signal);
	registry.requests.length = 0;
	await identities.ensure(['$edgeHub', 'filter'], signal);
	t.deepEqual(registry.requests, ['list']);
});

test('an agent that starts offline knows identities and keys', async (t) => {
	const { cluster, registry, identities } = await setUp();
	await identities.ensure(['filter'], signal);
	const key = identities.keyOf('filter');
	registry.offline = true;
	const again = await setUp(cluster, registry);
	t.is(again.identities.keyOf('filter'), key);
	t.deepEqual(again.identities.generationIds, identities.generationIds);
	await t.throwsAsync(again.identities.ensure(['filter'], signal), {
		code: 'EDGE_HUB_UNREACHABLE',
	});
});

test('identities of another device are forgotten, the master key is not', async (t) => {
	const { cluster, registry, identities } = await setUp();
	await identities.ensure(['filter'], signal);
	const other = await setUp(cluster, registry, 'h/other');
	t.is(other.identities.get('filter'), undefined);
	await other.identities.ensure(['filter'], signal);
	t.is(other.identities.keyOf('filter'), identities.keyOf('filter'));
});

test('an identity that was made anew gets new keys', async (t) => {
	const { registry, identities } = await setUp();
	await identities.ensure(['filter'], signal);
	const key = identities.keyOf('filter');
	registry.entries.delete('filter');
	await identities.ensure(['filter'], signal);
	t.not(identities.keyOf('filter'), key);
	t.is(registry.entry('filter').authentication.keys[0], identities.keyOf('filter'));
});

test('an identity that somebody else creates at the same moment is taken', async (t) => {
	const { registry, identities } = await setUp();
	const list = registry.listModules.bind(registry);
	let lists = 0;
	registry.listModules = async () => {
		lists += 1;
		const before = await list();
		if (lists === 1) registry.put('filter', 'IotEdge');
		return before;
	};
	await identities.ensure(['filter'], signal);
	t.is(registry.entry('filter').authentication.keys[0], identities.keyOf('filter'));
});

test('only identities of earlier deployments are deleted', async (t) => {
	const { registry, identities } = await setUp();
	registry.put('$edgeAgent');
	registry.put('mine', 'IotEdge');
	registry.put('theirs', 'somebody');
	registry.put('nobodys');
	await identities.ensure(['$edgeAgent', 'mine', 'keep'], signal);
	await identities.ensure(['theirs'], signal);
	registry.requests.length = 0;
	registry.put('stray', 'IotEdge');
	await identities.prune(['keep'], signal);
	t.deepEqual(registry.requests, ['list', 'delete mine', 'delete stray']);
	t.is(identities.get('mine'), undefined);
	t.not(identities.get('$edgeAgent'), undefined);
	t.is(registry.entry('theirs').managedBy, 'somebody');
});

test('what was settled before a failure is kept', async (t) => {
	const { cluster, registry, identities } = await setUp();
	const create = registry.createModule.bind(registry);
	registry.createModule = async (moduleId, owner) => {
		if (moduleId === 'second') throw new IotHubRestError('EDGE_HUB_UNREACHABLE', 'gone', 503);
		return create(moduleId, owner);
	};
	await t.throwsAsync(identities.ensure(['first', 'second'], signal));
	const again = await setUp(cluster, registry);
	t.deepEqual([...again.identities.generationIds.keys()], ['first']);
});

test('a module that the hub refuses does not keep others from their identities', async (t) => {
	const { registry, identities } = await setUp();
	const create = registry.createModule.bind(registry);
	registry.createModule = async (moduleId, owner) => {
		if (moduleId === 'bad') throw new IotHubRestError('EDGE_HUB_REQUEST_FAILED', 'quota', 403);
		return create(moduleId, owner);
	};
	const attempt = identities.ensure(['bad', 'good'], signal);
	await t.throwsAsync(attempt, { code: 'EDGE_HUB_REQUEST_FAILED' });
	t.deepEqual([...identities.generationIds.keys()], ['good']);
});
