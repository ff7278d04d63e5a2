import test from 'ava';
import { readAgentReport } from '../../src/cli/dev/agent-report.ts';

const began = Date.parse('2026-05-01T10:00:00Z');
const counts = { modules: new Map([['filter', { in: 4, out: 3 }]]), routed: 7, upstream: 3 };

function agentSince(time: string) {
	return { edgeAgent: { runtimeStatus: 'running', lastStartTimeUtc: time } };
}

const desired = {
	systemModules: { edgeAgent: {}, edgeHub: { status: 'running' } },
	modules: {
		filter: { status: 'running', restartPolicy: 'always' },
		job: { status: 'running', restartPolicy: 'never' },
		off: { status: 'stopped' },
	},
};

test('shows what the agent of this run has reported, and what the hub has counted', (t) => {
	const reported = {
		lastDesiredVersion: 3,
		lastDesiredStatus: { code: 200 },
		systemModules: agentSince('2026-05-01T10:00:02Z'),
		modules: {
			filter: { runtimeStatus: 'backoff', statusDescription: 'Exit code 1.', restartCount: 2 },
			job: { runtimeStatus: 'stopped', exitCode: 0 },
			off: { runtimeStatus: 'stopped' },
		},
	};
	const { deployment, modules } = readAgentReport({ desired, reported }, counts, began);
	t.deepEqual(deployment, { version: 3, code: 200, description: '' });
	t.deepEqual(
		modules.map(({ name, status, wanted }) => [name, status, wanted]),
		[
			['edgeAgent', 'running', true],
			['edgeHub', 'unknown', true],
			['filter', 'backoff', true],
			['job', 'stopped', false],
			['off', 'stopped', false],
		],
	);
	t.like(modules[2], { description: 'Exit code 1.', restarts: 2, messagesIn: 4, messagesOut: 3 });
});

test('a module that may end counts as unfinished when it has failed', (t) => {
	const modules = { job: { runtimeStatus: 'stopped', exitCode: 3 } };
	const reported = { systemModules: agentSince('2026-05-01T10:00:02Z'), modules };
	const report = readAgentReport({ desired, reported }, counts, began);
	t.true(report.modules.find(({ name }) => name === 'job')?.wanted);
});

test('does not show what an earlier run has reported', (t) => {
	const reported = {
		lastDesiredStatus: { code: 200 },
		systemModules: agentSince('2026-05-01T09:00:00Z'),
		modules: { filter: { runtimeStatus: 'running' } },
	};
	const { deployment, modules } = readAgentReport({ desired, reported }, counts, began);
	t.is(deployment, undefined);
	t.true(modules.every(({ status }) => status === 'unknown'));
});
