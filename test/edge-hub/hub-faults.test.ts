import test from 'ava';
import { runFaults } from '../faults/fault-run.ts';

// The short form of `npm run faults`.
test('a hub process that is killed and cut off delivers what it acknowledged, in order', async (t) => {
	const report = await runFaults({
		kills: 3,
		seed: 20,
		senders: 2,
		rate: 200,
		storeBytes: 8 * 1024 * 1024,
		longestLife: 400,
		progress: () => {},
	});
	t.true(report.passed, JSON.stringify(report, null, '\t'));
	t.true(report.acknowledged > 20);
});
