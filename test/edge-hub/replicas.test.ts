import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import type { EdgeHub } from '../../src/edge-hub/hub.ts';
import { keyOf } from '../support/fake-iot-hub.ts';
import {
	edgeDeviceId,
	hubHostName,
	moduleOf,
	mqttOptions,
	newWorld,
	ownIdentity,
	routes,
	startHub,
	TestClient,
	type World,
} from '../support/hub-world.ts';
import { until } from '../support/until.ts';

const filter = moduleOf('filter');
const senders = ['s0', 's1', 's2', 's3', 's4', 's5'];
const inputs = 'devices/edge1/modules/filter/inputs/#';
const toFilter = 'FROM /messages/* INTO BrokeredEndpoint("/modules/filter/inputs/in1")';

async function runningHub(t: ExecutionContext, env: Record<string, string> = {}) {
	const world = await newWorld('filter', ...senders);
	world.iotHub.patchDesired(ownIdentity, routes(toFilter));
	const hub = await startHub(t, world, env);
	await hub.whenReady();
	return { world, hub };
}

/** A connection of the module from an address of its own. */
function replica(t: ExecutionContext, hub: EdgeHub, world: World, address: string) {
	const options = { ...mqttOptions(world, filter), localAddress: address };
	return TestClient.connect(t, hub, options as ReturnType<typeof mqttOptions>);
}

/** Publishes `sender:0`, `sender:1`, … of each sender. */
async function publishAll(t: ExecutionContext, hub: EdgeHub, world: World, count: number) {
	await Promise.all(
		senders.map(async (sender) => {
			const client = await TestClient.connect(t, hub, mqttOptions(world, moduleOf(sender)));
			const topic = `devices/${edgeDeviceId}/modules/${sender}/messages/events/`;
			const texts = Array.from({ length: count }, (_, index) => `${sender}:${index}`);
			await Promise.all(texts.map((text) => client.mqtt.publishAsync(topic, text, { qos: 1 })));
			await client.mqtt.endAsync();
		}),
	);
}

/**
 * Holds what replicas received, in the order in which each did, to the guarantee: everything
 * arrives, and no replica sees a message of a sender after a later one of the same sender.
 */
function assertComplete(t: ExecutionContext, logs: readonly (readonly string[])[], count: number) {
	for (const sender of senders) {
		const seen = logs.map((log) =>
			log.filter((text) => text.startsWith(`${sender}:`)).map((text) => Number(text.split(':')[1])),
		);
		t.is(new Set(seen.flat()).size, count, `all messages of ${sender}`);
		for (const numbers of seen) {
			for (const [index, number] of numbers.entries()) {
				const before = numbers[index - 1];
				if (before !== undefined) t.is(number, before + 1, `the order of ${sender}`);
			}
		}
	}
}

test('replicas of a module share its inputs, in order for each sender, and replace each other', async (t) => {
	const { world, hub } = await runningHub(t);
	const replicas: TestClient[] = [];
	for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) {
		const client = await replica(t, hub, world, address);
		await client.mqtt.subscribeAsync(inputs, { qos: 1 });
		replicas.push(client);
	}
	const [first] = replicas as [TestClient];
	const published = publishAll(t, hub, world, 300);
	await until(() => first.received.length > 50, 'messages to the first replica');
	first.mqtt.stream.destroy();
	const total = () =>
		new Set(replicas.flatMap(({ received }) => received.map(({ text }) => text))).size;
	await until(() => total() === 300 * senders.length, 'all messages at the replicas');
	await published;
	const logs = replicas.map(({ received }) => received.map(({ text }) => text));
	assertComplete(t, logs, 300);
	t.true(logs.every((log) => log.length > 0));
});

test('the same address is the same replica, whose old connection may be half open', async (t) => {
	const { world, hub } = await runningHub(t);
	const old = await replica(t, hub, world, '127.0.0.2');
	await old.mqtt.subscribeAsync(inputs, { qos: 1 });
	const other = await replica(t, hub, world, '127.0.0.3');
	const closed = old.closed();
	const again = await replica(t, hub, world, '127.0.0.2');
	await closed;
	t.true(other.mqtt.connected && again.mqtt.connected);
	// Both have what the session remembers: nobody has subscribed since.
	await publishAll(t, hub, world, 2);
	await until(() => other.received.length + again.received.length === 12, 'all messages');
	t.deepEqual([other.received.length, again.received.length], [6, 6]);
});

test('a hub may let the latest connection of a module take over, as that of a leaf device does', async (t) => {
	const { world, hub } = await runningHub(t, { ModuleReplicas: 'takeover' });
	const old = await replica(t, hub, world, '127.0.0.2');
	const closed = old.closed();
	await replica(t, hub, world, '127.0.0.3');
	await closed;
	const sharing = await runningHub(t);
	const leaf = { deviceId: 'thermometer' };
	sharing.world.iotHub.register(leaf);
	const connect = (localAddress: string) => {
		const options = { ...mqttOptions(sharing.world, leaf), localAddress };
		return TestClient.connect(t, sharing.hub, options as ReturnType<typeof mqttOptions>);
	};
	const leafClosed = (await connect('127.0.0.2')).closed();
	await connect('127.0.0.3');
	await leafClosed;
	t.pass();
});

test('every replica hears of desired properties, also of what it missed while others were there', async (t) => {
	const { world, hub } = await runningHub(t);
	const one = await replica(t, hub, world, '127.0.0.2');
	const two = await replica(t, hub, world, '127.0.0.3');
	for (const { mqtt } of [one, two]) {
		await mqtt.subscribeAsync('$iothub/twin/res/#');
		await mqtt.subscribeAsync('$iothub/twin/PATCH/properties/desired/#');
	}
	for (const each of [one, two]) await each.request('$iothub/twin/GET/?$rid=1', ' ');
	await until(
		() => [...world.iotHub.clients].some(({ identity }) => identity.moduleId === 'filter'),
		'the connection of the module',
	);
	world.iotHub.patchDesired(filter, { a: 1, b: 1 });
	for (const each of [one, two]) t.is((await each.next()).text, '{"a":1,"b":1,"$version":2}');
	await two.mqtt.endAsync();
	world.iotHub.patchDesired(filter, { a: null, c: 2 });
	t.is((await one.next()).text, '{"a":null,"c":2,"$version":3}');
	const back = await replica(t, hub, world, '127.0.0.3');
	t.deepEqual(JSON.parse((await back.next()).text), { a: null, c: 2, $version: 3 });
	world.iotHub.patchDesired(filter, { d: 3 });
	for (const each of [one, back]) t.is((await each.next()).text, '{"d":3,"$version":4}');
});

test('replicas take turns with direct methods, and count as connected while one is', async (t) => {
	const { world, hub } = await runningHub(t);
	const one = await replica(t, hub, world, '127.0.0.2');
	const two = await replica(t, hub, world, '127.0.0.3');
	for (const { mqtt } of [one, two]) await mqtt.subscribeAsync('$iothub/methods/POST/#');
	await until(() => world.iotHub.listensForMethods(filter), 'the method subscription');
	const answers: number[] = [];
	for (const [index, { mqtt }] of [one, two].entries()) {
		mqtt.on('message', (topic) => {
			void mqtt.publishAsync(`$iothub/methods/res/${index}00/?$rid=${topic.split('$rid=')[1]}`, '');
		});
	}
	const reset = {
		name: 'reset',
		payload: {},
		responseTimeoutSeconds: 30,
		connectTimeoutSeconds: 0,
	};
	for (let call = 0; call < 4; call += 1) {
		answers.push((await world.iotHub.callMethod(filter, reset)).status);
	}
	t.deepEqual(answers, [0, 100, 0, 100]);
	const status = () => {
		const { clients } = world.iotHub.reportedOf(ownIdentity) as {
			clients?: Record<string, { status: string }>;
		};
		return clients?.['edge1/filter']?.status;
	};
	await until(() => status() === 'Connected', 'the report of the connection');
	await one.mqtt.endAsync();
	t.is((await world.iotHub.callMethod(filter, reset)).status, 100);
	t.is(status(), 'Connected');
	await two.mqtt.endAsync();
	await until(() => status() === 'Disconnected', 'the report of the end');
});

test('nothing is lost when one of three replicas with the Azure SDK is killed under load', async (t) => {
	t.timeout(60_000);
	const { world, hub } = await runningHub(t);
	const text = [
		`HostName=${hubHostName}`,
		`DeviceId=${edgeDeviceId}`,
		'ModuleId=filter',
		`SharedAccessKey=${keyOf(filter)}`,
		`GatewayHostName=localhost:${hub.mqttPort}`,
	].join(';');
	const program = join(import.meta.dirname, '../support/sdk-replica-process.ts');
	const authority = world.workload.authority.certificate;
	const logs: string[][] = [];
	const processes: ChildProcess[] = [];
	const starts: Promise<void>[] = [];
	for (const address of ['127.0.0.2', '127.0.0.3', '127.0.0.4']) {
		const child = spawn(process.execPath, [program, text, authority, address], {
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		t.teardown(() => child.kill('SIGKILL'));
		const log: string[] = [];
		const ready = Promise.withResolvers<void>();
		createInterface(child.stdout).on('line', (line) => {
			if (line === 'ready') ready.resolve();
			else log.push(line);
		});
		processes.push(child);
		logs.push(log);
		starts.push(ready.promise);
	}
	await Promise.all(starts);
	const published = publishAll(t, hub, world, 300);
	const [killed] = processes as [ChildProcess];
	await until(() => (logs[0]?.length ?? 0) > 50, 'messages to the first replica');
	killed.kill('SIGKILL');
	await once(killed, 'exit');
	await published;
	await until(() => new Set(logs.flat()).size === 300 * senders.length, 'all messages');
	assertComplete(t, logs, 300);
});
