import type { Identity } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import type { JsonObject, JsonValue } from '../../runtime/json.ts';
import type { Admission } from '../access/device-authentication.ts';
import type { QueuedMessage } from '../cloud-to-device/queued-message.ts';

/** What a client has made of a cloud-to-device message. */
export type DeliveryOutcome = 'completed' | 'rejected' | 'abandoned';

/** What a connected client has asked to receive. */
export type Feature = 'methods' | 'desired-properties' | 'cloud-to-device';

/**
 * A device or module that is connected with a protocol that can push (MQTT; AMQP alike). The rest
 * of the hub knows clients only in this form.
 */
export interface DeviceConnection {
	readonly identity: Identity;
	/** Why it was let in; looked at again when its identity changes. */
	readonly admission: Admission;
	receives(feature: Feature): boolean;
	/** A change of desired properties; `patch` has `$version`. */
	sendDesired(patch: JsonObject, version: number): void;
	/** A direct method call. Its answer comes back through `DirectMethods.answer`. */
	sendMethod(name: string, requestId: string, payload: JsonValue): void;
	/** Cloud-to-device messages that it can be given now. */
	readonly deliveryRoom: number;
	/**
	 * A cloud-to-device message. Resolves with what the client has made of it, rejects when the client
	 * is gone.
	 */
	deliver(message: Message, delivery: QueuedMessage): Promise<DeliveryOutcome>;
	close(): void;
}
