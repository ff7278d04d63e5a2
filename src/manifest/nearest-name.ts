/**
 * The known name that somebody who typed `name` most likely meant: equal but for case, or no
 * farther than a third of its letters.
 */
export function nearestName(name: string, known: Iterable<string>): string | undefined {
	if (name.length > 64) return undefined;
	const typed = name.trim().toLowerCase();
	let best: string | undefined;
	let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
	for (const candidate of known) {
		if (Math.abs(candidate.length - typed.length) >= bestDistance) continue;
		const distance = editDistance(typed, candidate.toLowerCase());
		if (distance < bestDistance) {
			best = candidate;
			bestDistance = distance;
		}
	}
	return best;
}

/** A remedy's sentence for `nearestName`; empty where nothing is near. */
export function suggestion(name: string, known: Iterable<string>): string {
	const near = nearestName(name, known);
	return near === undefined ? '' : `Did you mean "${near}"?`;
}

/** Letters to insert, delete, replace or swap with their neighbour (optimal string alignment). */
function editDistance(from: string, to: string): number {
	let beforePrevious: number[] = [];
	let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
	for (let row = 1; row <= from.length; row += 1) {
		const current = [row];
		for (let column = 1; column <= to.length; column += 1) {
			const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
			const swapped =
				from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]
					? (beforePrevious[column - 2] ?? Number.POSITIVE_INFINITY) + 1
					: Number.POSITIVE_INFINITY;
			current[column] = Math.min(
				replaced,
				swapped,
				(previous[column] ?? 0) + 1,
				(current[column - 1] ?? 0) + 1,
			);
		}
		beforePrevious = previous;
		previous = current;
	}
	return previous[to.length] ?? 0;
}
