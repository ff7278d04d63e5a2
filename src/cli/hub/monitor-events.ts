import type { Message } from 'rhea';
import { systemClock } from '../../runtime/clock.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import { exitCode } from '../exit-code.ts';
import { interruption } from '../interruption.ts';
import { plainText } from '../plain-text.ts';
import type { Terminal } from '../terminal.ts';
import { EventHub } from './event-hub.ts';
import { type HubOptions, hubAccess } from './hub-access.ts';
import type { ResultOptions } from './hub-result.ts';

/** Options of `monitor-events`. */
export interface MonitorOptions extends HubOptions, ResultOptions {
	/** Only from this device. */
	readonly device?: string;
	/** Only from this module. */
	readonly module?: string;
	/** Events that are there already too. */
	readonly all?: boolean;
	/** Milliseconds. */
	readonly duration?: number;
	/** Of the event hub; Azure's default is `$Default`. */
	readonly consumerGroup: string;
	/** Ends after so many events. */
	readonly count?: number;
}

interface Event {
	readonly sequenceNumber: number;
	readonly enqueuedTimeUtc: string;
	readonly deviceId: string;
	readonly moduleId: string | null;
	readonly systemProperties: JsonObject;
	readonly properties: JsonObject;
	readonly body?: JsonValue;
	readonly bodyBase64?: string;
}

/** Prints messages as the hub receives them, one a line. */
export async function monitorEvents(options: MonitorOptions, terminal: Terminal): Promise<number> {
	const { device, module, all, count = Number.POSITIVE_INFINITY, output } = options;
	const events = await EventHub.open(await hubAccess(options));
	using interrupted = interruption();
	const over = new AbortController();
	using _limit = systemClock.after(options.duration ?? 0x7fffffff, () => over.abort());
	let printed = 0;
	const print = (message: Message) => {
		const event = eventOf(message);
		if (device !== undefined && event.deviceId !== device) return;
		if (module !== undefined && event.moduleId !== module) return;
		if (printed >= count) return;
		const line = output === 'json' ? JSON.stringify(event) : describe(event, terminal);
		terminal.write(`${line}\n`);
		printed += 1;
		if (printed >= count) over.abort();
	};
	const ended = new Promise<void>((resolve) => {
		AbortSignal.any([interrupted.signal, over.signal]).addEventListener('abort', () => resolve());
	});
	try {
		await Promise.race([
			events.read(all === true ? '-1' : '@latest', options.consumerGroup, print),
			ended,
		]);
	} finally {
		events.close();
	}
	return exitCode.ok;
}

/** What IoT Hub adds stands in annotations, what the sender said in properties of AMQP. */
function eventOf(message: Message): Event {
	const annotations: Record<string, unknown> = { ...message.message_annotations };
	const moduleId = annotations['iothub-connection-module-id'];
	const systemProperties: JsonObject = {};
	for (const [name, value] of Object.entries(annotations)) {
		if (name.startsWith('x-opt-')) continue;
		systemProperties[name] = value instanceof Date ? value.toISOString() : String(value);
	}
	for (const name of [
		'message_id',
		'correlation_id',
		'user_id',
		'content_type',
		'content_encoding',
	] as const) {
		const value = message[name];
		if (value !== undefined && value !== null) {
			systemProperties[name.replaceAll('_', '-')] = String(value);
		}
	}
	return {
		sequenceNumber: Number(annotations['x-opt-sequence-number']),
		enqueuedTimeUtc: new Date(Number(annotations['x-opt-enqueued-time'])).toISOString(),
		deviceId: String(annotations['iothub-connection-device-id'] ?? ''),
		moduleId: moduleId === undefined ? null : String(moduleId),
		systemProperties,
		properties: { ...message.application_properties } as JsonObject,
		...bodyOf(message.body),
	};
}

/** JSON where the bytes are JSON, else base64. */
function bodyOf(body: { readonly content?: Buffer } | Buffer): Pick<Event, 'body' | 'bodyBase64'> {
	const bytes = Buffer.isBuffer(body) ? body : (body.content ?? Buffer.alloc(0));
	try {
		return { body: JSON.parse(bytes.toString()) as JsonValue };
	} catch {
		return { bodyBase64: bytes.toString('base64') };
	}
}

function describe(event: Event, terminal: Terminal): string {
	const { enqueuedTimeUtc, deviceId, moduleId, properties, body, bodyBase64 } = event;
	const sender = moduleId === null ? deviceId : `${deviceId}/${moduleId}`;
	const text = body === undefined ? `${bodyBase64} (base64)` : JSON.stringify(body);
	const bag = Object.keys(properties).length === 0 ? '' : `  ${JSON.stringify(properties)}`;
	const time = terminal.style('dim', enqueuedTimeUtc.slice(11, 23));
	return `${time}  ${plainText(sender)}  ${plainText(text)}${terminal.style('dim', plainText(bag))}`;
}
