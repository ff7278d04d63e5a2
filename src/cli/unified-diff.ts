/** One line of a comparison: in both texts, only in the old one, only in the new one. */
interface Line {
	readonly mark: ' ' | '-' | '+';
	readonly text: string;
}

/** Lines shown around changes. */
const context = 3;
/** Pairs of lines that are compared at most; longer texts count as replaced as a whole. */
const maxPairs = 4_000_000;

/**
 * The differences of two texts as hunks of the unified format, without file names. Empty where the
 * texts are equal.
 */
export function unifiedDiff(before: readonly string[], after: readonly string[]): string[] {
	const lines = compare(before, after);
	const changed = lines.flatMap(({ mark }, index) => (mark === ' ' ? [] : index));
	const output: string[] = [];
	for (let first = 0; first < changed.length; ) {
		let last = first;
		while (gapAfter(changed, last) <= 2 * context) last += 1;
		const start = Math.max(0, (changed[first] ?? 0) - context);
		const end = Math.min(lines.length, (changed[last] ?? 0) + context + 1);
		output.push(...hunk(lines, start, end));
		first = last + 1;
	}
	return output;
}

function gapAfter(changed: readonly number[], index: number): number {
	return (changed[index + 1] ?? Number.POSITIVE_INFINITY) - (changed[index] ?? 0) - 1;
}

function hunk(lines: readonly Line[], start: number, end: number): string[] {
	const body = lines.slice(start, end);
	const earlier = lines.slice(0, start);
	const ranges = (['-', '+'] as const).map((mark) => {
		const isOf = (line: Line) => line.mark === ' ' || line.mark === mark;
		const count = body.filter(isOf).length;
		const from = earlier.filter(isOf).length + (count === 0 ? 0 : 1);
		return `${mark}${from},${count}`;
	});
	return [`@@ ${ranges.join(' ')} @@`, ...body.map(({ mark, text }) => `${mark}${text}`)];
}

function compare(before: readonly string[], after: readonly string[]): Line[] {
	let head = 0;
	while (head < before.length && head < after.length && before[head] === after[head]) head += 1;
	let tail = 0;
	const shorter = Math.min(before.length, after.length) - head;
	while (tail < shorter && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
	const middle = compareMiddle(
		before.slice(head, before.length - tail),
		after.slice(head, after.length - tail),
	);
	return [
		...marked(' ', before.slice(0, head)),
		...middle,
		...marked(' ', before.slice(before.length - tail)),
	];
}

function marked(mark: Line['mark'], texts: readonly string[]): Line[] {
	return texts.map((text) => ({ mark, text }));
}

/** Keeps the longest common subsequence. */
function compareMiddle(before: readonly string[], after: readonly string[]): Line[] {
	if (before.length * after.length > maxPairs) {
		return [...marked('-', before), ...marked('+', after)];
	}
	const lengths = commonLengths(before, after);
	const width = after.length + 1;
	const lines: Line[] = [];
	let row = 0;
	let column = 0;
	while (row < before.length && column < after.length) {
		const [old = '', young = ''] = [before[row], after[column]];
		if (old === young) {
			lines.push({ mark: ' ', text: old });
			row += 1;
			column += 1;
		} else if (
			(lengths[(row + 1) * width + column] ?? 0) >= (lengths[row * width + column + 1] ?? 0)
		) {
			lines.push({ mark: '-', text: old });
			row += 1;
		} else {
			lines.push({ mark: '+', text: young });
			column += 1;
		}
	}
	return [...lines, ...marked('-', before.slice(row)), ...marked('+', after.slice(column))];
}

/** Length of the longest common subsequence of the rests from each row and column on. */
function commonLengths(before: readonly string[], after: readonly string[]): Uint32Array {
	const width = after.length + 1;
	const lengths = new Uint32Array((before.length + 1) * width);
	for (let row = before.length - 1; row >= 0; row -= 1) {
		for (let column = after.length - 1; column >= 0; column -= 1) {
			const below = lengths[(row + 1) * width + column] ?? 0;
			const right = lengths[row * width + column + 1] ?? 0;
			const diagonal = (lengths[(row + 1) * width + column + 1] ?? 0) + 1;
			lengths[row * width + column] =
				before[row] === after[column] ? diagonal : Math.max(below, right);
		}
	}
	return lengths;
}
