import { textAt } from '../json-reading.ts';
import { column } from './column.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

/** A duration as kubectl writes it: `45s`, `3m20s`, `5h`, `2d3h`, `30d`, `1y20d`. */
export function humanDuration(ms: number): string {
	const seconds = Math.floor(ms / 1000);
	if (seconds < -1) return '<invalid>';
	if (seconds < 0) return '0s';
	if (seconds < 2 * minute) return `${seconds}s`;
	if (seconds < 10 * minute) return pair(seconds, minute, 'm', 1, 's');
	if (seconds < 3 * hour) return `${Math.floor(seconds / minute)}m`;
	if (seconds < 8 * hour) return pair(seconds, hour, 'h', minute, 'm');
	if (seconds < 2 * day) return `${Math.floor(seconds / hour)}h`;
	if (seconds < 8 * day) return pair(seconds, day, 'd', hour, 'h');
	if (seconds < 2 * year) return `${Math.floor(seconds / day)}d`;
	if (seconds < 8 * year) return pair(seconds, year, 'y', day, 'd');
	return `${Math.floor(seconds / year)}y`;
}

function pair(
	seconds: number,
	large: number,
	largeUnit: string,
	small: number,
	smallUnit: string,
): string {
	const rest = Math.floor((seconds % large) / small);
	const whole = `${Math.floor(seconds / large)}${largeUnit}`;
	return rest === 0 ? whole : `${whole}${rest}${smallUnit}`;
}

/** The time between an RFC 3339 timestamp and now. */
export function ageOf(timestamp: string, now: number): string {
	const time = Date.parse(timestamp);
	return Number.isNaN(time) ? '<unknown>' : humanDuration(now - time);
}

/** How long ago an object was made. */
export const ageColumn = column('Age', (object, now) =>
	ageOf(textAt(object, 'metadata', 'creationTimestamp'), now),
);

/** When an object was made. */
export const createdAtColumn = column('Created At', (object) =>
	textAt(object, 'metadata', 'creationTimestamp'),
);
