/**
 * Compiles the FROM of a route: trailing `*` and `/` are dropped, then a source matches that begins
 * with the rest, whatever its case, and ends or goes on with `/` there. A `*` elsewhere stands for
 * itself.
 */
export function compileSourcePattern(pattern: string): (source: string) => boolean {
	let end = pattern.length;
	while (end > 0 && pattern[end - 1] === '*') end -= 1;
	while (end > 0 && pattern[end - 1] === '/') end -= 1;
	const prefix = pattern.slice(0, end).toLowerCase();
	return (source) => {
		if (source.length < prefix.length) return false;
		if (source.length > prefix.length && source[prefix.length] !== '/') return false;
		return source.slice(0, prefix.length).toLowerCase() === prefix;
	};
}
