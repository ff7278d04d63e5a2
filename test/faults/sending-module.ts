import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { textOf } from './delivery-tally.ts';
import type { ModuleAccount } from './module-account.ts';
import { connectModule } from './module-connection.ts';
import { SeededRandom } from './seeded-random.ts';

// A module that sends numbered messages with MQTT.js. Prints `+number` for each that the hub has
// acknowledged; ends when standard input says `stop` and everything is acknowledged.

const account = JSON.parse(process.argv[2] ?? '{}') as ModuleAccount;
const random = new SeededRandom(account.seed);
const client = connectModule(account);

/** Messages that may be unacknowledged. */
const window = 32;

const topics = ['urgent', 'usual', 'usual', 'bulk'].map((lane) => ({
	lane,
	topic: `devices/${account.deviceId}/modules/${account.moduleId}/messages/events/%24.on=out&lane=${lane}`,
}));

let stopping = false;
let underway = 0;
createInterface(process.stdin).on('line', (line) => {
	if (line === 'stop') stopping = true;
});

function send(number: number): void {
	const { lane, topic } = random.pick(topics);
	const text = textOf({ sender: account.moduleId, number, lane }, random.between(50, 2000));
	underway += 1;
	client.publish(topic, text, { qos: 1 }, (error) => {
		underway -= 1;
		if (error == null) process.stdout.write(`+${number}\n`);
	});
}

for (let number = 0; !stopping; ) {
	if (underway < window) {
		send(number);
		number += 1;
	}
	await sleep(1000 / account.rate);
}
while (underway > 0) await sleep(20);
await client.endAsync(true);
process.exit(0);
