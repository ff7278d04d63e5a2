import test, { type ExecutionContext } from 'ava';
import { CertificateAuthority } from '../../../src/certificates/certificate-authority.ts';
import {
	DeviceProvisioning,
	requestEntry,
} from '../../../src/edge-agent/provisioning/device-provisioning.ts';
import type {
	ProvisioningSource,
	ProvisioningSourceResult,
} from '../../../src/edge-agent/provisioning/provisioning-source.ts';
import { StateSecret } from '../../../src/edge-agent/state-secret.ts';
import type { AssignedDevice } from '../../../src/iot-hub-client/device-provisioning-rest.ts';
import { type Logger, silentLogger } from '../../../src/runtime/logger.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MemoryCluster } from '../../support/memory-cluster.ts';

const credential = (key: string) => ({ kind: 'shared-access-key', key }) as const;
const fromDps: ProvisioningSource = {
	kind: 'dps',
	endpoint: 'dps',
	idScope: '0ne1',
	registrationId: 'edge1',
	credential: credential('a'),
};
const manual = (hostName: string, key: string): ProvisioningSource => ({
	kind: 'manual',
	hostName,
	deviceId: 'edge1',
	credential: credential(key),
});
const minute = 60_000;

/** A device whose DPS assigns what the test says; undefined: it cannot be reached. */
async function setUp(
	t: ExecutionContext,
	source: ProvisioningSource,
	{
		cluster = new MemoryCluster(),
		registerAtStart = true,
		logger = silentLogger,
	}: { cluster?: MemoryCluster; registerAtStart?: boolean; logger?: Logger } = {},
) {
	const clock = new FakeClock();
	const state = new StateSecret({ client: cluster, namespace: 'edge', name: 'state' });
	await state.load();
	const world = {
		dps: { hostName: 'a', deviceId: 'edge1' } as AssignedDevice | undefined,
		registrations: 0,
		found: { source } as ProvisioningSourceResult,
	};
	const provisioning = new DeviceProvisioning({
		source,
		readSource: async () => world.found,
		register: async () => {
			world.registrations += 1;
			if (world.dps === undefined) throw new Error('DPS is away.');
			return world.dps;
		},
		state,
		registerAtStart,
		clock,
		logger,
	});
	t.teardown(() => provisioning.stop());
	const moves: string[] = [];
	provisioning.onMoved(({ hostName }) => void moves.push(hostName));
	return { provisioning, world, clock, cluster, moves, state };
}

test('a connection string needs no question', async (t) => {
	const { provisioning, world } = await setUp(t, manual('a', 'k'));
	await provisioning.start();
	t.deepEqual(await provisioning.assigned(), { hostName: 'a', deviceId: 'edge1' });
	t.false(provisioning.reprovision());
	t.is(world.registrations, 0);
});

test('a first registration is repeated until DPS answers', async (t) => {
	const { provisioning, world, clock } = await setUp(t, fromDps);
	world.dps = undefined;
	await provisioning.start();
	await clock.advance(minute);
	t.true(world.registrations > 2);
	world.dps = { hostName: 'b', deviceId: 'edge1' };
	await clock.advance(minute);
	t.deepEqual(await provisioning.assigned(), world.dps);
	const { registrations } = world;
	await clock.advance(60 * minute);
	t.is(world.registrations, registrations);
});

test('a start without DPS takes the last answer, and hears later of a move', async (t) => {
	const first = await setUp(t, fromDps);
	await first.provisioning.start();
	await first.provisioning.assigned();
	await first.provisioning.stop();
	const { cluster } = first;
	const { provisioning, world, clock, moves } = await setUp(t, fromDps, { cluster });
	world.dps = undefined;
	await provisioning.start();
	t.deepEqual(await provisioning.assigned(), { hostName: 'a', deviceId: 'edge1' });
	world.dps = { hostName: 'b', deviceId: 'edge1' };
	await clock.advance(minute);
	t.deepEqual(moves, ['b']);
});

test('the last answer is for the registration that it was given to', async (t) => {
	const first = await setUp(t, fromDps);
	await first.provisioning.start();
	await first.provisioning.assigned();
	const { cluster } = first;
	const other = { ...fromDps, registrationId: 'edge2' };
	const { provisioning, world } = await setUp(t, other, { cluster, registerAtStart: false });
	world.dps = { hostName: 'c', deviceId: 'edge2' };
	await provisioning.start();
	t.deepEqual(await provisioning.assigned(), world.dps);
});

test('without a registration at each start DPS is asked only when somebody wishes', async (t) => {
	const first = await setUp(t, fromDps);
	await first.provisioning.start();
	await first.provisioning.assigned();
	const { cluster, state } = first;
	const quiet = await setUp(t, fromDps, { cluster, registerAtStart: false });
	await quiet.provisioning.start();
	await quiet.clock.advance(minute);
	t.is(quiet.world.registrations, 0);
	t.true(quiet.provisioning.reprovision());
	await quiet.clock.advance(0);
	t.is(quiet.world.registrations, 1);

	await state.set({ [requestEntry]: '"now"' });
	const asked = await setUp(t, fromDps, { cluster, registerAtStart: false });
	await asked.provisioning.start();
	await asked.clock.advance(0);
	t.is(asked.world.registrations, 1);
	t.is(asked.state.getJson(requestEntry), undefined);
});

test('IoT Hub may refuse for two minutes before DPS is asked, and then ever more rarely', async (t) => {
	const { provisioning, world, clock } = await setUp(t, fromDps, { registerAtStart: false });
	await provisioning.start();
	await provisioning.assigned();
	const refuseFor = async (minutes: number) => {
		for (let passed = 0; passed < minutes; passed += 1) {
			provisioning.answered(true);
			await clock.advance(minute);
		}
	};
	await refuseFor(2);
	t.is(world.registrations, 1);
	provisioning.answered(false);
	await refuseFor(2);
	t.is(world.registrations, 1, 'an answer in between begins the time anew');
	await refuseFor(1);
	t.is(world.registrations, 2);
	await refuseFor(24 * 60);
	t.true(world.registrations > 20 && world.registrations < 60, `${world.registrations}`);
});

test('a new key is used at once, and DPS is told', async (t) => {
	const { provisioning, world, clock, moves } = await setUp(t, fromDps, { registerAtStart: false });
	await provisioning.start();
	await provisioning.assigned();
	const { credential: before } = provisioning;
	await clock.advance(minute);
	t.is(provisioning.credential, before, 'the same object while nothing changes');
	world.found = { source: { ...fromDps, credential: credential('b') } };
	await clock.advance(minute);
	t.deepEqual(provisioning.credential, credential('b'));
	t.is(world.registrations, 2);
	t.deepEqual(moves, []);
});

test('a new connection string moves the device only when it names another one', async (t) => {
	const { provisioning, world, clock, moves } = await setUp(t, manual('a', 'k'));
	await provisioning.start();
	world.found = { source: manual('A', 'l') };
	await clock.advance(minute);
	t.deepEqual(provisioning.credential, credential('l'));
	t.deepEqual(moves, []);
	world.found = { source: manual('b', 'm') };
	provisioning.answered(true);
	await clock.advance(0);
	t.deepEqual(moves, ['b'], 'a refusal has it looked at at once');
});

test('a certificate that nobody renews is told of once, a week before its end', async (t) => {
	const authority = await CertificateAuthority.create({ commonName: 'x', days: 60 });
	const now = new Date('2026-01-01T00:00:00Z');
	const pem = await authority.issue({ commonName: 'edge1', usages: ['client'], days: 8, now });
	const own: ProvisioningSource = {
		...manual('a', ''),
		credential: { kind: 'certificate', ...pem },
	};
	const warnings: string[] = [];
	const logger = { ...silentLogger, warn: (message: string) => void warnings.push(message) };
	const { provisioning, clock } = await setUp(t, own, { logger });
	await provisioning.start();
	await clock.advance(23 * 60 * minute);
	t.deepEqual(warnings, []);
	await clock.advance(2 * 60 * minute);
	t.is(warnings.length, 1);
	t.regex(`${warnings[0]}`, /certificate .* ends soon/);
});

test('a source that has become unusable leaves what was', async (t) => {
	const { provisioning, world, clock, moves } = await setUp(t, manual('a', 'k'));
	await provisioning.start();
	world.found = { problems: [{ env: 'X', message: 'It is broken.' }] };
	await clock.advance(minute);
	t.deepEqual(provisioning.credential, credential('k'));
	t.deepEqual(moves, []);
});
