import test, { type ExecutionContext } from 'ava';
import { ClusterError } from '../../src/cluster/cluster-error.ts';
import { ModuleAvailability } from '../../src/edge-agent/metrics/module-availability.ts';
import { PrometheusAgentMetrics } from '../../src/edge-agent/metrics/prometheus-agent-metrics.ts';
import { StatusCounter } from '../../src/edge-agent/metrics/status-counter.ts';
import { Reconciler } from '../../src/edge-agent/reconcile.ts';
import { HubNetwork } from '../../src/iot-hub-client/hub-network.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MonitoringServer } from '../../src/runtime/monitoring-server.ts';
import { desiredState, namespace, pod } from '../support/desired-state.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

async function setUp(t: ExecutionContext) {
	const clock = new FakeClock();
	const cluster = new MemoryCluster();
	const metrics = new PrometheusAgentMetrics({
		version: '1.2.3',
		gauges: () => reconciler,
		network: new HubNetwork(),
		clock,
	});
	metrics.identify({ hostName: 'h.azure-devices.net', deviceId: 'edge1' });
	const common = { client: cluster, namespace, deviceId: 'device', clock, logger: silentLogger };
	const reconciler: Reconciler = new Reconciler({ ...common, metrics });
	t.teardown(() => reconciler.stop());
	await reconciler.start();
	const state = desiredState(1, [{ name: 'a' }]);
	const counter = new StatusCounter(metrics, clock);
	reconciler.onStatus((status) => counter.observe(status, state.deployment));
	/** Value of the first line that begins so. */
	const value = async (start: string) => {
		const line = (await metrics.page()).split('\n').find((each) => each.startsWith(start));
		return line === undefined ? undefined : Number(line.split(' ').at(-1));
	};
	return { clock, cluster, metrics, reconciler, state, value };
}

function status(startedAt: string, ready: boolean) {
	const state = { running: { startedAt } };
	return {
		phase: 'Running',
		conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
		containerStatuses: [{ name: 'a', ready, restartCount: 0, state }],
	};
}

test('bytes to and from IoT Hub are counted', async (t) => {
	const { value } = await setUp(t);
	for (const protocol of ['mqtt', 'https']) {
		for (const direction of ['sent', 'received']) {
			const labels = `{protocol="${protocol}",direction="${direction}"`;
			t.is(await value(`edgeAgent_upstream_bytes_total${labels}`), 0);
		}
	}
});

test('time that modules run is counted against the time that they should', async (t) => {
	const { clock, cluster, reconciler, state, value } = await setUp(t);
	reconciler.setDesired(state);
	await clock.advance(60_000);
	t.is(await value('edgeAgent_total_time_running_correctly_seconds{module_name="a"'), 0);
	await cluster.create(pod('a', 'a-1', status('2026-01-01T00:01:00Z', true)));
	await clock.advance(120_000);
	const running = await value('edgeAgent_total_time_running_correctly_seconds{module_name="a"');
	t.true(Math.abs((running ?? 0) - 120) < 1);
	const expected = await value('edgeAgent_total_time_expected_running_seconds{module_name="a"');
	t.is(expected, 180);
	t.is(await value('edgeAgent_module_start_total{module_name="a"'), 1);
});

test('writes, repairs, passes and failures are counted', async (t) => {
	const { clock, cluster, reconciler, state, value } = await setUp(t);
	reconciler.setDesired(state);
	await clock.advance(1000);
	t.is(
		await value('edgeAgent_writes_total{operation="create",kind="Deployment",result="success"'),
		1,
	);
	t.true(((await value('edgeAgent_reconciles_total{result="success"')) ?? 0) > 0);
	t.is(await value('edgeAgent_failed_writes{'), 0);
	const reference = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a', namespace };
	await cluster.patch(reference, { spec: { replicas: 5 } });
	await clock.advance(1000);
	t.is(await value('edgeAgent_drift_repaired_total{kind="Deployment"'), 1);
	cluster.fault = (operation) =>
		operation === 'apply'
			? new ClusterError('EDGE_CLUSTER_FORBIDDEN', 'It is forbidden.', { status: 403 })
			: undefined;
	reconciler.setDesired(desiredState(2, [{ name: 'a' }, { name: 'b' }]));
	await clock.advance(1000);
	t.true(((await value('edgeAgent_failed_writes{')) ?? 0) > 0);
	t.true(((await value('edgeAgent_watch_staleness_seconds{')) ?? 1e9) < 10);
});

test('the page has the labels of Azure IoT Edge, also while the agent stands by', async (t) => {
	const metrics = new PrometheusAgentMetrics({
		version: '1.2.3',
		gauges: () => undefined,
		clock: new FakeClock(),
	});
	metrics.identify({ hostName: 'h.azure-devices.net', deviceId: 'edge1' });
	metrics.synced(true);
	metrics.synced(false);
	metrics.methodInvoked('ping');
	metrics.deployed(12);
	const page = await metrics.page();
	const labels =
		'iothub="h.azure-devices.net",edge_device="edge1",instance_number="[^"]+",ms_telemetry="True"';
	t.regex(page, new RegExp(`^edgeAgent_iothub_syncs_total\\{${labels}\\} 2$`, 'm'));
	t.regex(page, /^edgeAgent_unsuccessful_iothub_syncs_total\{.*\} 1$/m);
	t.regex(page, /^edgeagent_direct_method_invocations_count\{method_name="ping",.*\} 1$/m);
	t.regex(page, /^edgeAgent_metadata\{edge_agent_version="1\.2\.3",.*\} 0$/m);
	t.regex(page, /^edgeAgent_deployment_time_seconds\{quantile="0\.5",.*\} 12$/m);
	t.regex(page, /^edgeAgent_leader\{.*\} 0$/m);
});

test('a module that does not become ready turns unhealthy without any event', async (t) => {
	const { clock, cluster, reconciler, state } = await setUp(t);
	reconciler.setDesired(state);
	await cluster.create(pod('a', 'a-1', status('2026-01-01T00:00:00Z', false)));
	await clock.advance(50_000);
	const module = () => reconciler.status().modules.get('a')?.runtimeStatus;
	t.is(module(), 'running');
	const writes = cluster.writes.length;
	await clock.advance(15_000);
	t.is(module(), 'unhealthy');
	t.is(cluster.writes.length, writes);
});

test('a pass that gets no answer shows as lag, an absent API server as staleness alone', async (t) => {
	const { clock, cluster, reconciler, state } = await setUp(t);
	await clock.advance(1000);
	cluster.fault = (operation) => {
		if (operation === 'list' || operation === 'watch') {
			return new ClusterError('EDGE_CLUSTER_UNREACHABLE', 'It is away.');
		}
		return undefined;
	};
	cluster.cutWatches();
	await clock.advance(1_800_000);
	t.true(reconciler.staleness > 1_700_000);
	t.true(reconciler.idleness < 60_000);
	t.is(reconciler.lag, 0);
	cluster.apply = (_object, _options, signal?: AbortSignal) =>
		new Promise((_, reject) => {
			signal?.addEventListener('abort', () => reject(signal.reason));
		});
	reconciler.setDesired(state);
	await clock.advance(1_800_000);
	t.true(reconciler.lag > 1_700_000);
});

test('a module that leaves the deployment leaves the accounts', (t) => {
	const availability = new ModuleAvailability();
	const wanted = (name: string) => ({ name, version: '1', running: true });
	const status = {
		code: 200,
		description: '',
		modules: new Map(),
		problems: [],
		failedRollouts: [],
		held: [],
		settled: true,
	} as const;
	availability.observe(status, [wanted('a'), wanted('b')], 0);
	availability.observe(status, [wanted('b')], 5000);
	t.deepEqual(
		[...availability.read(7000)].map(([name, { expected }]) => [name, expected]),
		[['b', 7]],
	);
});

test('health, readiness and metrics are served, others not', async (t) => {
	let fault: string | undefined;
	const server = new MonitoringServer({
		port: 0,
		host: '127.0.0.1',
		page: async () => 'a 1\n',
		fault: () => fault,
		ready: () => false,
		logger: silentLogger,
	});
	await server.start();
	t.teardown(() => server.stop());
	const get = async (path: string) => {
		const response = await fetch(`http://127.0.0.1:${server.port}${path}`);
		return [response.status, await response.text()];
	};
	t.deepEqual(await get('/healthz'), [200, 'ok\n']);
	fault = 'It is stuck.';
	t.deepEqual(await get('/healthz'), [503, 'It is stuck.\n']);
	t.deepEqual(await get('/readyz'), [503, 'not ready\n']);
	t.deepEqual(await get('/metrics?x=1'), [200, 'a 1\n']);
	t.deepEqual(await get('/'), [404, 'not found\n']);
});
