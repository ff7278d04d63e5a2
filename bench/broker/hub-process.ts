import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { EdgeHub } from '../../src/edge-hub/hub.ts';
import { readEdgeHubSettings } from '../../src/edge-hub/settings.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { ownMemory } from '../../src/runtime/idle-memory.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FileMessageLog } from '../../src/storage/file-message-log.ts';
import { SqliteKeyValueStore } from '../../src/storage/sqlite-key-value-store.ts';
import { FakeIotHub, keyOf } from '../../test/support/fake-iot-hub.ts';
import { FakeWorkload } from '../../test/support/fake-workload.ts';
import { hubHostName, moduleOf, ownIdentity, routes } from '../../test/support/hub-world.ts';

// A hub with its storage on disk, in a process of its own; IoT Hub and the workload API are in memory.
// Arguments: folder, number of modules that publish. Prints one line of JSON when it serves.

const [folder = '', publishers = '64'] = process.argv.slice(2);
const iotHub = new FakeIotHub();
iotHub.register({ deviceId: 'edge1' });
const senders = Array.from({ length: Number(publishers) }, (_, index) => `s${index}`);
for (const moduleId of ['$edgeHub', 'sink', ...senders]) iotHub.register(moduleOf(moduleId));
iotHub.patchDesired(
	ownIdentity,
	routes('FROM /messages/* INTO BrokeredEndpoint("/modules/sink/inputs/in1")'),
);
const workload = await FakeWorkload.create((moduleId) => keyOf(moduleOf(moduleId)));
const { settings, problems } = readEdgeHubSettings({
	IOTEDGE_DEVICEID: 'edge1',
	IOTEDGE_MODULEGENERATIONID: '1',
	IOTEDGE_IOTHUBHOSTNAME: hubHostName,
	IOTEDGE_WORKLOADURI: 'http://unused',
	EdgeDeviceHostName: 'localhost',
	ListenHost: '127.0.0.1',
	mqttSettings__port: '0',
	httpSettings__port: '0',
	httpSettings__metrics_port: '0',
	MaxConnectedClients: '1000',
});
if (settings === undefined) throw new Error(JSON.stringify(problems));
mkdirSync(folder, { recursive: true });
const hub = new EdgeHub(settings, {
	clock: systemClock,
	logger: silentLogger,
	workload: workload.for('$edgeHub'),
	scopeSource: iotHub.scopeSource,
	createIotHubClient: iotHub.createClient,
	openStorage: () => ({
		values: SqliteKeyValueStore.open(join(folder, 'values.sqlite')),
		messages: new FileMessageLog({
			folder: join(folder, 'messages'),
			maxBytes: 4e9,
			clock: systemClock,
			logger: silentLogger,
		}),
	}),
	version: 'bench',
});
await hub.start();
await hub.whenReady();
console.log(JSON.stringify({ port: hub.mqttPort, authority: workload.authority.certificate }));
process.once('SIGTERM', () => void hub.stop().then(() => process.exit(0)));
process.on('message', () => {
	ownMemory.giveBack();
	process.send?.(process.memoryUsage());
});
