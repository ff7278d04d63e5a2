import test from 'ava';
import fc from 'fast-check';
import { unifiedDiff } from '../../src/cli/unified-diff.ts';

function lines(text: string): string[] {
	return text.split('');
}

test('equal texts have no differences', (t) => {
	t.deepEqual(unifiedDiff(lines('abc'), lines('abc')), []);
	t.deepEqual(unifiedDiff([], []), []);
});

test('a change stands between three lines of context', (t) => {
	t.deepEqual(unifiedDiff(lines('abcdXefgh'), lines('abcdYefgh')), [
		'@@ -2,7 +2,7 @@',
		...[' b', ' c', ' d', '-X', '+Y', ' e', ' f', ' g'],
	]);
});

test('near changes share a hunk, far ones do not', (t) => {
	const hunks = (before: string, after: string) =>
		unifiedDiff(lines(before), lines(after)).filter((line) => line.startsWith('@@'));
	t.deepEqual(hunks('1abcdef2', 'abcdef'), ['@@ -1,8 +1,6 @@']);
	t.deepEqual(hunks('1abcdefg2', 'abcdefg'), ['@@ -1,4 +1,3 @@', '@@ -6,4 +5,3 @@']);
});

test('all of a text is new where there was none', (t) => {
	t.deepEqual(unifiedDiff([], lines('ab')), ['@@ -0,0 +1,2 @@', '+a', '+b']);
	t.deepEqual(unifiedDiff(lines('ab'), []), ['@@ -1,2 +0,0 @@', '-a', '-b']);
});

/** What `patch` does with the hunks. */
function patched(before: readonly string[], hunks: readonly string[]): string[] {
	const result: string[] = [];
	let at = 0;
	for (const line of hunks) {
		const [, start] = /^@@ -(\d+),/.exec(line) ?? [];
		if (start !== undefined) {
			const from = Math.max(at, Number(start) - 1);
			result.push(...before.slice(at, from));
			at = from;
		} else if (line.startsWith('+')) result.push(line.slice(1));
		else {
			if (line.slice(1) !== before[at]) throw new Error(`${line} does not fit`);
			if (line.startsWith(' ')) result.push(line.slice(1));
			at += 1;
		}
	}
	return [...result, ...before.slice(at)];
}

test('the hunks make the new text of the old', (t) => {
	const text = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 30 });
	fc.assert(
		fc.property(text, text, (before, after) => {
			t.deepEqual(patched(before, unifiedDiff(before, after)), after);
		}),
	);
});

test('texts too long to compare count as replaced', (t) => {
	const before = Array.from({ length: 3000 }, (_, index) => `old ${index}`);
	const after = Array.from({ length: 3000 }, (_, index) => `new ${index}`);
	t.is(unifiedDiff(before, after).length, 6001);
});
