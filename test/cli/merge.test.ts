import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { merge } from '../../src/cli/commands/merge.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { desiredProperties } from '../support/edge-deployment.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

function module(image: string): JsonObject {
	return { type: 'docker', settings: { image } };
}

const base = {
	modulesContent: {
		$edgeAgent: { 'properties.desired': desiredProperties({ modules: { filter: {} } }) },
		$edgeHub: {
			'properties.desired': {
				schemaVersion: '1.1',
				routes: {},
				storeAndForwardConfiguration: { timeToLiveSecs: 1 },
			},
		},
		filter: { 'properties.desired': { interval: 1 } },
	},
};

function layer(image: string, rest: JsonObject = {}): JsonObject {
	const agent = { 'properties.desired.modules.filter': module(image) };
	return { modulesContent: { $edgeAgent: agent, ...rest } };
}

async function merged(
	t: ExecutionContext,
	files: readonly JsonObject[],
	options: Partial<Parameters<typeof merge>[1]> = {},
) {
	const folder = await temporaryFolder(t);
	const paths = files.map((_, index) => join(folder, `${'abc'[index]}.json`));
	for (const [index, path] of paths.entries()) await writeFile(path, JSON.stringify(files[index]));
	const terminal = new RecordingTerminal();
	const code = await merge(paths, { output: 'manifest', ...options }, terminal);
	const result = terminal.output === '' ? undefined : JSON.parse(terminal.output);
	const manifest = options.output === 'json' ? result?.manifest : result;
	const desired = manifest?.modulesContent.$edgeAgent['properties.desired'];
	return { code, result, notes: terminal.notes, image: desired?.modules.filter.settings.image };
}

test('the effective manifest is whole, and what was overridden is told', async (t) => {
	const twin = { filter: { 'properties.desired.interval': 5 } };
	const { code, result, notes, image } = await merged(t, [base, layer('site:1', twin)]);
	t.is(code, 0);
	t.is(image, 'site:1');
	t.deepEqual(result.modulesContent.filter, { 'properties.desired': { interval: 5 } });
	t.deepEqual(notes.split('\n'), [
		'Laid over each other by priority: a.json (0), b.json (1).',
		'b.json overrides properties.desired.modules.filter of $edgeAgent, which a.json had set.',
		'b.json overrides properties.desired.interval of filter, which a.json had set.',
		'',
	]);
});

test('later files win, unless priorities say otherwise', async (t) => {
	const files = [base, layer('b:1'), layer('c:1')];
	t.is((await merged(t, files)).image, 'c:1');
	t.is((await merged(t, files, { priorities: [0, 20, 10] })).image, 'b:1');
	const exported = files.map((content, index) => ({
		id: `deployment-${index}`,
		priority: [1, 7, 3][index] ?? 0,
		content,
	}));
	const { image, notes } = await merged(t, exported);
	t.is(image, 'b:1');
	t.regex(notes, /^deployment-1 overrides .* which deployment-2 had set\.$/m);
});

test('what adds to the base overrides nothing, and what lies below it has no effect', async (t) => {
	const extra = { modulesContent: { $edgeAgent: { 'properties.desired.modules.b': module('b') } } };
	const json = await merged(t, [base, extra], { output: 'json' });
	t.deepEqual(json.result.overrides, []);
	const { result } = await merged(t, [base, layer('b:1')], { output: 'json', priorities: [5, 1] });
	t.deepEqual(
		result.problems.map(({ code }: { code: string }) => code),
		['EDGE_LAYER_IGNORED'],
	);
});

test('a faulty layer or a faulty result ends with 2', async (t) => {
	t.is((await merged(t, [base, {}])).code, 2);
	const broken = await merged(t, [base, layer('NO IMAGE')]);
	t.is(broken.code, 2);
	t.regex(
		broken.notes,
		/effective manifest \$\.modulesContent\.\$edgeAgent.*filter\.settings\.image/,
	);
});

test('exports are laid over a plain manifest by their own priorities', async (t) => {
	const exported = [20, 10].map((priority) => ({
		id: `site-${priority}`,
		priority,
		content: layer(`p:${priority}`),
	}));
	const { image, notes } = await merged(t, [base, ...exported]);
	t.is(image, 'p:20');
	t.regex(notes, /by priority: a\.json \(0\), site-10 \(10\), site-20 \(20\)\./);
});

test('layers without a base, and priorities that are not as many as files, are refused', async (t) => {
	const layers = [layer('a:1'), layer('b:1')];
	const { code, notes, result } = await merged(t, layers);
	t.is(code, 2);
	t.is(result, undefined);
	t.regex(notes, /There is no base/);
	const error = await t.throwsAsync(merged(t, layers, { priorities: [1] }));
	t.regex(`${error}`, /There are 2 files, but 1 priorities/);
});
