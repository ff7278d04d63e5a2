import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { createProgram } from '../../src/cli/program.ts';
import { readFleets } from '../../src/cli/simulate/fleet.ts';
import {
	compileTemplate,
	type TemplateContext,
	type TemplateFault,
} from '../../src/cli/simulate/payload-template.ts';
import type { JsonValue } from '../../src/runtime/json.ts';
import { startEdge } from '../../src/testing/testing.ts';
import { RecordingTerminal } from '../support/recording-terminal.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const context: TemplateContext = {
	deviceId: 'dev7',
	index: 7,
	sequence: 3,
	now: Date.parse('2026-05-01T10:00:00Z'),
	random: () => 0.5,
};

/** `$` of a placeholder, written so that it is none of JavaScript. */
const d = '$';

const filled: readonly [template: JsonValue, value: JsonValue][] = [
	['plain', 'plain'],
	[`${d}{deviceId}`, 'dev7'],
	[`${d}{index}`, 7],
	[`n=${d}{sequence}!`, 'n=3!'],
	[`${d}{now}`, '2026-05-01T10:00:00.000Z'],
	[`${d}{timestamp}`, 1_777_629_600_000],
	[`${d}{random(20, 30)}`, 25],
	[`${d}{random(-1,0)}`, -0.5],
	[`${d}{integer(1,6)}`, 4],
	[`${d}{ pick(a, b, c) }`, 'b'],
	[`${d}{deviceId}-${d}{index}`, 'dev7-7'],
	[
		{ a: [1, null, `${d}{sequence}`], b: { c: true } },
		{ a: [1, null, 3], b: { c: true } },
	],
	[`cost: ${d}5`, `cost: ${d}5`],
];

test('placeholders are filled in, with numbers where they stand alone', (t) => {
	const faults: TemplateFault[] = [];
	for (const [template, value] of filled) {
		t.deepEqual(compileTemplate(template, '$', faults)(context), value, JSON.stringify(template));
	}
	t.deepEqual(faults, []);
});

const wrong: readonly [text: string, path: string, message: RegExp][] = [
	['fleets: [', '$', /neither JSON nor YAML/],
	['[]', '$', /object/],
	['{}', '$.fleets', /missing/],
	['{fleets: []}', '$.fleets', /fewer than 1/],
	['{fleets: [{id: a}]}', '$.fleets[0].payload', /missing/],
	['{fleets: [{id: a, payload: 1, count: 0}]}', '$.fleets[0].count', />= 1/],
	['{fleets: [{id: a, payload: 1, ratee: 1}]}', '$.fleets[0].ratee', /no such member/],
	['{fleets: [{id: a, payload: 1, count: 2}]}', '$.fleets[0].id', /needs/],
	['{fleets: [{id: a, payload: 1}, {id: a, payload: 1}]}', '$.fleets[1].id', /two devices "a"/],
	[`{fleets: [{id: a, payload: {x: ["${d}{nope}"]}}]}`, '$.fleets[0].payload.x[0]', /There are/],
	[`{fleets: [{id: a, payload: "${d}{random(1)}"}]}`, '$.fleets[0].payload', /two numbers/],
];

test('what is wrong with a file of fleets is said with its place', (t) => {
	for (const [text, path, message] of wrong) {
		const [problem] = readFleets(text).problems ?? [];
		t.is(problem?.path, path, text);
		t.regex(problem?.message ?? '', message, text);
	}
	t.is(readFleets('{fleets: [{id: a, count: 0, rate: 0}]}').problems?.length, 3);
});

test('a fleet plays through an edge hub, and every message is accounted for', async (t) => {
	await using edge = await startEdge({});
	const folder = await temporaryFolder(t);
	const fleet = {
		id: `leaf${d}{index}`,
		count: 5,
		rate: 20,
		payload: { from: `${d}{deviceId}`, n: `${d}{sequence}` },
		properties: { fleet: 'one' },
		reported: { firmware: 2 },
		methods: { reboot: { status: 202, payload: { device: `${d}{deviceId}` } } },
	};
	await writeFile(join(folder, 'fleet.json'), JSON.stringify({ fleets: [fleet] }));
	await writeFile(join(folder, 'hub.pem'), edge.hub.authority);
	await writeFile(join(folder, 'gateway.pem'), edge.trustBundle);
	const terminal = new RecordingTerminal();
	const running = createProgram(terminal).parseAsync(
		[
			...['simulate', join(folder, 'fleet.json'), '--duration', '2s', '--output', 'json'],
			...['--connection-string', edge.hub.connectionString, '--ca', join(folder, 'hub.pem')],
			...['--gateway', edge.gatewayHostName, '--gateway-ca', join(folder, 'gateway.pem')],
			...['--parent', edge.deviceId],
		],
		{ from: 'user' },
	);
	await edge.upstream({ from: 'leaf3' });
	t.deepEqual(await edge.hub.call('leaf3', { name: 'reboot' }), {
		status: 202,
		payload: { device: 'leaf3' },
	});
	await running;
	t.is(process.exitCode, 0);
	const summary = JSON.parse(terminal.output.trim().split('\n').at(-1) ?? '');
	t.like(summary, { event: 'summary', succeeded: true, connected: 5, failed: 0 });
	t.true(summary.sent > 50);
	while (edge.hub.messages.length < summary.acknowledged) {
		await edge.upstream({ where: ({ properties }) => properties['fleet'] === 'one' });
	}
	const distinct = new Set(edge.hub.messages.map(({ text }) => text));
	t.is(distinct.size, summary.sent);
	t.is(edge.hub.twin('leaf1').reported['firmware'], 2);
});
