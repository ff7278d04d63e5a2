import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import test from 'ava';
import type { JsonObject } from '../../src/runtime/json.ts';
import { DevelopmentEdge } from '../support/development-edge.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const project = resolve(import.meta.dirname, '../..');
const senders = ['sender1', 'sender2', 'sender3'];

/** Numbers messages, and notes those that the hub has acknowledged; asks the workers who they are. */
const senderCode = `
const { ModuleClient, Message } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { appendFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { IOTEDGE_DEVICEID, IOTEDGE_MODULEID, FOLDER } = process.env;
(async () => {
	const client = await ModuleClient.fromEnvironment(Mqtt);
	await client.open();
	for (let n = 0; ; n += 1) {
		await client.sendOutputEvent('numbers', new Message(JSON.stringify({ sender: IOTEDGE_MODULEID, n })));
		appendFileSync(FOLDER + '/acknowledged', IOTEDGE_MODULEID + ' ' + n + '\\n');
		if (n % 10 === 0) {
			const who = { methodName: 'who', payload: null, responseTimeoutInSeconds: 5 };
			const answer = await client.invokeMethod(IOTEDGE_DEVICEID, 'worker', who).catch(() => undefined);
			if (answer) appendFileSync(FOLDER + '/answered', answer.payload + '\\n');
		}
		await sleep(5);
	}
})();
`;

const workerCode = `
const { ModuleClient } = require('azure-iot-device');
const { Mqtt } = require('azure-iot-device-mqtt');
const { appendFileSync } = require('node:fs');
(async () => {
	const client = await ModuleClient.fromEnvironment(Mqtt);
	client.on('inputMessage', (input, message) => {
		const { sender, n } = JSON.parse(message.getData());
		appendFileSync(process.env.FOLDER + '/received', process.pid + ' ' + sender + ' ' + n + '\\n');
	});
	client.onMethod('who', (request, response) => response.send(200, process.pid));
	await client.open();
})();
`;

async function writeModule(folder: string, name: string, code: string): Promise<void> {
	await mkdir(join(folder, 'modules', name), { recursive: true });
	const path = (file: string) => join(folder, 'modules', name, file);
	await writeFile(path('package.json'), JSON.stringify({ name, main: 'app.js' }));
	await writeFile(path('app.js'), code);
}

function moduleOf(image: string, folder: string, extensions: object = {}): JsonObject {
	return {
		version: '1.0',
		type: 'docker',
		status: 'running',
		restartPolicy: 'always',
		settings: { image, createOptions: JSON.stringify({ 'k8s-extensions': extensions }) },
		env: { FOLDER: { value: folder } },
	};
}

async function manifestOf(folder: string): Promise<string> {
	const text = await readFile(join(project, 'deployments/simulated-temperature.json'), 'utf8');
	const { modulesContent } = JSON.parse(text) as { modulesContent: Record<string, JsonObject> };
	const { $edgeAgent, $edgeHub } = modulesContent;
	const deployment = $edgeAgent?.['properties.desired'] as JsonObject;
	deployment['modules'] = {
		worker: moduleOf('worker', folder, { replicas: 3 }),
		...Object.fromEntries(senders.map((name) => [name, moduleOf('sender', folder)])),
	};
	const routing = $edgeHub?.['properties.desired'] as JsonObject;
	routing['routes'] = {
		work: 'FROM /messages/modules/* INTO BrokeredEndpoint("/modules/worker/inputs/in")',
	};
	const path = join(folder, 'deployment.json');
	await writeFile(path, JSON.stringify({ modulesContent: { $edgeAgent, $edgeHub } }));
	return path;
}

async function linesOf(folder: string, file: string): Promise<string[]> {
	const text = await readFile(join(folder, file), 'utf8').catch(() => '');
	return text.split('\n').slice(0, -1);
}

test('three pods of one module share its work, and a killed one leaves nothing undone', async (t) => {
	t.timeout(180_000);
	const folder = await temporaryFolder(t);
	await writeModule(folder, 'sender', senderCode);
	await writeModule(folder, 'worker', workerCode);
	const edge = new DevelopmentEdge(await manifestOf(folder), join(folder, 'state'));
	t.teardown(() => edge.kill());
	const received = async () => (await linesOf(folder, 'received')).map((line) => line.split(' '));
	const workers = async () => [...new Set((await received()).map(([pid]) => pid))];
	await until(async () => (await workers()).length >= 3, 'work at three pods');
	const [victim] = await workers();
	process.kill(Number(victim), 'SIGKILL');
	const before = (await linesOf(folder, 'acknowledged')).length;
	await until(async () => {
		return (await linesOf(folder, 'acknowledged')).length > before + 200;
	}, 'more work');
	await until(async () => {
		return new Set(await linesOf(folder, 'answered')).size >= 3;
	}, 'answers of three pods');
	const acknowledged = await linesOf(folder, 'acknowledged');
	await until(async () => {
		const done = new Set((await received()).map(([, sender, n]) => `${sender} ${n}`));
		return acknowledged.every((line) => done.has(line));
	}, 'all that was acknowledged');
	const last = new Map<string, number>();
	for (const [pid, sender, n] of await received()) {
		const key = `${pid} ${sender}`;
		t.true(Number(n) > (last.get(key) ?? -1), `${key} ${n} after ${last.get(key)}`);
		last.set(key, Number(n));
	}
	t.is(await edge.stop(), 0);
});
