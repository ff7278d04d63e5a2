import test from 'ava';
import {
	type EdgeSnapshot,
	formatSnapshot,
	formatSummary,
	summarize,
} from '../../src/cli/dev/edge-snapshot.ts';
import { LiveScreen } from '../../src/cli/dev/live-screen.ts';

const filter = {
	name: 'filter',
	status: 'running',
	description: '',
	restarts: 1,
	wanted: true,
	messagesIn: 12,
	messagesOut: 9,
};
const good: EdgeSnapshot = {
	uptime: 61_000,
	deployment: { version: 3, code: 200, description: '' },
	modules: [filter],
	routed: 20,
	upstream: 9,
};
const plain = (_style: unknown, text: string) => text;

test('the live table shows each module and the totals', (t) => {
	const broken = {
		...filter,
		name: 'broken',
		status: 'backoff',
		description: 'Exit code 1.',
		restarts: 4,
	};
	t.deepEqual(formatSnapshot({ ...good, modules: [filter, broken] }, plain), [
		'MODULE  STATUS   RESTARTS  IN  OUT',
		'filter  running         1  12    9',
		'broken  backoff         4  12    9  Exit code 1.',
		'deployment 3: 200 · 20 routed · 9 in IoT Hub · 1m 1s',
	]);
});

test('a run succeeds when all wanted modules run and messages have arrived', (t) => {
	const stopped = { ...filter, name: 'off', status: 'stopped', wanted: false };
	const summary = summarize({ ...good, modules: [filter, stopped] }, { filter: 9 });
	t.true(summary.succeeded);
	t.deepEqual(formatSummary(summary), [
		'After 1m 1s:',
		'  modules running     1 of 1',
		'  messages routed     20',
		'  messages upstream   9 (9 from filter)',
	]);
});

const failures: [title: string, snapshot: EdgeSnapshot, problem: RegExp][] = [
	[
		'a wanted module does not run',
		{ ...good, modules: [{ ...filter, status: 'failed', description: 'Exit code 3.' }] },
		/filter is failed\. Exit code 3\./,
	],
	['nothing has arrived', { ...good, upstream: 0 }, /No message/],
	[
		'the deployment was refused',
		{ ...good, deployment: { version: 4, code: 412, description: 'schema' } },
		/412: schema/,
	],
	['the agent has said nothing', { ...good, deployment: undefined }, /not reported/],
];
for (const [title, snapshot, problem] of failures) {
	test(`a run fails when ${title}`, (t) => {
		const summary = summarize(snapshot, {});
		t.false(summary.succeeded);
		t.regex(formatSummary(summary).join('\n'), problem);
	});
}

test('the live block is drawn over itself, other lines go above it', (t) => {
	const written: string[] = [];
	const terminal = {
		write: (text: string) => written.push(text),
		note: () => {},
		columns: 10,
		rows: 5,
		style: plain,
	};
	const screen = new LiveScreen(terminal);
	screen.draw(['one', 'two']);
	screen.print('a line that is too long');
	t.deepEqual(written, ['one\ntwo\n', '\u001b[2A\r\u001b[Ja line t…\none\ntwo\n']);
});
