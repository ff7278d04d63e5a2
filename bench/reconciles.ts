/**
 * The heap of the control loop over many passes: `node --expose-gc bench/reconciles.ts [passes]`. Every
 * pass has a reason: the status of a pod changes, and every tenth time somebody edits a Deployment.
 */
import type { KubernetesObject } from '../src/cluster/kubernetes-object.ts';
import { noMetrics } from '../src/edge-agent/metrics/agent-metrics.ts';
import { Reconciler } from '../src/edge-agent/reconcile.ts';
import { silentLogger } from '../src/runtime/logger.ts';
import { desiredStateOf, deviceId } from '../test/support/edge-deployment.ts';
import { FakeClock } from '../test/support/fake-clock.ts';
import { MemoryCluster } from '../test/support/memory-cluster.ts';

const moduleCount = 50;
const passes = Number(process.argv[2] ?? 10_000);
const steps = 10;

const cluster = new MemoryCluster();
const clock = new FakeClock();
const namespace = 'edge';
const names = Array.from({ length: moduleCount }, (_, index) => `module${index}`);
const exposed = { createOptions: { ExposedPorts: { '80/tcp': {} } } };
const modules = Object.fromEntries(names.map((name) => [name, exposed]));
let reconciled = 0;
const reconciler = new Reconciler({
	client: cluster,
	namespace,
	deviceId,
	clock,
	logger: silentLogger,
	metrics: {
		...noMetrics,
		reconciled: () => {
			reconciled += 1;
		},
	},
});
reconciler.setDesired(desiredStateOf({ modules }, { namespace }));
await reconciler.start();
await clock.advance(5000);
for (const name of names) await cluster.create(podOf(name));

let written = 0;
process.stdout.write('passes  writes  heap MiB\n');
for (let step = 0; step <= steps; step += 1) {
	globalThis.gc?.();
	const heap = (process.memoryUsage().heapUsed / 2 ** 20).toFixed(1);
	process.stdout.write(
		`${String(reconciled).padStart(6)}  ${String(written).padStart(6)}  ${heap.padStart(8)}\n`,
	);
	const end = ((step + 1) * passes) / steps;
	while (step < steps && reconciled < end) await disturb(reconciled);
}
await reconciler.stop();

async function disturb(turn: number): Promise<void> {
	const name = names[turn % names.length] ?? '';
	const pod = { apiVersion: 'v1', kind: 'Pod', namespace, name };
	cluster.setStatus(pod, { phase: turn % 2 === 0 ? 'Running' : 'Pending' });
	if (turn % 10 === 0) {
		const workload = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name };
		await cluster.patch(workload, { spec: { replicas: 7 } });
	}
	await clock.advance(1000);
	// The double remembers every change and every Event; a server forgets them in time.
	if (turn % 500 === 499) await forget();
	written += cluster.writes.splice(0).length;
}

async function forget(): Promise<void> {
	for (const { metadata } of cluster.all('Event')) {
		await cluster.delete({ apiVersion: 'v1', kind: 'Event', namespace, name: metadata.name });
	}
	cluster.compact();
}

function podOf(name: string): KubernetesObject {
	const labels = {
		'net.azure-devices.edge.module': name,
		'net.azure-devices.edge.deviceid': 'edge-1',
	};
	return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec: {} };
}
