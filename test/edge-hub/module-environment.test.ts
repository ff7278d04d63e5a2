import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import azure from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import { WorkloadClient } from '../../src/edge-hub/workload-client.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import {
	edgeDeviceId,
	hubHostName,
	newWorld,
	ownIdentity,
	routes,
	startHub,
} from '../support/hub-world.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const { ModuleClient } = azure;

test('a module starts from its environment, with the workload API', async (t) => {
	const world = await newWorld('sensor');
	world.iotHub.patchDesired(ownIdentity, routes());
	const hub = await startHub(t, world);
	await hub.whenReady();
	const { uri, requests, stop } = await world.workload.listen();
	t.teardown(stop);
	const env = {
		IOTEDGE_WORKLOADURI: uri,
		IOTEDGE_DEVICEID: edgeDeviceId,
		IOTEDGE_MODULEID: 'sensor',
		IOTEDGE_IOTHUBHOSTNAME: hubHostName,
		IOTEDGE_AUTHSCHEME: 'sasToken',
		IOTEDGE_MODULEGENERATIONID: '1',
		IOTEDGE_GATEWAYHOSTNAME: `localhost:${hub.mqttPort}`,
	};
	Object.assign(process.env, env);
	t.teardown(() => {
		for (const name of Object.keys(env)) delete process.env[name];
	});
	const client = await ModuleClient.fromEnvironment(Mqtt);
	t.teardown(() => client.close().catch(() => {}));
	await client.open();
	const twin = await client.getTwin();
	t.is(twin.properties.desired['$version'], 1);
	t.deepEqual(requests.length, 2);
});

test('the workload API is used over HTTP and over a socket, and tried again until it answers', async (t) => {
	const world = await newWorld('sensor');
	const { uri, requests, stop } = await world.workload.listen();
	t.teardown(stop);
	const surroundings = { clock: systemClock, logger: silentLogger };
	const hubModule = { moduleId: '$edgeHub', generationId: '1', ...surroundings };
	const client = new WorkloadClient({ uri, ...hubModule });
	t.is(await client.sign('x'), await world.workload.for('$edgeHub').sign('x'));
	t.true((await client.trustBundle()).startsWith('-----BEGIN CERTIFICATE-----'));
	const { expiresAt, privateKey } = await client.createServerCertificate('edgehub');
	t.true(expiresAt > Date.now());
	t.true(privateKey.startsWith('-----BEGIN PRIVATE KEY-----'));
	t.regex(requests[0] ?? '', /^POST \/modules\/%24edgeHub\/genid\/1\/sign\?api-version=/);

	const socketPath = join(await temporaryFolder(t), 'workload.sock');
	const overSocket = new WorkloadClient({ uri: `unix://${socketPath}`, ...hubModule });
	const signing = overSocket.sign('x', AbortSignal.timeout(5_000));
	const target = new URL(uri);
	const proxy = createServer((socket) => {
		const onward = connect(Number(target.port), target.hostname);
		socket.pipe(onward).pipe(socket);
		for (const each of [socket, onward]) each.on('error', () => each.destroy());
	});
	proxy.listen(socketPath);
	t.teardown(() => proxy.close());
	t.is(await signing, await client.sign('x'));
});
