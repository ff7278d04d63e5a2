import { bagOfMessage, type Message } from '../../protocol/message.ts';
import { formatPropertyBag } from '../../protocol/property-bag.ts';

/**
 * The property bag of a message to a client. A property without a value has its `=` all the same:
 * the SDK for Node.js takes a bare name for one whose value is the text `undefined`.
 */
export function messageBag(message: Message): string {
	const bag = [...bagOfMessage(message)];
	return formatPropertyBag(bag.map(([name, value]) => [name, value ?? '']));
}
