import test from 'ava';
import fc from 'fast-check';
import { numberOfText } from '../../src/conditions/number-text.ts';

test('numbers are read as .NET reads them in the invariant culture', (t) => {
	const table: [string, number][] = [
		['42', 42],
		[' \t42\r\n', 42],
		['+5', 5],
		['-5', -5],
		['5-', -5],
		['5 -', -5],
		['-¤ 5', -5],
		['(5)', -5],
		[' (5 ) ', -5],
		['1,234,567.5', 1234567.5],
		['1,,2', 12],
		['.5', 0.5],
		['5.', 5],
		['1e3', 1000],
		['1.5E-2', 0.015],
		['¤5', 5],
		['5¤', 5],
		['-¤1,000.25', -1000.25],
		['Infinity', Number.POSITIVE_INFINITY],
		['-infinity', Number.NEGATIVE_INFINITY],
		['1e999', Number.POSITIVE_INFINITY],
		['007', 7],
	];
	for (const [text, value] of table) t.is(numberOfText(text), value, text);
});

test('anything else is no number', (t) => {
	for (const text of [
		...[
			'',
			' ',
			'.',
			'-',
			'()',
			'(5',
			'5)',
			'(-5)',
			'-5-',
			'- 5',
			'+ 5',
			'( 5)',
			'--5',
			'+-5',
			'0x10',
			'1.2.3',
			'1e',
			'e5',
		],
		...['1e+', ',5', '½', '٣', 'five', '5 6', '5a', '¤', '¤5¤', 'NaN', '1 000', '1.000,5', '(5)-'],
	]) {
		t.is(numberOfText(text), Number.NaN, text);
	}
});

test('what JavaScript writes is read as the same number', (t) => {
	fc.assert(
		fc.property(fc.double({ noNaN: true }), (value) => {
			t.is(numberOfText(String(value)), value === 0 ? Math.abs(value) : value);
		}),
	);
});
