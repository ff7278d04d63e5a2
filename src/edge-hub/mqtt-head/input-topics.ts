import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import { inputTopic } from '../../protocol/mqtt-topic.ts';
import { messageBag } from './message-bag.ts';

interface MadeTopic {
	readonly input: string;
	readonly properties: Message['properties'];
	readonly systemProperties: Message['systemProperties'];
	readonly topic: string;
}

/** Topics of messages to one module. Neighbouring messages mostly share their properties, and so their topic. */
export class InputTopics {
	readonly #module: Required<Identity>;
	#last: MadeTopic | undefined;

	constructor({ deviceId, moduleId = '' }: Identity) {
		this.#module = { deviceId, moduleId };
	}

	of(input: string, message: Message): string {
		const { properties, systemProperties } = message;
		const last = this.#last;
		const same = last?.properties === properties && last.systemProperties === systemProperties;
		if (same && last.input === input) return last.topic;
		const topic = inputTopic(this.#module, input, messageBag(message));
		this.#last = { input, properties, systemProperties, topic };
		return topic;
	}
}
