import test from 'ava';
import { LocalDeploymentWatch } from '../../src/edge-hub/own-twin/local-deployment-watch.ts';
import type { LocalDeployment } from '../../src/edge-hub/workload-client.ts';
import type { JsonValue } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import {
	moduleOf,
	mqttOptions,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	TestClient,
} from '../support/hub-world.ts';
import { until } from '../support/until.ts';

const local: LocalDeployment = {
	source: 'EdgeDeployment factory, 4',
	hub: routes('FROM /messages/* INTO BrokeredEndpoint("/modules/filter/inputs/in1")'),
	twins: { filter: { limit: 30 } },
};

function setUp() {
	const clock = new FakeClock();
	const kept: { value?: JsonValue } = {};
	const agent: { says: LocalDeployment | null | undefined } = { says: null };
	const newWatch = () => {
		const watch = new LocalDeploymentWatch({
			workload: {
				deployment: async () => {
					if (agent.says === undefined) throw new Error('The agent is away.');
					return agent.says;
				},
			},
			store: {
				load: () => kept.value,
				save: (value) => {
					kept.value = structuredClone(value);
				},
			},
			clock,
			logger: silentLogger,
		});
		const changes: (string | undefined)[] = [];
		watch.onChange(() => changes.push(watch.current?.source));
		return { watch, changes };
	};
	return { clock, kept, agent, newWatch };
}

test('a deployment of the cluster is noticed when it comes, changes and goes', async (t) => {
	const { clock, agent, newWatch } = setUp();
	const { watch, changes } = newWatch();
	await watch.start();
	agent.says = local;
	await clock.advance(5_000);
	agent.says = structuredClone(local);
	await clock.advance(5_000);
	agent.says = { ...local, source: 'EdgeDeployment factory, 5' };
	await clock.advance(5_000);
	agent.says = null;
	await clock.advance(5_000);
	t.deepEqual(changes, ['EdgeDeployment factory, 4', 'EdgeDeployment factory, 5', undefined]);
	await watch.stop();
	t.is(clock.pending, 0);
});

test('what the agent said last holds while it is away, also after a restart', async (t) => {
	const { clock, agent, newWatch } = setUp();
	const { watch } = newWatch();
	agent.says = local;
	await watch.start();
	agent.says = undefined;
	await clock.advance(120_000);
	t.deepEqual(watch.current, local);
	await watch.stop();
	const { watch: next } = newWatch();
	t.deepEqual(next.current, local);
	await next.start();
	t.deepEqual(next.current, local);
	await next.stop();
});

test('a kept value that is none is dropped', (t) => {
	const { kept, newWatch } = setUp();
	kept.value = { twins: 1 };
	t.is(newWatch().watch.current, undefined);
});

test('a hub follows the routes and twins of the cluster, keeps them without the agent, and returns to IoT Hub', async (t) => {
	const world = await newWorld('sensor', 'filter');
	world.iotHub.patchDesired(ownIdentity, routes('FROM /messages/* INTO $upstream'));
	world.workload.deployment = local;
	const first = await startHub(t, world);
	await first.whenReady();
	const reported = () => world.iotHub.reportedOf(ownIdentity);
	await until(() => reported()['deploymentSource'] === local.source, 'the source in the report');
	t.false('lastDesiredVersion' in reported());
	t.like(reported(), { lastDesiredStatus: { code: 200 } });
	await first.stop();

	world.workload.deployment = undefined;
	const second = await startHub(t, world);
	const from = await TestClient.connect(t, second, mqttOptions(world, moduleOf('sensor')));
	const to = await TestClient.connect(t, second, mqttOptions(world, moduleOf('filter')));
	await to.mqtt.subscribeAsync('devices/edge1/modules/filter/inputs/#', { qos: 1 });
	await from.mqtt.publishAsync('devices/edge1/modules/sensor/messages/events/', 'here', { qos: 1 });
	t.is((await to.next()).text, 'here');
	t.is(world.iotHub.messages.length, 0);
	await second.stop();

	world.workload.deployment = null;
	const third = await startHub(t, world);
	await until(() => reported()['lastDesiredVersion'] === 2, 'the version of the twin');
	t.false('deploymentSource' in reported());
	const again = await TestClient.connect(t, third, mqttOptions(world, moduleOf('sensor')));
	await again.mqtt.publishAsync('devices/edge1/modules/sensor/messages/events/', 'up', { qos: 1 });
	await until(() => world.iotHub.messages.length === 1, 'a message in IoT Hub');
});
