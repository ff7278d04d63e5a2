import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { connect } from 'node:tls';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import { loadKubeconfig } from '../../src/cluster/kubeconfig.ts';
import type { ServiceStatus } from '../../src/local-cluster/workloads/service.ts';
import {
	formatConnectionString,
	parseConnectionString,
} from '../../src/protocol/connection-string.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { DevelopmentEdge } from '../support/development-edge.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const project = resolve(import.meta.dirname, '../..');
const device = 'edge-device';

async function call(edge: DevelopmentEdge, request: object): Promise<JsonObject> {
	const script = resolve(import.meta.dirname, '../support/service-call.ts');
	const env = { ...process.env, ...(await edge.environment()) };
	const { stdout } = await run(process.execPath, [script, JSON.stringify(request)], { env });
	return JSON.parse(stdout);
}

async function sampleManifest(): Promise<{ modulesContent: Record<string, JsonObject> }> {
	const path = join(project, 'deployments/simulated-temperature.json');
	return JSON.parse(await readFile(path, 'utf8'));
}

/** Names in the certificate at the port of the edge hub that this machine publishes. */
async function namesOfPublishedHub(state: string): Promise<string> {
	const client = new HttpClusterClient(await loadKubeconfig(join(state, 'kubeconfig')));
	const service = { apiVersion: 'v1', kind: 'Service', namespace: 'iotedge', name: 'edgehub' };
	const status = (await client.get(service))?.['status'] as ServiceStatus | undefined;
	client.close();
	const socket = connect({
		host: '127.0.0.1',
		port: status?.loadBalancer?.ingress?.[0]?.ports?.[0]?.port ?? 0,
		rejectUnauthorized: false,
	});
	await once(socket, 'secureConnect');
	const { subjectaltname = '' } = socket.getPeerCertificate();
	socket.destroy();
	return subjectaltname;
}

/** Gives the device other keys in IoT Hub and in its Secret, while everything runs. */
async function rollKeys(edge: DevelopmentEdge, state: string): Promise<void> {
	const [primary, secondary] = [randomBytes(32), randomBytes(32)].map((key) =>
		key.toString('base64'),
	);
	await call(edge, { call: 'roll-keys', deviceId: device, keys: [primary, secondary] });
	const client = new HttpClusterClient(await loadKubeconfig(join(state, 'kubeconfig')));
	const secret = { apiVersion: 'v1', kind: 'Secret', namespace: 'iotedge', name: 'iotedge-device' };
	const { connectionString = '' } = ((await client.get(secret))?.['data'] ?? {}) as Record<
		string,
		string
	>;
	const { hostName, deviceId } = parseConnectionString(
		Buffer.from(connectionString, 'base64').toString(),
	);
	const next = formatConnectionString({
		hostName,
		deviceId: deviceId ?? '',
		sharedAccessKey: secondary ?? '',
	});
	await client.patch(secret, { stringData: { connectionString: next } });
	client.close();
}

/** Processes whose command line names the state folder. */
async function processesOf(state: string): Promise<string[]> {
	const { stdout } = await run('ps', ['-eo', 'pid=,args=']);
	return stdout.split('\n').filter((line) => line.includes(state) && !line.includes('ps -eo'));
}

async function edgeOf(
	t: ExecutionContext,
	manifest: string,
	state: string,
): Promise<DevelopmentEdge> {
	const edge = new DevelopmentEdge(manifest, state);
	t.teardown(() => edge.kill());
	return edge;
}

/** A module as a newcomer writes it: a folder with a package.json and a few lines of SDK code. */
async function writeModule(folder: string, name: string, code: string): Promise<void> {
	await mkdir(join(folder, name), { recursive: true });
	await writeFile(join(folder, name, 'package.json'), JSON.stringify({ name, main: 'app.js' }));
	await writeFile(join(folder, name, 'app.js'), code);
}

const counter = `
const { ModuleClient, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { appendFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
(async () => {
	const client = await ModuleClient.fromEnvironment(Mqtt);
	await client.open();
	for (let n = 1; ; n += 1) {
		const message = new Message(JSON.stringify({ run: process.pid, n }));
		await client.sendOutputEvent('numbers', message);
		appendFileSync(process.env.ACKNOWLEDGED, process.pid + ' ' + n + '\\n');
		await sleep(10);
	}
})();
`;

test('one command: from a manifest to messages in IoT Hub, driven by the service SDK', async (t) => {
	t.timeout(180_000);
	const folder = await temporaryFolder(t);
	const state = join(folder, 'state');
	const manifest = join(folder, 'deployment.json');
	await cp(join(project, 'deployments/simulated-temperature.json'), manifest);
	const edge = await edgeOf(t, manifest, state);

	const alert = await edge.until(
		'alert of the filter',
		() => edge.telemetryOf('temperature-filter')[2],
	);
	t.like(alert, { deviceId: device, properties: { MessageType: 'Alert' } });
	t.is(typeof (alert['body'] as JsonObject)['machine'], 'object');
	await edge.waitFor(
		'deployment report',
		(event) => event.event === 'deployment' && event['code'] === 200,
	);

	const reset = { call: 'method', deviceId: device, moduleId: 'SimulatedTemperatureSensor' };
	t.deepEqual(await call(edge, { ...reset, name: 'reset', payload: {} }), {
		status: 200,
		payload: { reset: true },
	});

	const filter = { deviceId: device, moduleId: 'temperature-filter' };
	const desired = { TemperatureThreshold: 20.5 };
	await call(edge, { call: 'update-twin', ...filter, desired });
	await until(async () => {
		const twin = await call(edge, { call: 'twin', ...filter });
		return (twin['reported'] as JsonObject)['TemperatureThreshold'] === 20.5;
	});

	const agent = await call(edge, { call: 'twin', deviceId: device, moduleId: '$edgeAgent' });
	t.like(agent['reported'] as JsonObject, {
		lastDesiredStatus: { code: 200 },
		runtime: { platform: { os: 'linux' } },
		systemModules: { edgeHub: { runtimeStatus: 'running' } },
		modules: { 'temperature-filter': { runtimeStatus: 'running', exitCode: 0 } },
	});
	const hub = await call(edge, { call: 'twin', deviceId: device, moduleId: '$edgeHub' });
	t.like(hub['reported'] as JsonObject, { lastDesiredStatus: { code: 200 } });

	t.regex(await namesOfPublishedHub(state), /DNS:localhost/, 'leaf devices reach it by this name');

	// With the old key, the agent could look after no identity, and not follow what comes next.
	await rollKeys(edge, state);
	const sensed = edge.telemetryOf('temperature-filter').length;
	await edge.until('more telemetry', () => edge.telemetryOf('temperature-filter')[sensed]);

	const { modulesContent } = await sampleManifest();
	const deployment = modulesContent['$edgeAgent']?.['properties.desired'] as JsonObject;
	delete (deployment['modules'] as JsonObject)['temperature-filter'];
	await call(edge, { call: 'apply', deviceId: device, content: { modulesContent } });
	await edge.until('removal of the filter', () => {
		const last = edge.events.findLast((event) => event.event === 'modules');
		const names = (last?.['modules'] as { name: string }[] | undefined)?.map(({ name }) => name);
		return names?.includes('temperature-filter') === false ? true : undefined;
	});

	deployment['schemaVersion'] = '9.0';
	await call(edge, { call: 'apply', deviceId: device, content: { modulesContent } });
	const refusal = await edge.waitFor(
		'refusal',
		(event) => event.event === 'deployment' && event['code'] === 412,
	);
	t.regex(String(refusal['description']), /9\.0/);

	t.is(await edge.stop(), 0);
	t.deepEqual(await processesOf(state), []);
});

test('kill -9 in mid-flow loses no message that the hub has acknowledged, and the next start goes on', async (t) => {
	t.timeout(180_000);
	const folder = await temporaryFolder(t);
	const state = join(folder, 'state');
	await writeModule(join(folder, 'modules'), 'counter', counter);
	const acknowledged = join(folder, 'acknowledged.txt');
	const { modulesContent } = await sampleManifest();
	const deployment = modulesContent['$edgeAgent']?.['properties.desired'] as JsonObject;
	const routing = modulesContent['$edgeHub']?.['properties.desired'] as JsonObject;
	deployment['modules'] = {
		counter: {
			version: '1.0',
			type: 'docker',
			status: 'running',
			restartPolicy: 'always',
			settings: { image: 'localhost:5000/counter:1.0', createOptions: '{}' },
			env: { ACKNOWLEDGED: { value: acknowledged } },
		},
	};
	routing['routes'] = { up: 'FROM /messages/modules/counter/* INTO $upstream' };
	const manifest = join(folder, 'deployment.json');
	await writeFile(
		manifest,
		JSON.stringify({
			modulesContent: {
				$edgeAgent: modulesContent['$edgeAgent'],
				$edgeHub: modulesContent['$edgeHub'],
			},
		}),
	);

	const first = await edgeOf(t, manifest, state);
	await first.until('telemetry', () => first.telemetryOf('counter')[50]);
	await first.kill();
	await until(async () => (await processesOf(state)).length === 0, 'the end of all processes');
	const before = (await readFile(acknowledged, 'utf8')).trim().split('\n');

	const second = await edgeOf(t, manifest, state);
	await second.until('telemetry', () => second.telemetryOf('counter')[50]);
	await until(async () => {
		const received = await second.receivedTelemetry();
		const lines = received.map(({ body }) => {
			const { run: pid, n } = body as { run: number; n: number };
			return `${pid} ${n}`;
		});
		return before.every((line) => lines.includes(line));
	});
	t.true(before.length > 20);
	t.is(await second.stop(), 0);
});
