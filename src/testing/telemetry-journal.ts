import type { IotHubEmulator } from '../iot-hub-emulator/emulator.ts';
import type { TelemetryEvent } from '../iot-hub-emulator/telemetry/telemetry-event.ts';
import type { JsonValue } from '../runtime/json.ts';
import { Expectations, type WaitOptions } from './expectations.ts';

/** A message that IoT Hub has received. */
export interface ReceivedTelemetry {
	/** Who has sent it: the module's id, of a device the device's. */
	readonly from: string;
	readonly deviceId: string;
	readonly moduleId?: string;
	/** The body parsed as JSON; undefined where it is none. */
	readonly body: JsonValue | undefined;
	readonly text: string;
	readonly bytes: Uint8Array;
	readonly properties: Readonly<Record<string, string>>;
	/** Under the names of the Event Hubs-compatible endpoint, `iothub-connection-device-id`… */
	readonly systemProperties: Readonly<Record<string, string>>;
	/** Milliseconds since the epoch. */
	readonly enqueuedTime: number;
	readonly sequenceNumber: number;
}

/** Which message is waited for; everything that is given must hold. */
export interface TelemetryQuery extends WaitOptions {
	/** Id of a module, or of a device for its own messages. */
	readonly from?: string;
	readonly where?: (message: ReceivedTelemetry) => boolean;
}

/** What is special about a journal. */
export interface TelemetryJournalSettings {
	readonly explain?: () => Promise<string>;
	readonly ignore?: string;
}

/** Messages that are kept: a test bed may run for days. */
const maxMessages = 10_000;

/** What an emulated hub receives, in order. Every message is handed out once by `next`. */
export class TelemetryJournal implements Disposable {
	readonly #messages: ReceivedTelemetry[] = [];
	readonly #expectations: Expectations<ReceivedTelemetry>;
	readonly #subscription: Disposable;

	/**
	 * @param settings.explain what to add to the error of a wait in vain
	 * @param settings.ignore a module whose messages do not count
	 */
	constructor(emulator: IotHubEmulator, { explain, ignore }: TelemetryJournalSettings = {}) {
		this.#expectations = new Expectations('message in IoT Hub', describe, explain);
		this.#subscription = emulator.telemetry.subscribe(0, (event) => {
			if (ignore !== undefined && event.identity.moduleId === ignore) return;
			const message = receivedTelemetry(event);
			this.#messages.push(message);
			if (this.#messages.length > maxMessages) this.#messages.shift();
			this.#expectations.add(message);
		});
	}

	/** What was received, also what `next` has handed out; of very many the newest. */
	get messages(): readonly ReceivedTelemetry[] {
		return this.#messages;
	}

	/** The first message that meets the query and was not handed out yet, or the next to come. */
	next({ from, where, ...wait }: TelemetryQuery = {}): Promise<ReceivedTelemetry> {
		return this.#expectations.next((message) => {
			return (from === undefined || message.from === from) && (where?.(message) ?? true);
		}, wait);
	}

	[Symbol.dispose](): void {
		this.#subscription[Symbol.dispose]();
		this.#expectations[Symbol.dispose]();
	}
}

function receivedTelemetry(event: TelemetryEvent): ReceivedTelemetry {
	const { deviceId, moduleId } = event.identity;
	const text = Buffer.from(event.body).toString();
	return {
		from: moduleId ?? deviceId,
		deviceId,
		...(moduleId === undefined ? {} : { moduleId }),
		body: parsedJson(text),
		text,
		bytes: event.body,
		properties: event.properties,
		systemProperties: event.systemProperties,
		enqueuedTime: event.enqueuedTime,
		sequenceNumber: event.sequenceNumber,
	};
}

/** Text as JSON; undefined where it is none. */
export function parsedJson(text: string): JsonValue | undefined {
	try {
		return JSON.parse(text) as JsonValue;
	} catch {
		return undefined;
	}
}

function describe({ from, text, properties }: ReceivedTelemetry): string {
	return `${from}: ${text.slice(0, 200)} ${JSON.stringify(properties)}`;
}
