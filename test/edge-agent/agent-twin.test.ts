import test, { type ExecutionContext } from 'ava';
import { DesiredProperties } from '../../src/edge-agent/twin/desired-properties.ts';
import { reportedDocument } from '../../src/edge-agent/twin/reported-document.ts';
import { ReportedProperties } from '../../src/edge-agent/twin/reported-properties.ts';
import { parseDeployment } from '../../src/manifest/deployment-parser.ts';
import { validateReportedPatch } from '../../src/protocol/twin-validation.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeIotHubClient } from '../support/fake-iot-hub-client.ts';

const logger = silentLogger;

async function followed(t: ExecutionContext) {
	const clock = new FakeClock();
	const client = new FakeIotHubClient();
	client.twin.desired = { a: 1, b: { c: 2 }, $version: 5 };
	const seen: JsonObject[] = [];
	const reported: JsonObject[] = [];
	const desired = new DesiredProperties({
		client,
		refreshInterval: 3_600_000,
		onDesired: (properties) => seen.push(properties),
		onReported: (properties) => reported.push(properties),
		clock,
		logger,
	});
	await desired.start();
	t.teardown(() => desired.stop());
	return { clock, client, desired, seen, reported };
}

test('the twin is read when there is a connection, not before', async (t) => {
	const { clock, client, seen, reported } = await followed(t);
	await clock.advance(100);
	t.is(client.reads, 0);
	client.enter({ kind: 'connected' });
	await clock.advance(0);
	t.deepEqual(seen, [{ a: 1, b: { c: 2 }, $version: 5 }]);
	t.is(reported.length, 1);
});

test('a patch that continues the known version is merged, nulls delete', async (t) => {
	const { clock, client, seen } = await followed(t);
	client.enter({ kind: 'connected' });
	await clock.advance(0);
	client.pushDesired({ a: null, b: { d: 3 }, $version: 6 });
	t.deepEqual(seen.at(-1), { b: { c: 2, d: 3 }, $version: 6 });
	await clock.advance(0);
	t.is(client.reads, 1);
});

for (const version of [5, 4, 7]) {
	test(`a patch of version ${version} after 5 makes the twin be read`, async (t) => {
		const { clock, client, seen } = await followed(t);
		client.enter({ kind: 'connected' });
		await clock.advance(0);
		client.twin.desired = { whole: true, $version: 9 };
		client.pushDesired({ a: 9, $version: version });
		await clock.advance(0);
		t.is(client.reads, 2);
		t.deepEqual(seen.at(-1), { whole: true, $version: 9 });
		t.is(seen.length, 2);
	});
}

test('a twin that a patch has overtaken is read again', async (t) => {
	const { clock, client, seen } = await followed(t);
	client.enter({ kind: 'connected' });
	await clock.advance(0);
	client.before = async () => {
		client.before = async () => {};
		client.pushDesired({ a: 6, $version: 6 });
		client.twin.desired = { a: 6, b: { c: 2 }, $version: 6 };
	};
	await clock.advance(3_600_000);
	t.is(client.reads, 3);
	t.deepEqual(
		seen.map((properties) => properties['$version']),
		[5, 6],
	);
});

test('the same twin again is no news', async (t) => {
	const { clock, client, seen } = await followed(t);
	client.enter({ kind: 'connected' });
	await clock.advance(3_600_000 * 3);
	t.is(client.reads, 4);
	t.is(seen.length, 1);
});

test('a read that fails is repeated; a connection that comes and goes is not chased', async (t) => {
	const { clock, client, seen } = await followed(t);
	client.before = async () => {
		throw new Error('timeout');
	};
	client.enter({ kind: 'connected' });
	await clock.advance(0);
	t.is(seen.length, 0);
	client.before = async () => {};
	await clock.advance(3000);
	t.is(seen.length, 1);
	const { reads } = client;
	for (let index = 0; index < 5; index += 1) {
		client.enter({ kind: 'disconnected', reason: 'cut' });
		client.enter({ kind: 'connected' });
		await clock.advance(1000);
	}
	t.is(client.reads, reads);
	await clock.advance(30_000);
	t.is(client.reads, reads + 1);
});

test('stop ends everything', async (t) => {
	const { clock, client, desired } = await followed(t);
	client.enter({ kind: 'connected' });
	await clock.advance(0);
	await desired.stop();
	client.pushDesired({ a: 9, $version: 9 });
	await clock.advance(10_000_000);
	t.is(client.reads, 1);
	t.is(clock.pending, 0);
});

async function reporting(t: ExecutionContext, minInterval = 2000) {
	const clock = new FakeClock();
	const client = new FakeIotHubClient();
	const reported = new ReportedProperties({ client, minInterval, clock, logger });
	await reported.start();
	t.teardown(() => reported.stop());
	return { clock, client, reported };
}

test('nothing is reported before the twin is known; then only the difference', async (t) => {
	const { clock, client, reported } = await reporting(t);
	client.enter({ kind: 'connected' });
	reported.report({ kept: 1, changed: { x: 2, y: 3 } });
	await clock.advance(5000);
	t.deepEqual(client.patches, []);
	reported.observe({ kept: 1, changed: { x: 1, y: 3 }, stale: [1], $version: 7, $metadata: {} });
	await clock.advance(5000);
	t.deepEqual(client.patches, [{ changed: { x: 2 }, stale: null }]);
});

test('many changes in a row become few patches, the last one with the last state', async (t) => {
	const { clock, client, reported } = await reporting(t);
	client.enter({ kind: 'connected' });
	reported.observe({});
	await clock.advance(0);
	for (let value = 0; value < 100; value += 1) {
		reported.report({ value });
		await clock.advance(100);
	}
	await clock.advance(10_000);
	t.true(client.patches.length <= 7);
	t.deepEqual(client.patches.at(-1), { value: 99 });
});

test('a patch that fails is sent again with what has changed since', async (t) => {
	const { clock, client, reported } = await reporting(t, 0);
	client.enter({ kind: 'connected' });
	reported.observe({});
	client.before = async () => {
		throw new Error('throttled');
	};
	reported.report({ a: 1 });
	await clock.advance(0);
	client.before = async () => {};
	reported.report({ a: 1, b: 2 });
	await clock.advance(10_000);
	t.deepEqual(client.patches, [{ a: 1, b: 2 }]);
});

test('what changes without a connection is sent with the next one', async (t) => {
	const { clock, client, reported } = await reporting(t, 0);
	reported.observe({ a: 1 });
	reported.report({ a: 2 });
	await clock.advance(1000);
	t.deepEqual(client.patches, []);
	client.enter({ kind: 'connected' });
	await clock.advance(0);
	t.deepEqual(client.patches, [{ a: 2 }]);
	client.enter({ kind: 'connected' });
	await clock.advance(5000);
	t.is(client.patches.length, 1);
});

function deploymentOf(modules: JsonObject) {
	const image = { type: 'docker', settings: { image: 'i', createOptions: '' } };
	const { deployment, problems } = parseDeployment({
		schemaVersion: '1.1',
		runtime: {
			type: 'docker',
			settings: {
				minDockerVersion: 'v1.25',
				registryCredentials: { r: { address: 'a.io', username: 'u', password: 'pass-word' } },
			},
		},
		systemModules: {
			edgeAgent: image,
			edgeHub: { ...image, status: 'running', restartPolicy: 'always' },
		},
		modules,
		$version: 3,
	});
	if (deployment === undefined) throw new Error(JSON.stringify(problems));
	return deployment;
}

const base = {
	code: 200,
	description: '',
	agent: { image: 'iotedge-k8s:1.2.3', startedAt: '2026-01-01T00:00:00Z' },
	programVersion: '1.2.3',
	platform: { os: 'linux', architecture: 'x64' },
} as const;

test('the report has the form of Azure IoT Edge and holds no password', (t) => {
	const createOptions = JSON.stringify({ Labels: { long: 'x'.repeat(700) } });
	const deployment = deploymentOf({
		filter: {
			type: 'docker',
			version: '1.0',
			status: 'running',
			restartPolicy: 'always',
			settings: { image: 'filter:1', createOptions },
			env: { A: { value: 'b' } },
		},
	});
	const document = reportedDocument({
		...base,
		desiredVersion: 3,
		deployment,
		modules: new Map([
			[
				'filter',
				{
					name: 'filter',
					runtimeStatus: 'backoff',
					statusDescription: 'It ends again and again.',
					exitCode: 1,
					lastStartTimeUtc: '2026-01-01T00:00:00Z',
					restartCount: 4,
					readyReplicas: 0,
					replicas: 1,
				},
			],
		]),
	});
	t.like(document, {
		lastDesiredVersion: 3,
		lastDesiredStatus: { code: 200 },
		runtime: { settings: { minDockerVersion: 'v1.25' } },
		systemModules: { edgeHub: { runtimeStatus: 'unknown', restartCount: 0 } },
		modules: {
			filter: {
				env: { A: { value: 'b' } },
				runtimeStatus: 'backoff',
				exitCode: 1,
				restartCount: 4,
				lastExitTimeUtc: '0001-01-01T00:00:00Z',
			},
		},
	});
	const { settings } = (document['modules'] as Record<string, JsonObject>)['filter'] as {
		settings: JsonObject;
	};
	const chunks = [settings['createOptions'], settings['createOptions01']].join('');
	t.is(chunks, createOptions);
	t.is(
		(document['systemModules'] as Record<string, JsonObject>)['edgeAgent']?.['status'],
		undefined,
	);
	t.false(JSON.stringify(document).includes('pass-word'));
	t.deepEqual(validateReportedPatch(document), []);
});

test('a report that a twin cannot hold loses what repeats the deployment', (t) => {
	const modules: JsonObject = {};
	for (let index = 0; index < 40; index += 1) {
		modules[`module${index}`] = {
			type: 'docker',
			status: 'running',
			restartPolicy: 'always',
			settings: { image: 'i', createOptions: JSON.stringify({ Hostname: 'x'.repeat(600) }) },
		};
	}
	const document = reportedDocument({
		...base,
		code: 500,
		description: 'ä'.repeat(5000),
		deployment: deploymentOf(modules),
		modules: new Map(),
	});
	t.deepEqual(validateReportedPatch(document), []);
	t.is(Object.keys(document['modules'] as JsonObject).length, 40);
	const { description } = document['lastDesiredStatus'] as JsonObject;
	t.regex(String(description), /^ä+…$/);
});
