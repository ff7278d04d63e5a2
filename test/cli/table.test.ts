import test from 'ava';
import { formatDuration, parseDuration } from '../../src/cli/duration.ts';
import { formatTable } from '../../src/cli/table.ts';

test('columns align, numbers to the right, colours and wide letters do not count', (t) => {
	const rows = [
		['filter', '\u001b[32mrunning\u001b[39m', '7'],
		['Größe', 'backoff', '1,024'],
	];
	t.deepEqual(formatTable(['MODULE', 'STATUS', 'IN'], rows), [
		'MODULE  STATUS      IN',
		'filter  \u001b[32mrunning\u001b[39m      7',
		'Größe   backoff  1,024',
	]);
});

test('a table without rows is its headings', (t) => {
	t.deepEqual(formatTable(['A', 'B'], []), ['A  B']);
});

const durations: [text: string, ms: number, again: string][] = [
	['40s', 40_000, '40s'],
	['90', 90_000, '1m 30s'],
	['1.5m', 90_000, '1m 30s'],
	['2h', 7_200_000, '2h 0m'],
	['500ms', 500, '1s'],
];
for (const [text, ms, again] of durations) {
	test(`a duration of ${text} is ${ms} milliseconds`, (t) => {
		t.is(parseDuration(text), ms);
		t.is(formatDuration(ms), again);
	});
}

for (const text of ['', 'soon', '-1s', '1d', '1 s s']) {
	test(`"${text}" is no duration`, (t) => {
		t.throws(() => parseDuration(text), { message: /such as 40s/ });
	});
}
