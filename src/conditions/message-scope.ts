import type { Message } from '../protocol/message.ts';
import type { JsonObject } from '../runtime/json.ts';
import { parseMessageBody } from './message-body.ts';

/** What the conditions of all routes see of one message. The body is parsed when first asked for. */
export class MessageScope {
	readonly #message: Message;
	readonly #twinOfSender: () => JsonObject | undefined;
	#body: JsonObject | undefined;
	#parsed = false;

	/** @param twin of the sender, where conditions may ask for it */
	constructor(message: Message, twin: () => JsonObject | undefined = () => undefined) {
		this.#message = message;
		this.#twinOfSender = twin;
	}

	/** An application property, whatever its case; undefined where there is none. */
	property(name: PropertyName): string | null | undefined {
		return find(this.#message.properties, name);
	}

	/** A system property, whatever its case; undefined where there is none. */
	systemProperty(name: PropertyName): string | null | undefined {
		return find(this.#message.systemProperties, name);
	}

	/** The body, where the message says that it is JSON and it is an object. */
	get body(): JsonObject | undefined {
		if (!this.#parsed) {
			this.#parsed = true;
			this.#body = parseMessageBody(this.#message);
		}
		return this.#body;
	}

	/** `{ tags, properties: { desired, reported } }` of the sender. */
	get twin(): JsonObject | undefined {
		return this.#twinOfSender();
	}
}

/** A name to look up without regard to case. */
export interface PropertyName {
	readonly written: string;
	readonly lowerCase: string;
}

export function propertyName(written: string): PropertyName {
	return { written, lowerCase: written.toLowerCase() };
}

function find(
	properties: ReadonlyMap<string, string | null>,
	name: PropertyName,
): string | null | undefined {
	const exact = properties.get(name.written);
	if (exact !== undefined) return exact;
	for (const key of properties.keys()) {
		if (key.length === name.written.length && key.toLowerCase() === name.lowerCase) {
			return properties.get(key);
		}
	}
	return undefined;
}
