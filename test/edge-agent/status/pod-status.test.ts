import test from 'ava';
import type { RuntimeStatus } from '../../../src/edge-agent/status/module-status.ts';
import { podStatus } from '../../../src/edge-agent/status/pod-status.ts';
import type { ContainerStatusView, PodView } from '../../../src/edge-agent/status/pod-view.ts';

const start = '2026-01-01T00:00:00Z';
const end = '2026-01-01T00:01:00Z';
const now = Date.parse('2026-01-01T00:00:30Z');

function pod(status: PodView['status'], container?: Partial<ContainerStatusView>): PodView {
	const containerStatuses = container === undefined ? [] : [{ name: 'filter', ...container }];
	return {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name: 'filter-1' },
		...(status === undefined ? {} : { status: { ...status, containerStatuses } }),
	};
}

interface Case {
	readonly title: string;
	readonly pod: PodView;
	readonly status: RuntimeStatus;
	readonly says: RegExp;
}

const pending = { phase: 'Pending' };
const running = { phase: 'Running' };

const cases: readonly Case[] = [
	{
		title: 'a pod without a status',
		pod: pod(undefined),
		status: 'unknown',
		says: /no status yet/,
	},
	{
		title: 'a pod that is not placed yet',
		pod: pod(pending),
		status: 'unknown',
		says: /^Starting/,
	},
	{
		title: 'an image that is being pulled',
		pod: pod(pending, { state: { waiting: { reason: 'ContainerCreating' } } }),
		status: 'unknown',
		says: /^Starting: the image is pulled/,
	},
	{
		title: 'a pod that fits on no node',
		pod: pod({
			phase: 'Pending',
			conditions: [
				{
					type: 'PodScheduled',
					status: 'False',
					reason: 'Unschedulable',
					message: '0/1 nodes are available: 1 Insufficient cpu.',
				},
			],
		}),
		status: 'backoff',
		says: /^No node can take the pod.* Insufficient cpu\.$/,
	},
	{
		title: 'a pod that a gate holds back',
		pod: pod({
			phase: 'Pending',
			conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
		}),
		status: 'unknown',
		says: /held back/,
	},
	{
		title: 'an image that cannot be pulled',
		pod: pod(pending, {
			state: {
				waiting: { reason: 'ImagePullBackOff', message: 'Back-off pulling "x": not found' },
			},
		}),
		status: 'backoff',
		says: /^The image cannot be pulled.*not found$/,
	},
	{
		title: 'an image name that is wrong',
		pod: pod(pending, { state: { waiting: { reason: 'InvalidImageName', message: 'bad' } } }),
		status: 'failed',
		says: /name of the image/,
	},
	{
		title: 'an image that must not be pulled and is not there',
		pod: pod(pending, { state: { waiting: { reason: 'ErrImageNeverPull' } } }),
		status: 'failed',
		says: /forbids to pull/,
	},
	{
		title: 'a module that failed while another container of its pod has not begun',
		pod: pod(pending, { state: { terminated: { exitCode: 139, reason: 'Error' } } }),
		status: 'failed',
		says: /^Ended with exit code 139 \(Error\)\.$/,
	},
	{
		title: 'a module that ended while another container of its pod has not begun',
		pod: pod(pending, { state: { terminated: { exitCode: 0, reason: 'Completed' } } }),
		status: 'stopped',
		says: /^Ended with exit code 0/,
	},
	{
		title: 'a secret that is missing',
		pod: pod(pending, {
			state: { waiting: { reason: 'CreateContainerConfigError', message: 'secret "s" not found' } },
		}),
		status: 'backoff',
		says: /secret "s" not found/,
	},
	{
		title: 'a preparing container that fails',
		pod: pod({
			phase: 'Pending',
			initContainerStatuses: [{ name: 'init', state: { waiting: { reason: 'CrashLoopBackOff' } } }],
		}),
		status: 'backoff',
		says: /^Container init: It keeps ending/,
	},
	{
		title: 'a module that runs',
		pod: pod(running, { ready: true, state: { running: { startedAt: start } } }),
		status: 'running',
		says: /^Started at 2026-01-01T00:00:00Z\.$/,
	},
	{
		title: 'a module that runs while the pod is still called pending',
		pod: pod(pending, { state: { running: { startedAt: start } } }),
		status: 'running',
		says: /^Started at/,
	},
	{
		title: 'a module that is not ready shortly after its start',
		pod: pod(running, { ready: false, state: { running: { startedAt: start } } }),
		status: 'running',
		says: /^Started at/,
	},
	{
		title: 'a module that is not ready long after its start',
		pod: pod(running, {
			ready: false,
			state: { running: { startedAt: '2025-12-31T23:00:00Z' } },
		}),
		status: 'unhealthy',
		says: /health check/,
	},
	{
		title: 'a module that was ready and is no longer',
		pod: pod(
			{
				phase: 'Running',
				conditions: [
					{ type: 'ContainersReady', status: 'False', lastTransitionTime: '2026-01-01T00:00:20Z' },
				],
			},
			{ ready: false, state: { running: { startedAt: start } } },
		),
		status: 'unhealthy',
		says: /health check/,
	},
	{
		title: 'a module that keeps crashing',
		pod: pod(running, {
			state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 5m0s' } },
			lastState: {
				terminated: { exitCode: 137, reason: 'OOMKilled', startedAt: start, finishedAt: end },
			},
		}),
		status: 'backoff',
		says: /started again after a pause. Last time: Ended with exit code 137 \(OOMKilled: .*memory/,
	},
	{
		title: 'a reason that is not known',
		pod: pod(running, { state: { waiting: { reason: 'Novelty', message: 'New.' } } }),
		status: 'backoff',
		says: /^Waiting: Novelty\. New\.$/,
	},
	{
		title: 'a reason with the name of a built-in',
		pod: pod(running, { state: { waiting: { reason: 'constructor' } } }),
		status: 'backoff',
		says: /^Waiting: constructor\.$/,
	},
	{
		title: 'a module that ended well',
		pod: pod(running, {
			state: { terminated: { exitCode: 0, reason: 'Completed', finishedAt: end } },
		}),
		status: 'stopped',
		says: /exit code 0 \(Completed\) at 2026-01-01T00:01:00Z\.$/,
	},
	{
		title: 'a module that ended badly',
		pod: pod(running, { state: { terminated: { exitCode: 139, reason: 'Error' } } }),
		status: 'failed',
		says: /exit code 139 \(Error\)/,
	},
	{
		title: 'a pod without the container',
		pod: pod(running),
		status: 'unknown',
		says: /does not tell the state of its container filter/,
	},
	{
		title: 'a pod that succeeded',
		pod: pod({ phase: 'Succeeded', reason: 'Completed', message: 'done' }),
		status: 'stopped',
		says: /Completed: done\.$/,
	},
	{
		title: 'a pod that was evicted',
		pod: pod({ phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory.' }),
		status: 'failed',
		says: /^The pod has ended\. Evicted: The node was low on memory\.$/,
	},
	{
		title: 'a node that is lost',
		pod: pod({ phase: 'Unknown', reason: 'NodeLost' }),
		status: 'unknown',
		says: /\(NodeLost\)/,
	},
	{
		title: 'a phase of the future',
		pod: pod({ phase: 'Odd' }),
		status: 'unknown',
		says: /phase Odd/,
	},
];

for (const { title, pod: given, status, says } of cases) {
	test(`${title} is ${status}`, (t) => {
		const { runtimeStatus, statusDescription } = podStatus(given, 'filter', now);
		t.is(runtimeStatus, status);
		t.regex(statusDescription, says);
	});
}

test('tells exit code and times of the current run, and when the one before ended', (t) => {
	const terminated = { exitCode: 7, startedAt: '2025-12-31T00:00:00Z', finishedAt: end };
	const restarted = pod(running, {
		restartCount: 2,
		imageID: 'registry/filter@sha256:abc',
		state: { running: { startedAt: start } },
		lastState: { terminated },
	});
	t.like(podStatus(restarted, 'filter', now), {
		exitCode: 0,
		lastStartTimeUtc: start,
		lastExitTimeUtc: end,
		restartCount: 2,
		lastRestartTimeUtc: start,
		imageId: 'registry/filter@sha256:abc',
	});
});

test('tells exit code and times of the last run while the next has not begun', (t) => {
	const terminated = { exitCode: 139, startedAt: start, finishedAt: end };
	const waiting = pod(running, {
		restartCount: 1,
		state: { waiting: { reason: 'CrashLoopBackOff' } },
		lastState: { terminated },
	});
	t.like(podStatus(waiting, 'filter', now), {
		exitCode: 139,
		lastStartTimeUtc: start,
		lastExitTimeUtc: end,
		restartCount: 1,
	});
});

test('a module that has never run has no times', (t) => {
	const status = podStatus(pod(pending), 'filter', now);
	t.is(status.exitCode, 0);
	t.is(status.lastStartTimeUtc, undefined);
	t.is(status.lastExitTimeUtc, undefined);
	t.is(status.lastRestartTimeUtc, undefined);
});
