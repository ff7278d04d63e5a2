import test, { type ExecutionContext } from 'ava';
import { stoppedDocument } from '../../src/edge-agent/twin/stopped-document.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { deviceAgent } from '../support/device-agent.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeIotHubClient } from '../support/fake-iot-hub-client.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';

async function runningAgent(t: ExecutionContext) {
	const client = new FakeIotHubClient();
	const image = { type: 'docker', settings: { image: 'x', createOptions: '{}' } };
	client.twin.desired = {
		schemaVersion: '1.1',
		runtime: { type: 'docker', settings: { minDockerVersion: 'v1.25' } },
		systemModules: {
			edgeAgent: image,
			edgeHub: { ...image, status: 'running', restartPolicy: 'always' },
		},
		modules: { filter: { ...image, version: '1', status: 'running', restartPolicy: 'always' } },
		$version: 4,
	};
	const env = {
		IOTEDGE_CONNECTION_STRING: 'HostName=h.azure-devices.net;DeviceId=edge1;SharedAccessKey=a2V5',
		NAMESPACE: 'edge',
		WORKLOAD_PORT: '0',
	};
	const clock = new FakeClock();
	const agent = await deviceAgent(env, {
		cluster: new MemoryCluster(),
		clock,
		logger: silentLogger,
		version: '1',
		kubernetesVersion: async () => 'v1.34.1',
		connectHub: () => client,
		registry: {
			listModules: async () => [],
			createModule: async () => {
				throw new Error('not now');
			},
			setModuleKeys: async () => {
				throw new Error('not now');
			},
			deleteModule: async () => false,
			close: () => {},
		},
	});
	t.teardown(async () => {
		const stopped = agent.stop();
		await clock.advance(10_000);
		await stopped;
	});
	const started = agent.start();
	await clock.advance(0);
	await started;
	client.enter({ kind: 'connected' });
	await clock.advance(20_000);
	return { agent, client, clock };
}

test('an agent that stops reports so, and leaves all else as it was', async (t) => {
	const { agent, client } = await runningAgent(t);
	const before = structuredClone(client.twin.reported);
	t.like(before, { runtime: { platform: { kubernetes: 'v1.34.1' } }, lastDesiredVersion: 4 });
	await agent.stop();
	t.deepEqual(client.twin.reported['lastDesiredStatus'], {
		code: 406,
		description: 'Agent is not running',
	});
	const last = client.patches.at(-1) ?? {};
	t.true(JSON.stringify(last).length < 300, JSON.stringify(last));
	t.deepEqual(client.twin.reported, stoppedDocument(before));
});

test('an agent that gives way to another one reports nothing', async (t) => {
	const { agent, client } = await runningAgent(t);
	const { length } = client.patches;
	await agent.stop({ report: false });
	t.is(client.patches.length, length);
});

test('a hub that does not answer delays the end by three seconds at most', async (t) => {
	const { agent, client, clock } = await runningAgent(t);
	client.before = () => new Promise(() => {});
	let ended = false;
	const stopped = agent.stop().then(() => {
		ended = true;
	});
	await clock.advance(2_900);
	t.false(ended);
	await clock.advance(200);
	await Promise.race([stopped, new Promise((resolve) => setTimeout(resolve, 1000))]);
	t.true(ended);
});

test('only states and the status of the deployment change', (t) => {
	const module = { runtimeStatus: 'running', statusDescription: 'Started.', exitCode: 0 };
	const document: JsonObject = {
		lastDesiredVersion: 3,
		lastDesiredStatus: { code: 200 },
		systemModules: { edgeHub: module },
		modules: { a: { ...module, runtimeStatus: 'backoff' } },
	};
	t.deepEqual(stoppedDocument(document), {
		lastDesiredVersion: 3,
		lastDesiredStatus: { code: 406, description: 'Agent is not running' },
		systemModules: { edgeHub: { ...module, runtimeStatus: 'unknown' } },
		modules: { a: { ...module, runtimeStatus: 'unknown' } },
	});
});
