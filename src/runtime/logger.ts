import { type BaseLogger, pino } from 'pino';

/** Structured fields of a log line. Secrets never belong here; known secret names are redacted. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A structured logger. A child adds its fields to every line. */
export interface Logger {
	debug(message: string, fields?: LogFields): void;
	info(message: string, fields?: LogFields): void;
	warn(message: string, fields?: LogFields): void;
	error(message: string, fields?: LogFields): void;
	child(fields: LogFields): Logger;
}

/** Levels as operators of Azure IoT Edge know them in `RuntimeLogLevel`. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Field names whose values are never printed, at the top of a line or one level below it. */
const secretNames = [
	'password',
	'authorization',
	'sharedAccessKey',
	'primaryKey',
	'secondaryKey',
	'connectionString',
	'token',
	'sasUrl',
	'privateKey',
];

/** A logger that writes one JSON object per line to standard error. */
export function createLogger(level: LogLevel, component: string): Logger {
	const redact = [...secretNames, ...secretNames.map((name) => `*.${name}`)];
	const root = pino(
		{
			level,
			base: { component },
			redact,
			timestamp: pino.stdTimeFunctions.isoTime,
			formatters: { level: (label) => ({ level: label }) },
		},
		pino.destination({ fd: 2, sync: true }),
	);
	return wrap(root);
}

/** A logger that drops everything. */
export const silentLogger: Logger = {
	debug: () => {},
	info: () => {},
	warn: () => {},
	error: () => {},
	child: () => silentLogger,
};

interface PinoLogger extends BaseLogger {
	child(fields: LogFields): PinoLogger;
}

function wrap(logger: PinoLogger): Logger {
	return {
		debug: (message, fields) => logger.debug(fields, message),
		info: (message, fields) => logger.info(fields, message),
		warn: (message, fields) => logger.warn(fields, message),
		error: (message, fields) => logger.error(fields, message),
		child: (fields) => wrap(logger.child(fields)),
	};
}
