import test from 'ava';
import type { AgentStatus } from '../../../src/edge-agent/agent-status.ts';
import {
	type EdgeDeploymentFate,
	edgeDeploymentStatus,
} from '../../../src/edge-agent/sources/edge-deployment-status.ts';
import type { ModuleStatus, RuntimeStatus } from '../../../src/edge-agent/status/module-status.ts';
import type { JsonObject } from '../../../src/runtime/json.ts';

const now = '2026-02-03T04:05:06Z';

function object(status: JsonObject = {}) {
	return {
		apiVersion: 'iotedge-k8s.dev/v1',
		kind: 'EdgeDeployment',
		metadata: { name: 'factory', generation: 3 },
		status,
	};
}

function module(name: string, runtimeStatus: RuntimeStatus, ready = 1): ModuleStatus {
	return {
		...{ name, runtimeStatus, statusDescription: `${name} is ${runtimeStatus}.` },
		...{ exitCode: 0, restartCount: 2, readyReplicas: ready, replicas: 1 },
	};
}

function running(changes: Partial<AgentStatus>, ...modules: ModuleStatus[]): EdgeDeploymentFate {
	const byName = new Map(modules.map((one) => [one.name, one]));
	const status: AgentStatus = {
		...{ desiredVersion: 3, code: 200, description: '', modules: byName, problems: [] },
		...{ failedRollouts: [], held: [], settled: false, ...changes },
	};
	return { kind: 'running', status };
}

/** Ready, Progressing, Degraded. */
type Truths = readonly [string, string, string];

const judged: readonly (readonly [string, EdgeDeploymentFate, Truths, string, RegExp])[] = [
	[
		'everything runs',
		running({ settled: true }, module('filter', 'running')),
		['True', 'False', 'False'],
		'AllModulesRun',
		/as they should be/,
	],
	[
		'a module starts',
		running({}, module('filter', 'unknown', 0), module('sensor', 'running')),
		['False', 'True', 'False'],
		'RollingOut',
		/^Waiting for filter\.$/,
	],
	[
		'it is being applied',
		running({ code: 406 }, module('filter', 'running')),
		['False', 'True', 'False'],
		'RollingOut',
		/being applied/,
	],
	[
		'a module crashes',
		running({}, module('filter', 'backoff', 0)),
		['False', 'False', 'True'],
		'ModulesFail',
		/filter is backoff/,
	],
	[
		'a module is refused',
		running({ code: 400, description: 'filter: privileged.' }, module('filter', 'failed', 0)),
		['False', 'False', 'True'],
		'ModulesRefused',
		/privileged/,
	],
	[
		'an update is held',
		running(
			{ code: 406, held: ['filter'], description: 'Updates wait.' },
			module('filter', 'running'),
		),
		['False', 'False', 'False'],
		'UpdatesHeld',
		/Updates wait/,
	],
	[
		'an object cannot be written',
		running({ code: 500, description: 'Quota.' }, module('filter', 'running')),
		['False', 'False', 'True'],
		'Failed',
		/Quota/,
	],
	[
		'its content is wrong',
		{ kind: 'refused', code: 400, description: '$.modules: wrong.' },
		['False', 'False', 'True'],
		'Invalid',
		/What ran before goes on. \$\.modules/,
	],
	[
		'it was rolled back',
		{ kind: 'refused', code: 500, description: 'Rolled back.' },
		['False', 'False', 'True'],
		'RolledBack',
		/Rolled back/,
	],
	['it is paused', { kind: 'paused' }, ['False', 'False', 'False'], 'Paused', /goes on/],
	['it is new', { kind: 'accepted' }, ['False', 'True', 'False'], 'Accepted', /applied/],
	[
		'another source rules',
		{ kind: 'superseded', why: 'The twin rules.' },
		['False', 'False', 'False'],
		'Superseded',
		/The twin rules/,
	],
];

for (const [what, fate, truths, reason, message] of judged) {
	test(`when ${what}, the conditions say so`, (t) => {
		const status = edgeDeploymentStatus(object(), fate, now);
		const conditions = status['conditions'] as JsonObject[];
		t.is(status['observedGeneration'], 3);
		t.deepEqual(
			conditions.map(({ type }) => type),
			['Ready', 'Progressing', 'Degraded'],
		);
		t.deepEqual(
			conditions.map((condition) => condition['status']),
			[...truths],
		);
		for (const condition of conditions) {
			t.like(condition, { reason, observedGeneration: 3, lastTransitionTime: now });
			t.regex(String(condition['message']), message);
		}
	});
}

test('a condition keeps the time of its last change, whatever its reason', (t) => {
	const before = edgeDeploymentStatus(object(), { kind: 'accepted' }, '2026-01-01T00:00:00Z');
	const fate = running({}, module('filter', 'unknown', 0));
	const after = edgeDeploymentStatus(object(before), fate, now)['conditions'] as JsonObject[];
	t.deepEqual(
		after.map((condition) => condition['lastTransitionTime']),
		['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'],
	);
	const done = running({ settled: true }, module('filter', 'running'));
	const last = edgeDeploymentStatus(object(before), done, now)['conditions'] as JsonObject[];
	t.deepEqual(
		last.map((condition) => condition['lastTransitionTime']),
		[now, now, '2026-01-01T00:00:00Z'],
	);
});

test('modules are listed, and those that are as they should be counted', (t) => {
	const fate = running(
		{},
		module('filter', 'running'),
		module('sensor', 'backoff', 0),
		module('idle', 'stopped', 0),
	);
	const status = edgeDeploymentStatus(object(), fate, now);
	t.is(status['modulesReady'], '2/3');
	t.deepEqual((status['modules'] as JsonObject[])[1], {
		name: 'sensor',
		status: 'backoff',
		description: 'sensor is backoff.',
		ready: '0/1',
		restarts: 2,
	});
});

test('a message is cut before Kubernetes refuses it', (t) => {
	const description = 'x'.repeat(100_000);
	const status = edgeDeploymentStatus(object(), { kind: 'refused', code: 400, description }, now);
	const [ready] = status['conditions'] as JsonObject[];
	t.true(String(ready?.['message']).length <= 32_768);
});
