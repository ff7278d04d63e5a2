import type { Identity } from '../protocol/identity.ts';
import type { Message } from '../protocol/message.ts';
import type { TwinProperties } from '../protocol/twin.ts';
import type { JsonValue } from '../runtime/json.ts';

/** What a protocol head asks of the hub behind it. */
export interface HubServices {
	readonly edgeDeviceId: string;
	/**
	 * Takes in a message; resolves when it is durable.
	 * @throws EdgeError EDGE_STORAGE_FULL
	 */
	ingest(message: Message, source: string): Promise<void>;
	/** The twin of a client: IoT Hub's, or the last known one while there is no connection. */
	getTwin(identity: Identity): Promise<TwinProperties>;
	/**
	 * Takes in a patch of reported properties; resolves when it is durable, with the new version.
	 * @throws EdgeError EDGE_TWIN_PATCH_INVALID, EDGE_STORAGE_FULL
	 */
	patchReported(identity: Identity, patch: JsonValue): Promise<number>;
	/** Takes in the answer to a direct method; one that nobody waits for is dropped. */
	respondToMethod(
		identity: Identity,
		requestId: string,
		answer: { readonly status: number; readonly payload: JsonValue },
	): void;
	/** Something came from a client that has no meaning. */
	unknownTopic(identity: Identity, topic: string): void;
}
