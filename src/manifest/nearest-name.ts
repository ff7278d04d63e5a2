/** Names that somebody may have meant, prepared once for any number of typed ones. */
export class KnownNames {
	readonly #names: readonly {
		readonly name: string;
		readonly spelt: string;
		readonly letters: number;
	}[];

	constructor(names: Iterable<string>) {
		this.#names = [...names].map((name) => {
			const spelt = name.toLowerCase();
			return { name, spelt, letters: lettersOf(spelt) };
		});
	}

	/**
	 * The known name that somebody who typed `name` most likely meant: equal but for case, or no
	 * farther than a third of its letters.
	 */
	nearest(name: string): string | undefined {
		if (name.length > 64) return undefined;
		const typed = name.trim().toLowerCase();
		const letters = lettersOf(typed);
		let best: string | undefined;
		let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
		for (const known of this.#names) {
			if (Math.abs(known.spelt.length - typed.length) >= bestDistance) continue;
			if (strangers(letters, known.letters) >= bestDistance) continue;
			const distance = editDistance(typed, known.spelt, bestDistance);
			if (distance < bestDistance) {
				best = known.name;
				bestDistance = distance;
			}
		}
		return best;
	}

	/** A remedy's sentence for the nearest name; empty where nothing is near. */
	suggestion(name: string): string {
		const near = this.nearest(name);
		return near === undefined ? '' : `Did you mean "${near}"?`;
	}
}

/** `KnownNames.nearest` for one name. */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
	return new KnownNames(known).nearest(name);
}

/** `KnownNames.suggestion` for one name. */
export function suggestion(name: string, known: Iterable<string>): string {
	return new KnownNames(known).suggestion(name);
}

/** Which letters a name has, one bit each; others share bits. */
function lettersOf(name: string): number {
	let letters = 0;
	for (let at = 0; at < name.length; at += 1) letters |= 1 << (name.charCodeAt(at) & 31);
	return letters;
}

/** Letters of one name that the other lacks: each costs at least one step, so most names are no match. */
function strangers(one: number, other: number): number {
	return Math.max(bits(one & ~other), bits(other & ~one));
}

function bits(value: number): number {
	let count = 0;
	for (let rest = value; rest !== 0; rest &= rest - 1) count += 1;
	return count;
}

/**
 * Letters to insert, delete, replace or swap with their neighbour (optimal string alignment).
 *
 * @param limit where counting stops: a number from there on means no more than "too many".
 */
function editDistance(from: string, to: string, limit: number): number {
	let beforePrevious: readonly number[] = [];
	let previous: readonly number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
	let excess = 0;
	for (let row = 1; row <= from.length; row += 1) {
		const current = nextRow(from, to, row, previous, beforePrevious);
		// Neither of two rows that are over the limit leads back below it.
		excess = current.every((steps) => steps >= limit) ? excess + 1 : 0;
		if (excess === 2) return limit;
		beforePrevious = previous;
		previous = current;
	}
	return previous[to.length] ?? 0;
}

function nextRow(
	from: string,
	to: string,
	row: number,
	previous: readonly number[],
	beforePrevious: readonly number[],
): number[] {
	const current = [row];
	for (let column = 1; column <= to.length; column += 1) {
		const isSame = from[row - 1] === to[column - 1];
		let steps = (previous[column - 1] ?? 0) + (isSame ? 0 : 1);
		steps = Math.min(steps, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
		if (!isSame && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
			steps = Math.min(steps, (beforePrevious[column - 2] ?? steps) + 1);
		}
		current.push(steps);
	}
	return current;
}
