import type { MethodRequest } from '../../protocol/direct-method.ts';
import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import type { Subscription } from '../../protocol/mqtt-topic.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { CredentialVerdict } from '../authorization/client-credential.ts';

/**
 * A module or leaf device that is connected to this hub, for as long as its connection lasts,
 * whatever protocol it speaks. What is sent rejects with EdgeError EDGE_CLIENT_GONE when the client
 * does not take it.
 */
export interface ConnectedClient {
	readonly identity: Identity;
	/** Whoever connects as the same identity in the same place takes over. */
	readonly place: string;
	/** What it listens for. */
	readonly subscriptions: ReadonlySet<Subscription>;
	/**
	 * Sends messages in order. Resolves when the module has answered for all of them: undefined for
	 * one that it has acknowledged, else what is wrong. Never rejects.
	 *
	 * @param repeated those that a connection of the module may have had already
	 */
	sendInputs(
		input: string,
		messages: readonly Message[],
		repeated?: ReadonlySet<Message>,
	): Promise<readonly (Error | undefined)[]>;
	/** Resolves when the device has acknowledged the message. */
	sendCloudToDevice(message: Message): Promise<void>;
	/** @param patch with its `$version`. */
	sendDesired(patch: JsonObject): Promise<void>;
	sendMethod(requestId: string, request: MethodRequest): Promise<void>;
	/** Judges again what it showed when it connected. */
	checkCredential(): CredentialVerdict;
	close(): void;
}
