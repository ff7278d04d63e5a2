import { methodFault } from '../agent-methods.ts';

const units: Readonly<Record<string, number>> = {
	s: 1000,
	m: 60_000,
	h: 3_600_000,
	d: 86_400_000,
	w: 604_800_000,
};

const duration =
	/(\d{1,9})\s*(seconds?|secs?|s|minutes?|mins?|m|hours?|hr?|d(?:ays?)?|w(?:eeks?)?)(?![a-z])/gy;

/**
 * A moment of `since` or `until`: seconds since 1970, an RFC 3339 time, or how long ago (`90m`,
 * `2 days 6 hours`).
 *
 * @returns wall time in milliseconds.
 * @throws EdgeError EDGE_METHOD_INVALID
 */
export function parseLogTime(text: string, now: number): number {
	const trimmed = text.trim();
	if (/^\d{1,12}$/.test(trimmed)) return Number(trimmed) * 1000;
	const ago = durationOf(trimmed.toLowerCase());
	if (ago !== undefined) return now - ago;
	const moment = /^\d{4}-\d\d-\d\dT/.test(trimmed) ? Date.parse(trimmed) : Number.NaN;
	if (Number.isNaN(moment)) throw methodFault(`"${text.slice(0, 50)}" is no time.`);
	return moment;
}

function durationOf(text: string): number | undefined {
	const compact = text.replace(/[\s,]+/g, ' ').trim();
	if (compact === '') return undefined;
	let total = 0;
	let position = 0;
	while (position < compact.length) {
		duration.lastIndex = position;
		const found = duration.exec(compact);
		if (found === null) return undefined;
		total += Number(found[1]) * (units[found[2]?.charAt(0) ?? ''] ?? 0);
		position = duration.lastIndex;
		while (compact[position] === ' ') position += 1;
	}
	return total;
}
