import { writeSync } from 'node:fs';
import type { ModuleAccount } from './module-account.ts';
import { connectModule } from './module-connection.ts';

// A module that listens at its inputs with MQTT.js, and prints the beginning of each message before
// the message is acknowledged.

const account = JSON.parse(process.argv[2] ?? '{}') as ModuleAccount;
const client = connectModule(account);
client.on('connect', () => {
	client.subscribe(`devices/${account.deviceId}/modules/${account.moduleId}/inputs/#`, { qos: 1 });
});
client.on('message', (_topic, payload) => {
	writeSync(1, `>${payload.toString('latin1', 0, 60).trimEnd()}\n`);
});
