import test, { type ExecutionContext } from 'ava';
import { type ClusterError, errorOfAnswer } from '../../src/cluster/cluster-error.ts';
import { AgentWorld } from '../support/agent-world.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { InterceptedRequest } from '../support/intercepted-client.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { until } from '../support/until.ts';
import { WorkloadHistory } from '../support/workload-history.ts';

const minute = 60_000;
const day = 86_400_000;
const namespace = 'edge';
const deployments = { apiVersion: 'apps/v1', kind: 'Deployment', namespace };
const exposed = { createOptions: { ExposedPorts: { '80/tcp': {} } } };

/** A device whose agent has deployed something and is left in peace. */
async function setUp(t: ExecutionContext, modules = { steady: exposed, edited: {}, deleted: {} }) {
	const cluster = new MemoryCluster();
	const clock = new FakeClock();
	const world = new AgentWorld({ cluster, namespace, clock });
	const requests: (InterceptedRequest & { readonly at: number })[] = [];
	const trouble = {
		/** The error that a request to the cluster meets. */
		cluster: (_request: InterceptedRequest): ClusterError | undefined => undefined,
	};
	world.deploy({ modules });
	const agent = await world.agent(async (request, send) => {
		requests.push({ ...request, at: clock.monotonic() });
		const error = isOfHub(request) ? undefined : trouble.cluster(request);
		if (error !== undefined) throw error;
		return send();
	});
	t.teardown(() => agent.stop({ report: false }));
	await agent.start();
	const settled = () => agent.status?.code === 200;
	await until(async () => {
		await clock.advance(1000);
		return settled() && agent.status?.desiredVersion === world.twin.desired['$version'];
	});
	await clock.advance(minute);
	const has = async (name: string) => {
		return (await cluster.get({ ...deployments, name })) !== undefined;
	};
	const imageOf = async (name: string): Promise<unknown> => {
		const found = await cluster.get({ ...deployments, name });
		return JSON.stringify(found?.spec).match(/"image":"([^"]*)"/)?.[1];
	};
	return { cluster, clock, world, agent, trouble, requests, settled, has, imageOf };
}

type Setting = Awaited<ReturnType<typeof setUp>>;

function isOfHub({ what }: InterceptedRequest): boolean {
	return /twin|report|module/.test(what);
}

function answer(status: number, retryAfter?: string): ClusterError {
	return errorOfAnswer(status, `{"message":"status ${status}"}`, 'test', retryAfter);
}

/** Somebody takes one module away and changes another. */
async function vandalise({ cluster }: Setting): Promise<void> {
	await cluster.delete({ ...deployments, name: 'deleted' });
	const template = { spec: { enableServiceLinks: true } };
	await cluster.patch({ ...deployments, name: 'edited' }, { spec: { template } });
}

/** What happens for how long, and what ends it. */
const faults: Record<string, { begin: (setting: Setting) => void; lasts: number }> = {
	'somebody who edits and deletes': { begin: () => {}, lasts: 0 },
	'watches that are cut': { begin: ({ cluster }) => cluster.cutWatches(), lasts: 1000 },
	'watches that are cut every second': {
		begin: ({ cluster, clock }) => {
			for (let second = 1; second <= 60; second += 1) {
				clock.after(second * 1000, () => cluster.cutWatches());
			}
		},
		lasts: minute,
	},
	'a history that is gone (410)': {
		begin: ({ cluster }) => {
			cluster.compact();
			cluster.cutWatches();
		},
		lasts: 1000,
	},
	'an API server that is away for a minute': {
		begin: ({ cluster, trouble }) => {
			trouble.cluster = () => answer(0);
			cluster.cutWatches();
		},
		lasts: minute,
	},
	'an API server that is asked too much (429)': {
		begin: ({ cluster, trouble }) => {
			trouble.cluster = () => answer(429, '20');
			cluster.cutWatches();
		},
		lasts: 2 * minute,
	},
	'an API server that fails most of the time (500, 503)': {
		begin: ({ cluster, trouble }) => {
			let count = 0;
			trouble.cluster = () => {
				count += 1;
				return count % 4 === 0 ? undefined : answer(count % 2 === 0 ? 500 : 503);
			};
			cluster.cutWatches();
		},
		lasts: 5 * minute,
	},
	'a token that the API server does not take for a while (401)': {
		begin: ({ cluster, trouble }) => {
			trouble.cluster = () => answer(401);
			cluster.cutWatches();
		},
		lasts: minute,
	},
	'an IoT Hub that is away for a day': {
		begin: ({ world }) => world.disconnect(),
		lasts: day,
	},
	'a clock that jumps ahead by a year': { begin: ({ clock }) => clock.jump(365 * day), lasts: 0 },
	'a clock that jumps back by a year': { begin: ({ clock }) => clock.jump(-365 * day), lasts: 0 },
};

for (const [name, { begin, lasts }] of Object.entries(faults)) {
	test(`heals by itself: ${name}`, async (t) => {
		const setting = await setUp(t);
		const { cluster, clock, world, trouble, settled, has, imageOf } = setting;
		begin(setting);
		const history = await WorkloadHistory.begin(cluster, namespace);
		await vandalise(setting);
		await clock.advance(lasts);
		trouble.cluster = () => undefined;
		world.connect();
		await clock.advance(2 * minute);
		t.true(await has('deleted'), 'what was deleted is back');
		const edited = await cluster.get({ ...deployments, name: 'edited' });
		t.true(JSON.stringify(edited?.spec).includes('"enableServiceLinks":false'), 'repaired');
		t.true(settled());
		world.deploy({ modules: { steady: exposed, edited: { image: 'example.azurecr.io/m:2' } } });
		await clock.advance(2 * minute);
		t.is(await imageOf('edited'), 'example.azurecr.io/m:2');
		t.false(await has('deleted'));
		// One repair and one update; what nobody touched was not touched.
		t.deepEqual(await history.faults(['edgehub', 'steady', 'edited'], { edited: 3 }), []);
	});
}

test('asks no sooner than an API server wants that is asked too much', async (t) => {
	const { cluster, clock, trouble, requests } = await setUp(t);
	trouble.cluster = () => answer(429, '20');
	requests.length = 0;
	cluster.cutWatches();
	await clock.advance(2 * minute);
	const asked = Map.groupBy(requests, ({ what }) => what);
	t.true(asked.size > 0);
	for (const [what, times] of asked) {
		const gaps = times.slice(1).map(({ at }, index) => at - (times[index]?.at ?? 0));
		t.true(Math.min(...gaps) >= 20_000, `${what}: ${gaps.join(' ')}`);
	}
});

test('with 50 modules at rest it writes nothing in ten minutes, and reads little', async (t) => {
	const names = Array.from({ length: 50 }, (_, index) => `module${index}`);
	const modules = Object.fromEntries(names.map((name) => [name, exposed]));
	const { clock, requests } = await setUp(t, modules as never);
	requests.length = 0;
	await clock.advance(10 * minute);
	t.deepEqual(
		requests.filter(({ isWrite }) => isWrite).map(({ what }) => what),
		[],
	);
	// Each kind is listed and watched anew once.
	const reads = requests.map(({ what }) => what);
	t.true(reads.length <= 24, reads.join(', '));
});
