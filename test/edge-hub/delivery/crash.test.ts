import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import test from 'ava';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const program = join(import.meta.dirname, '../../support/delivering-process.ts');

/** Lines that a process prints before it is killed, or before it ends by itself. */
async function run(args: readonly string[], killAfter?: number): Promise<string[]> {
	const child = spawn(process.execPath, [program, ...args], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	let output = '';
	child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
		if (output === '' && killAfter !== undefined) {
			setTimeout(() => child.kill('SIGKILL'), killAfter);
		}
		output += chunk;
	});
	await once(child, 'close');
	return output.split('\n').slice(0, -1);
}

test('what was acknowledged before the hub was killed reaches every endpoint, in order', async (t) => {
	const folder = join(await temporaryFolder(t), 'log');
	const lines: string[] = [];
	for (let round = 0; round < 5; round += 1) {
		lines.push(...(await run([folder, `${round}`], 30 + round * 20)));
	}
	lines.push(...(await run([folder, '5', 'drain'])));

	const acknowledged = lines.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
	t.true(acknowledged.length > 100);
	for (const endpoint of ['iothub', 'edge1/filter/in1']) {
		const prefix = `>${endpoint} `;
		const got = lines.filter((line) => line.startsWith(prefix));
		const bodies = got.map((line) => line.slice(prefix.length));
		const unique = new Set(bodies);
		t.deepEqual(
			acknowledged.filter((body) => !unique.has(body)),
			[],
			`${endpoint} lacks messages`,
		);
		for (let sender = 0; sender < 8; sender += 1) {
			const first = [...unique].filter((body) => body.startsWith(`${sender} `));
			t.deepEqual(first, first.toSorted(byArrival), `order of sender ${sender} at ${endpoint}`);
		}
		t.log(`${endpoint}: ${unique.size} messages, ${bodies.length - unique.size} twice`);
		t.true(bodies.length - unique.size < unique.size, 'a restart repeats only the latest');
	}
});

/** Compares `sender round count`. */
function byArrival(a: string, b: string): number {
	const [, roundA = 0, countA = 0] = a.split(' ').map(Number);
	const [, roundB = 0, countB = 0] = b.split(' ').map(Number);
	return roundA - roundB || countA - countB;
}
