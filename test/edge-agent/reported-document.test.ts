import test from 'ava';
import fc from 'fast-check';
import { maxDocumentBytes } from '../../src/edge-agent/twin/fit-twin.ts';
import {
	type ReportedState,
	reportedDocument,
} from '../../src/edge-agent/twin/reported-document.ts';
import type { Deployment, ModuleDeployment } from '../../src/manifest/deployment.ts';
import { diff, mergePatch } from '../../src/protocol/twin.ts';
import { validateReportedPatch } from '../../src/protocol/twin-validation.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

function module(name: string, rest: Partial<ModuleDeployment> = {}): ModuleDeployment {
	return {
		name,
		system: false,
		version: '1.0',
		status: 'running',
		restartPolicy: 'always',
		imagePullPolicy: 'on-create',
		startupOrder: 4294967295,
		image: 'example/image:1',
		createOptions: {},
		env: new Map(),
		path: `$.modules.${name}`,
		...rest,
	};
}

function state(modules: readonly ModuleDeployment[], description = 'Started.'): ReportedState {
	const deployment: Deployment = {
		schemaVersion: '1.1',
		runtime: {
			type: 'docker',
			settings: {
				minDockerVersion: 'v1.25',
				registryCredentials: { r: { address: 'a', username: 'u', password: 'pass-word' } },
			},
		},
		registryCredentials: new Map([['r', { address: 'a', username: 'u', password: 'pass-word' }]]),
		modules,
	};
	const status = (name: string) => ({
		name,
		runtimeStatus: 'running' as const,
		statusDescription: description,
		exitCode: 0,
		lastStartTimeUtc: '2026-01-01T00:00:00Z',
		restartCount: 3,
		imageId: `registry/image@sha256:${'0'.repeat(64)}`,
		readyReplicas: 1,
		replicas: 1,
	});
	return {
		desiredVersion: 7,
		code: 200,
		description: '',
		deployment,
		modules: new Map(modules.map(({ name }) => [name, status(name)])),
		agent: { image: 'iotedge-k8s:0.1.0', startedAt: '2026-01-01T00:00:00Z' },
		programVersion: '0.1.0',
		platform: { os: 'linux', architecture: 'x64' },
	};
}

test('has the shape that Azure tools read', (t) => {
	const system = { system: true, startupOrder: 0 };
	const document = reportedDocument(
		state([module('edgeAgent', system), module('edgeHub', system), module('filter')]),
	);
	t.like(document, {
		schemaVersion: '1.0',
		version: { version: '0.1.0' },
		lastDesiredVersion: 7,
		lastDesiredStatus: { code: 200 },
		runtime: { type: 'docker', settings: { minDockerVersion: 'v1.25' } },
		systemModules: {
			edgeAgent: { type: 'docker', runtimeStatus: 'running' },
			edgeHub: { status: 'running', restartPolicy: 'always', restartCount: 3 },
		},
		modules: {
			filter: {
				type: 'docker',
				version: '1.0',
				status: 'running',
				runtimeStatus: 'running',
				statusDescription: 'Started.',
				exitCode: 0,
				lastStartTimeUtc: '2026-01-01T00:00:00Z',
				restartCount: 3,
				settings: { image: 'example/image:1', createOptions: '{}' },
			},
		},
	});
	t.is(document['omitted'], undefined);
});

test('never reports the password of a registry', (t) => {
	t.false(JSON.stringify(reportedDocument(state([module('filter')]))).includes('pass-word'));
});

test('cuts a description that is too long for a twin at the end of a character', (t) => {
	const document = reportedDocument(state([module('filter')], '€'.repeat(5000)));
	const modules = document['modules'] as { filter: { statusDescription: string } };
	const { statusDescription } = modules.filter;
	t.true(Buffer.byteLength(statusDescription) <= 4096);
	t.regex(statusDescription, /^€+…$/);
});

test('leaves out environment variables whose names a twin does not take', (t) => {
	const env = new Map([
		['GOOD', '1'],
		['not.good', '2'],
		['$bad', '3'],
	]);
	const document = reportedDocument(state([module('filter', { env })]));
	const modules = document['modules'] as { filter: { env: JsonObject } };
	t.deepEqual(modules.filter.env, { GOOD: { value: '1' } });
});

test('shortens descriptions before it leaves out what repeats the deployment, and says what is missing', (t) => {
	const many = (count: number) => Array.from({ length: count }, (_, n) => module(`module${n}`));
	const wordy = reportedDocument(state(many(20), 'x'.repeat(3000)));
	t.is(wordy['omitted'], undefined);
	t.deepEqual(Object.keys(wordy['modules'] as JsonObject).length, 20);

	const createOptions = {
		HostConfig: { Binds: Array.from({ length: 60 }, (_, n) => `/a${n}:/b`) },
	};
	const large = Array.from({ length: 40 }, (_, n) => module(`module${n}`, { createOptions }));
	const trimmed = reportedDocument(state(large));
	t.is(trimmed['omitted'], 'createOptions, env');
	const modules = trimmed['modules'] as Record<string, { settings: JsonObject }>;
	t.is(modules['module0']?.settings['createOptions'], undefined);
	t.truthy(modules['module39']?.settings['image']);

	const crowd = reportedDocument(state(many(300)));
	t.regex(String(crowd['omitted']), /^createOptions, env, imageHash, \d+ of 300 modules$/);
});

test('reports createOptions in chunks that together are the text, no character cut', (t) => {
	const createOptions = { Labels: { a: '😀'.repeat(900) } };
	const document = reportedDocument(state([module('filter', { createOptions })]));
	const modules = document['modules'] as { filter: { settings: Record<string, string> } };
	const { image: _, imageHash: __, ...chunks } = modules.filter.settings;
	t.deepEqual(Object.keys(chunks).slice(0, 2), ['createOptions', 'createOptions01']);
	t.true(Object.values(chunks).every((chunk) => chunk.length <= 512 && chunk.isWellFormed()));
	t.deepEqual(JSON.parse(Object.values(chunks).join('')), createOptions);
});

const anyModule = fc.record({
	name: fc.stringMatching(/^[a-zA-Z0-9_-]{1,20}$/),
	image: fc.string({ maxLength: 200 }),
	env: fc
		.array(fc.tuple(fc.string({ maxLength: 10 }), fc.string({ maxLength: 6000 })), { maxLength: 4 })
		.map((entries) => new Map(entries)),
	createOptions: fc.dictionary(fc.string({ maxLength: 6 }), fc.string({ maxLength: 2000 })),
});

test('is a report that IoT Hub takes, whatever the deployment and the states', (t) => {
	const modules = fc.uniqueArray(anyModule, { selector: ({ name }) => name, maxLength: 60 });
	fc.assert(
		fc.property(modules, fc.string({ unit: 'binary', maxLength: 6000 }), (some, description) => {
			const document = reportedDocument(
				state(
					some.map(({ name, ...rest }) => module(name, rest)),
					description,
				),
			);
			t.true(Buffer.byteLength(JSON.stringify(document)) <= maxDocumentBytes);
			t.deepEqual(validateReportedPatch(document), []);
		}),
		{ numRuns: 60 },
	);
});

test('what has not changed is not sent again, and what is gone is deleted', (t) => {
	const before = reportedDocument(state([module('a'), module('b')]));
	const after = reportedDocument(state([module('a')], 'Ended.'));
	const patch = diff(before, after);
	t.deepEqual(patch, { modules: { a: { statusDescription: 'Ended.' }, b: null } });
	t.deepEqual(mergePatch(before, patch, { nullDeletes: true }), after);
	t.deepEqual(diff(after, after), {});
});
