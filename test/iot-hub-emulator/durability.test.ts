import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import test, { type ExecutionContext } from 'ava';
import iot from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import { runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

const device = { deviceId: 'dev1' };

interface Served {
	readonly process: ChildProcess;
	readonly hostName: string;
	readonly authority: string;
	readonly device: string;
}

async function emulatorProcess(t: ExecutionContext, folder: string): Promise<Served> {
	const script = resolve(import.meta.dirname, '../support/emulator-process.ts');
	const child = spawn(process.execPath, [script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
	t.teardown(() => child.kill('SIGKILL'));
	const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
	return { process: child, ...JSON.parse(line) };
}

test('a stopped emulator comes back with the same port, authority, keys and twins', async (t) => {
	const folder = await temporaryFolder(t);
	const first = new IotHubEmulator({ folder });
	await first.start();
	first.registry.putDevice('dev1', { capabilities: { iotEdge: true } });
	first.twins.patch(device, { tags: { a: 1 }, properties: { desired: { b: 2 } } });
	first.sendToDevice('dev1', {
		body: Buffer.from('later'),
		properties: new Map(),
		systemProperties: new Map([['messageId', '1']]),
	});
	const before = {
		hostName: first.hostName,
		authority: first.caCertificate,
		service: first.connectionString,
		device: first.registry.device('dev1'),
		modules: first.registry.modules('dev1'),
		twin: first.twins.get(device),
	};
	await first.stop();

	const second = await runningEmulator(t, { folder });
	t.deepEqual(
		{
			hostName: second.hostName,
			authority: second.caCertificate,
			service: second.connectionString,
			device: second.registry.device('dev1'),
			modules: second.registry.modules('dev1'),
			twin: second.twins.get(device),
		},
		before,
	);
});

test('takes another port when somebody else has taken its own, unless it was told which', async (t) => {
	const folder = await temporaryFolder(t);
	const first = new IotHubEmulator({ folder });
	await first.start();
	const { port } = first;
	await first.stop();
	const squatter = createServer().listen(port, '127.0.0.1');
	t.teardown(() => squatter.close());
	await once(squatter, 'listening');

	const second = await runningEmulator(t, { folder });
	t.not(second.port, port);
	await t.throwsAsync(new IotHubEmulator({ port }).start(), { code: 'EDGE_EMULATOR_PORT_TAKEN' });
	await second.stop();
	await second.stop();
});

test('kill -9 loses nothing that was acknowledged, and the device simply goes on', async (t) => {
	const folder = await temporaryFolder(t);
	const first = await emulatorProcess(t, folder);
	const client = iot.Client.fromConnectionString(first.device, Mqtt);
	await client.setOptions({ ca: first.authority } as never);
	t.teardown(() => client.close().catch(() => {}));
	await client.open();
	const twin = await client.getTwin();
	const desired: unknown[] = [];
	twin.on('properties.desired', (patch: { $version: number }) => desired.push(patch.$version));

	const acknowledged: string[] = [];
	let sending = true;
	const send = (async () => {
		for (let n = 0; sending; n += 1) {
			await client.sendEvent(new iot.Message(String(n)));
			acknowledged.push(String(n));
		}
	})();
	await until(() => acknowledged.length >= 50, 'messages before the end');
	first.process.kill('SIGKILL');
	await once(first.process, 'exit');
	const killedAt = acknowledged.length;

	const second = await runningEmulator(t, { folder });
	// Before its hub ends: a client that is closed while it looks for its hub goes on looking.
	t.teardown(() => client.close().catch(() => {}));
	t.is(second.hostName, first.hostName);
	await until(() => acknowledged.length >= killedAt + 20, 'messages after the end');
	sending = false;
	await send;
	second.twins.patch(device, { properties: { desired: { after: true } } });
	await until(() => desired.includes(2), 'a change, as the session still has its subscriptions');

	const stored = new Set<string>();
	for await (const { body } of second.telemetry.read()) stored.add(Buffer.from(body).toString());
	t.deepEqual(
		acknowledged.filter((text) => !stored.has(text)),
		[],
	);
});
