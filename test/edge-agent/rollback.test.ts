import test from 'ava';
import type { AgentStatus } from '../../src/edge-agent/agent-status.ts';
import { Rollback, type RunningDeployment } from '../../src/edge-agent/rollback.ts';
import { rollbackAnnotation } from '../../src/edge-agent/translation/translation.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { desiredState } from '../support/desired-state.ts';

/** What a Secret remembers. */
function memory() {
	const entries = new Map<string, string>();
	return {
		getJson: (key: string) => JSON.parse(entries.get(key) ?? 'null'),
		set: async (changes: Readonly<Record<string, Uint8Array | string | null>>) => {
			for (const [key, value] of Object.entries(changes)) entries.set(key, String(value));
		},
	};
}

function rollbackWith(state: ReturnType<typeof memory>, owner = 'hub/device'): Rollback {
	const rollback = new Rollback({ state, owner, logger: silentLogger });
	rollback.load();
	return rollback;
}

function desired(version: number, image = 'a:1'): JsonObject {
	return { modules: { a: { image } }, $version: version };
}

function running(version: number, asks = true): RunningDeployment {
	const { translation } = desiredState(version, [{ name: 'a' }]);
	for (const { metadata } of translation.objects) {
		metadata.annotations = { ...metadata.annotations, [rollbackAnnotation]: String(asks) };
	}
	return { version, desired: desired(version), translation };
}

function status(desiredVersion: number, failed: boolean): AgentStatus {
	const failedRollouts = failed ? [{ module: 'a', reason: 'Too late.' }] : [];
	const rest = { code: 200 as const, description: '', modules: new Map(), problems: [], held: [] };
	return { ...rest, desiredVersion, failedRollouts, settled: !failed };
}

test('a rollout that fails goes back to what ran well before', (t) => {
	const rollback = rollbackWith(memory());
	t.false(rollback.observe(status(1, false), running(1)));
	t.true(rollback.observe(status(2, true), running(2)));
	t.deepEqual(rollback.judge(desired(2)), {
		reason: 'Rolled back to version 1, the last that ran well: a: Too late.',
		instead: desired(1),
	});
	t.is(rollback.judge(desired(3)), undefined);
});

test('the same properties in another order are the same deployment', (t) => {
	const rollback = rollbackWith(memory());
	rollback.observe(status(1, false), running(1));
	rollback.observe(status(2, true), running(2));
	const { $version = 0, ...rest } = desired(2);
	t.truthy(rollback.judge({ $version, $metadata: { $lastUpdated: 'now' }, ...rest }));
});

test('nothing happens unless a module asks, something ran well, and the status is of what runs', (t) => {
	const fresh = rollbackWith(memory());
	t.false(fresh.observe(status(2, true), running(2)));
	const rollback = rollbackWith(memory());
	rollback.observe(status(1, false), running(1));
	t.false(rollback.observe(status(2, true), running(2, false)));
	t.false(rollback.observe(status(1, true), running(2)));
	t.false(rollback.observe(status(1, true), running(1)));
	t.is(rollback.judge(desired(2)), undefined);
});

test('what is remembered outlives a restart, but not another device', async (t) => {
	const state = memory();
	const rollback = rollbackWith(state);
	rollback.observe(status(1, false), running(1));
	rollback.observe(status(2, true), running(2));
	t.deepEqual(rollbackWith(state).judge(desired(2))?.instead, desired(1));
	t.is(rollbackWith(state, 'hub/other').judge(desired(2)), undefined);
});
