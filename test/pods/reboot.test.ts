import test from 'ava';
import { InstalledEdge, podPatience } from '../support/installed-edge.ts';
import { RealNode } from '../support/real-node.ts';
import { until } from '../support/until.ts';

let node: RealNode;
let edge: InstalledEdge;

test.before(async (t) => {
	t.timeout(600_000);
	node = await RealNode.start();
	edge = await InstalledEdge.install(node);
});

test.after('the agent was refused nothing', async (t) => {
	t.deepEqual(await node.refusedRequests(), []);
});

test.after.always(async () => {
	await edge?.[Symbol.asyncDispose]();
	await node?.[Symbol.asyncDispose]();
});

test.serial(
	'after a power cut and with no cloud, all modules start and their messages wait',
	async (t) => {
		const modules = ['SimulatedTemperatureSensor', 'temperature-filter', 'edgehub', 'edgeagent'];
		const [last] = await edge.receives('temperature-filter', 1);
		const { nextSequenceNumber } = edge.emulator.telemetry;
		const before = await edge.lives(...modules);
		await edge.emulator.stop();
		await node.reboot();
		await until(
			async () => {
				const now = await edge.lives(...modules);
				return now.every((life, index) => JSON.stringify(life) !== JSON.stringify(before[index]));
			},
			'new containers of all modules',
			podPatience,
		);
		await edge.writes('SimulatedTemperatureSensor', 'Sent reading 3.');

		// Kubernetes starts pods that are there; what is not there the agent makes, from what it has kept.
		const { admin, namespace } = edge;
		const name = 'simulatedtemperaturesensor';
		const [old] = await edge.readyPods('SimulatedTemperatureSensor');
		await admin.delete({ apiVersion: 'apps/v1', kind: 'Deployment', namespace, name });
		await until(
			async () => {
				const pods = await edge.podsOf('SimulatedTemperatureSensor');
				return pods.some(({ metadata }) => metadata.uid !== old?.metadata.uid);
			},
			'another pod of the sensor',
			podPatience,
		);
		await edge.writes('SimulatedTemperatureSensor', 'Sent reading 3.');

		await edge.emulator.start();
		const batches = new Set<string | undefined>([last?.properties['batchId']]);
		await until(
			async () => {
				const received = await edge.receives('temperature-filter', 1, nextSequenceNumber);
				for (const { properties } of received) batches.add(properties['batchId']);
				// Before the power cut, after it, and of the pod that the agent made.
				return batches.size === 3;
			},
			'messages from the time without a cloud',
			podPatience,
		);
		await edge.reported('SimulatedTemperatureSensor', 'running');
		t.is(batches.size, 3);
	},
);
