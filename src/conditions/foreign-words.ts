/** Words of other languages that people write in conditions, and what is meant by them here. */
const meanings: ReadonlyMap<string, string> = new Map([
	['&&', 'Conditions are joined by AND.'],
	['=', "Equality is one '='."],
	['between', 'There is no BETWEEN: compare twice, joined by AND.'],
	['in', 'There is no IN: compare with each value, joined by OR.'],
	['is', 'There is no IS: use is_null or is_defined.'],
	['like', 'There is no LIKE: use starts_with, ends_with or contains.'],
]);

/** A sentence with a blank in front about a word where none was expected; empty for most words. */
export function foreignWordHint(word: string): string {
	const meaning = meanings.get(word.toLowerCase());
	return meaning === undefined ? '' : ` ${meaning}`;
}
