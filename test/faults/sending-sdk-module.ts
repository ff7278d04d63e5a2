import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import azure from 'azure-iot-device';
import { Mqtt } from 'azure-iot-device-mqtt';
import { formatConnectionString } from '../../src/protocol/connection-string.ts';
import { textOf } from './delivery-tally.ts';
import type { ModuleAccount } from './module-account.ts';
import { SeededRandom } from './seeded-random.ts';

// As `sending-module.ts`, with the official SDK: one message after the other, each until it is taken.

const account = JSON.parse(process.argv[2] ?? '{}') as ModuleAccount;
const random = new SeededRandom(account.seed);
const lanes = ['urgent', 'usual', 'usual', 'bulk'];

let stopping = false;
createInterface(process.stdin).on('line', (line) => {
	if (line === 'stop') stopping = true;
});

async function open(): Promise<azure.ModuleClient> {
	const client = azure.ModuleClient.fromConnectionString(
		formatConnectionString({
			hostName: account.iotHubHostName,
			deviceId: account.deviceId,
			moduleId: account.moduleId,
			sharedAccessKey: account.key,
			gatewayHostName: `localhost:${account.hubPort}`,
		}),
		Mqtt,
	);
	await client.setOptions({ ca: account.authority } as never);
	client.on('error', () => {});
	await client.open();
	return client;
}

/** Fails also where the SDK never answers: a connection that is lost at the wrong moment. */
async function within<Result>(ms: number, work: Promise<Result>): Promise<Result> {
	const late = new AbortController();
	const limit = sleep(ms, undefined, { signal: late.signal }).then(() => {
		throw new Error('no answer');
	});
	limit.catch(() => {});
	try {
		return await Promise.race([work, limit]);
	} finally {
		late.abort();
	}
}

let client: azure.ModuleClient | undefined;
async function sendUntilTaken(message: azure.Message): Promise<void> {
	for (;;) {
		try {
			client ??= await within(5000, open());
			await within(5000, client.sendOutputEvent('out', message));
			return;
		} catch {
			const lost = client;
			client = undefined;
			if (lost !== undefined) await within(1000, lost.close()).catch(() => {});
			await sleep(100);
		}
	}
}

process.on('uncaughtException', () => {});
for (let number = 0; !stopping; number += 1) {
	const lane = random.pick(lanes);
	const bytes = random.between(50, 2000);
	const message = new azure.Message(textOf({ sender: account.moduleId, number, lane }, bytes));
	message.properties.add('lane', lane);
	await sendUntilTaken(message);
	process.stdout.write(`+${number}\n`);
	await sleep(1000 / account.rate);
}
process.exit(0);
