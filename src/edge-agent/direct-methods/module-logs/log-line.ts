/** A line that a module has written. */
export interface LogLine {
	/** As in syslog, 0 to 7; 6 where the line does not say. */
	readonly level: number;
	/** RFC 3339 with the offset as written; absent where the line has none. */
	readonly timestamp?: string;
	/** What remains of the line. */
	readonly text: string;
}

const defaultLevel = 6;
const pattern =
	/^(?:<([0-7])>)?\s*(?:(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d+)?)\s*([+-]\d\d:\d\d|Z)\s*)?(.*)$/s;

/**
 * Reads the form in which the modules of Azure IoT Edge log: `<6> 2026-01-02 03:04:05.678 +00:00
 * text`. Level and time may be absent, a time counts only with its zone.
 */
export function parseLogLine(line: string): LogLine {
	const [, level, date, time, zone, text = ''] = pattern.exec(line) ?? [];
	return {
		level: level === undefined ? defaultLevel : Number(level),
		...(date === undefined ? {} : { timestamp: `${date}T${time}${zone}` }),
		text,
	};
}
