/**
 * Upper and lower case, one UTF-16 unit for one: `ß` has no upper case of one letter and stays, and a
 * Greek sigma does not depend on its place in the word (.NET documentation, invariant culture).
 */
export const letterCase = {
	upper: (text: string): string => map(text, text.toUpperCase(), (unit) => unit.toUpperCase()),
	lower: (text: string): string => map(text, text.toLowerCase(), (unit) => unit.toLowerCase()),
};

function map(text: string, whole: string, mapUnit: (unit: string) => string): string {
	if (whole.length === text.length && !text.includes('Σ')) return whole;
	let mapped = '';
	for (const unit of text.split('')) {
		const other = mapUnit(unit);
		mapped += other.length === 1 ? other : unit;
	}
	return mapped;
}
