import test from 'ava';
import fc from 'fast-check';
import { CrashBackoff } from '../../../src/local-cluster/node/crash-backoff.ts';
import { podConditions } from '../../../src/local-cluster/node/pod-conditions.ts';
import { type PodView, podPhase, qosClass } from '../../../src/local-cluster/node/pod-phase.ts';
import { ProbeCounter } from '../../../src/local-cluster/node/probe-counter.ts';
import {
	type Container,
	type ContainerStatus,
	conditionOf,
	type Pod,
	type PodPhase,
	type PodSpec,
	type QosClass,
	type RestartPolicy,
} from '../../../src/local-cluster/workloads/pod.ts';

const second = 1000;

test('a crashing container waits 0, 10, 20, 40 … 300 seconds', (t) => {
	const backoff = new CrashBackoff({ initial: 10 * second, max: 300 * second });
	let now = 1000 * second;
	const waits: number[] = [];
	for (let crash = 0; crash < 8; crash += 1) {
		const wait = backoff.remaining(now, now);
		waits.push(wait / second);
		now += wait;
		backoff.restarted(now - wait, now);
		now += second;
	}
	t.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
});

test('a container that ran for ten minutes starts afresh', (t) => {
	const backoff = new CrashBackoff({ initial: 10 * second, max: 300 * second });
	backoff.restarted(0, 0);
	backoff.restarted(second, second);
	t.is(backoff.remaining(2 * second, 2 * second), 20 * second);
	const later = 602 * second;
	t.is(backoff.remaining(later, later), 0);
	backoff.restarted(later, later);
	t.is(backoff.remaining(later + second, later + second), 10 * second);
});

test('the wait is counted from the end of the last run and never longer than the maximum', (t) => {
	const property = fc.property(fc.array(fc.nat({ max: 400 }), { maxLength: 20 }), (runs) => {
		const backoff = new CrashBackoff({ initial: 10, max: 300 });
		let now = 0;
		return runs.every((run) => {
			now += run;
			const wait = backoff.remaining(now, now);
			const later = backoff.remaining(now, now + 7);
			backoff.restarted(now, now + wait);
			now += wait;
			return wait <= 300 && later === Math.max(0, wait - 7);
		});
	});
	t.notThrows(() => fc.assert(property));
});

test('a probe changes its mind only after enough results in a row', (t) => {
	const counter = new ProbeCounter({ failureThreshold: 3, successThreshold: 2 });
	const results = [true, true, false, false, true, false, false, false, true, true];
	t.deepEqual(
		results.map((result) => counter.count(result)),
		[
			undefined,
			true,
			undefined,
			undefined,
			undefined,
			undefined,
			undefined,
			false,
			undefined,
			true,
		],
	);
});

const names: Record<string, ContainerStatus['state']> = {
	creating: { waiting: { reason: 'ContainerCreating' } },
	running: { running: { startedAt: '2026-01-01T00:00:00Z' } },
	good: { terminated: { exitCode: 0, reason: 'Completed', finishedAt: '2026-01-01T00:00:00Z' } },
	bad: { terminated: { exitCode: 1, reason: 'Error', finishedAt: '2026-01-01T00:00:00Z' } },
	crashing: { waiting: { reason: 'CrashLoopBackOff' } },
};

function status(state: string, ready = state === 'running'): ContainerStatus {
	return {
		name: state,
		image: '',
		imageID: '',
		ready,
		started: ready,
		restartCount: 0,
		state: names[state] ?? {},
		lastState: state === 'crashing' ? (names['bad'] ?? {}) : {},
	};
}

function view(policy: RestartPolicy, main: string[], init: string[] = []): PodView {
	const containers = main.map((name): Container => ({ name, image: '' }));
	const initContainers = init.map((name): Container => ({ name, image: '' }));
	const spec: PodSpec = { restartPolicy: policy, containers, initContainers };
	return {
		pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec },
		main: main.map((state) => status(state)),
		init: init.map((state) => status(state)),
		initialized: init.every((state) => state === 'good'),
	};
}

const phaseTable: [RestartPolicy, string[], string[], PodPhase][] = [
	['Always', ['creating'], [], 'Pending'],
	['Always', ['running'], [], 'Running'],
	['Always', ['running', 'creating'], [], 'Running'],
	['Always', ['crashing'], [], 'Running'],
	['Always', ['good'], [], 'Running'],
	['OnFailure', ['good'], [], 'Succeeded'],
	['OnFailure', ['bad'], [], 'Running'],
	['OnFailure', ['good', 'running'], [], 'Running'],
	['Never', ['bad'], [], 'Failed'],
	['Never', ['bad', 'good'], [], 'Failed'],
	['Never', ['good', 'good'], [], 'Succeeded'],
	['Never', ['creating'], ['running'], 'Pending'],
	['Never', ['creating'], ['bad'], 'Failed'],
	['Always', ['creating'], ['bad'], 'Pending'],
	['Always', ['running'], ['good'], 'Running'],
];

for (const [policy, main, init, phase] of phaseTable) {
	const before = init.length === 0 ? '' : ` after ${init.join(', ')}`;
	test(`a pod of ${main.join(', ')}${before} that restarts ${policy} is ${phase}`, (t) => {
		t.is(podPhase(view(policy, main, init)), phase);
	});
}

test('a deadline makes a pod fail whatever its containers do', (t) => {
	t.is(
		podPhase({ ...view('Always', ['running']), ended: { reason: 'DeadlineExceeded' } }),
		'Failed',
	);
});

test('the conditions say which containers a pod waits for, and keep their times', (t) => {
	const waiting = view('Always', ['running', 'crashing']);
	const conditions = podConditions(waiting, 'Running', '2026-01-01T00:00:01Z');
	t.like(conditionOf(conditions, 'Ready'), {
		status: 'False',
		reason: 'ContainersNotReady',
		message: 'containers with unready status: [crashing]',
		lastTransitionTime: '2026-01-01T00:00:01Z',
	});
	const pod: Pod = { ...waiting.pod, status: { conditions } };
	const later = podConditions({ ...waiting, pod }, 'Running', '2026-01-01T00:00:09Z');
	t.deepEqual(later, conditions);
	const ready = podConditions({ ...view('Always', ['running']), pod }, 'Running', 'later');
	t.like(conditionOf(ready, 'Ready'), { status: 'True', lastTransitionTime: 'later' });
	t.is(conditionOf(ready, 'Initialized')?.lastTransitionTime, '2026-01-01T00:00:01Z');
});

test('a readiness gate keeps a pod from being ready until its condition is there', (t) => {
	const gated = view('Always', ['running']);
	const spec = { ...gated.pod.spec, readinessGates: [{ conditionType: 'edge/connected' }] };
	const closed: Pod = { ...gated.pod, spec };
	const open: Pod = {
		...closed,
		status: { conditions: [{ type: 'edge/connected', status: 'True' }] },
	};
	const readyOf = (pod: Pod) =>
		conditionOf(podConditions({ ...gated, pod }, 'Running', 'now'), 'Ready')?.status;
	t.is(readyOf(closed), 'False');
	t.is(readyOf(open), 'True');
	t.truthy(conditionOf(podConditions({ ...gated, pod: open }, 'Running', 'now'), 'edge/connected'));
});

const limits = (cpu: string, memory: string) => ({ cpu, memory });
const qosTable: [string, Container['resources'][], QosClass][] = [
	['none', [{}], 'BestEffort'],
	['requests only', [{ requests: limits('1', '1Gi') }], 'Burstable'],
	[
		'equal limits',
		[{ requests: limits('1000m', '1Gi'), limits: limits('1', '1024Mi') }],
		'Guaranteed',
	],
	['limits only', [{ limits: limits('1', '1Gi') }], 'Guaranteed'],
	['one without', [{ limits: limits('1', '1Gi') }, {}], 'Burstable'],
];

for (const [title, resources, expected] of qosTable) {
	test(`quality of service with ${title} is ${expected}`, (t) => {
		const containers = resources.map(
			(one): Container => ({ name: '', image: '', ...(one && { resources: one }) }),
		);
		const pod: Pod = {
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: { name: 'p' },
			spec: { containers },
		};
		t.is(qosClass(pod), expected);
	});
}
