import test from 'ava';
import { PodResumption } from '../../../src/local-cluster/node/pod-resumption.ts';
import type { Pod } from '../../../src/local-cluster/workloads/pod.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function pod(name: string, second: number): Pod {
	const creationTimestamp = `2026-01-01T00:00:0${second}Z`;
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name, namespace: 'edge', uid: name, creationTimestamp },
		spec: { containers: [] },
	};
}

/** Three pods that come up when the test says so. */
function resumed() {
	const clock = new FakeClock();
	const [agent, hub, module] = [pod('agent', 1), pod('hub', 2), pod('module', 3)];
	const resumption = new PodResumption([module, hub, agent], clock);
	const started: string[] = [];
	const comingUp = new Set(['agent', 'hub', 'module']);
	const done = resumption.run(
		({ metadata }) => started.push(metadata.name),
		({ metadata }) => comingUp.has(metadata.name),
	);
	return { clock, module, resumption, started, comingUp, done };
}

test('starts pods in the order in which they were made, each when the one before is ready', async (t) => {
	const { clock, module, resumption, started, comingUp, done } = resumed();
	t.deepEqual(started, ['agent']);
	t.true(resumption.holds(module));
	comingUp.delete('agent');
	await clock.advance(100);
	t.deepEqual(started, ['agent', 'hub']);
	comingUp.delete('hub');
	await clock.advance(100);
	await done;
	t.deepEqual(started, ['agent', 'hub', 'module']);
	t.false(resumption.holds(module));
});

test('waits no longer than a while for pods that do not come up', async (t) => {
	const { clock, started, done } = resumed();
	for (let second = 0; second < 20; second += 1) await clock.advance(1000);
	await done;
	t.deepEqual(started, ['agent', 'hub', 'module']);
});

test('starts no more pods once it is stopped', async (t) => {
	const { clock, resumption, started, comingUp, done } = resumed();
	resumption.stop();
	comingUp.clear();
	await clock.advance(1000);
	await done;
	t.deepEqual(started, ['agent']);
});
