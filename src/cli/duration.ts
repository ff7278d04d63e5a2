import { InvalidArgumentError } from 'commander';

const milliseconds = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

/**
 * Reads `40s`, `1.5m`, `2h`, `500ms`; a bare number is seconds.
 *
 * @returns milliseconds.
 * @throws InvalidArgumentError, which commander shows with the option's name.
 */
export function parseDuration(text: string): number {
	const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text.trim());
	if (match === null) throw new InvalidArgumentError('Give a duration such as 40s, 5m or 1h.');
	const unit = (match[2] ?? 's') as keyof typeof milliseconds;
	return Number(match[1]) * milliseconds[unit];
}

/** `1m 20s`: a duration for people. */
export function formatDuration(ms: number): string {
	const seconds = Math.round(ms / 1000);
	if (seconds < 60) return `${seconds}s`;
	if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
	return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
}
