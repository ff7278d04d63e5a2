import test from 'ava';
import { RecentSummary } from '../../src/edge-hub/metrics/recent-summary.ts';

const summary = () =>
	new RecentSummary({
		name: 'size',
		help: 'Size of things.',
		labelNames: ['id'],
		quantiles: [0.5, 0.99],
		maxAge: 1_000,
	});

test('a summary tells quantiles, sum and count for each set of labels', (t) => {
	const sizes = summary();
	for (let value = 1; value <= 100; value += 1) sizes.observe({ id: 'a' }, 101 - value, 0);
	sizes.observe({ id: 'b"\\' }, 7, 0);
	t.is(
		sizes.text({ hub: 'h' }, 0),
		[
			'# HELP size Size of things.',
			'# TYPE size summary',
			'size{quantile="0.5",id="a",hub="h"} 51',
			'size{quantile="0.99",id="a",hub="h"} 100',
			'size_sum{id="a",hub="h"} 5050',
			'size_count{id="a",hub="h"} 100',
			'size{quantile="0.5",id="b\\"\\\\",hub="h"} 7',
			'size{quantile="0.99",id="b\\"\\\\",hub="h"} 7',
			'size_sum{id="b\\"\\\\",hub="h"} 7',
			'size_count{id="b\\"\\\\",hub="h"} 1',
		].join('\n'),
	);
});

test('quantiles forget what is old or far back, sum and count do not', (t) => {
	const sizes = summary();
	sizes.observe({ id: 'a' }, 1_000, 0);
	for (let round = 0; round < 600; round += 1) sizes.observe({ id: 'a' }, 2, 500);
	t.regex(sizes.text({}, 500), /quantile="0.99",id="a"} 2\n/);
	t.regex(
		sizes.text({}, 1_501),
		/quantile="0.99",id="a"} NaN\n.*_sum\{id="a"} 2200\n.*_count.* 601$/,
	);
});
