import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/runtime/clock.ts';
import { ownMemory } from '../../src/runtime/idle-memory.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FileMessageLog } from '../../src/storage/file-message-log.ts';
import { SqliteKeyValueStore } from '../../src/storage/sqlite-key-value-store.ts';
import {
	newWorld,
	ownIdentity,
	routes,
	startHub,
	type World,
} from '../../test/support/hub-world.ts';

// A hub with its storage on disk, in a process of its own; IoT Hub and the workload API are in memory.
// Arguments: folder, number of modules that publish. Prints one line of JSON when it serves.

const [folder = '', publishers = '64'] = process.argv.slice(2);
const senders = Array.from({ length: Number(publishers) }, (_, index) => `s${index}`);
mkdirSync(folder, { recursive: true });
const world: World = {
	...(await newWorld('sink', ...senders)),
	values: SqliteKeyValueStore.open(join(folder, 'values.sqlite')),
	messages: new FileMessageLog({
		folder: join(folder, 'messages'),
		maxBytes: 4e9,
		clock: systemClock,
		logger: silentLogger,
	}),
};
world.iotHub.patchDesired(
	ownIdentity,
	routes('FROM /messages/* INTO BrokeredEndpoint("/modules/sink/inputs/in1")'),
);
const endOfProcess = { teardown: () => {} };
const hub = await startHub(endOfProcess, world, { MaxConnectedClients: '1000' });
await hub.whenReady();
console.log(
	JSON.stringify({ port: hub.mqttPort, authority: world.workload.authority.certificate }),
);
process.once('SIGTERM', () => void hub.stop().then(() => process.exit(0)));
process.on('message', () => {
	ownMemory.giveBack();
	process.send?.(process.memoryUsage());
});
