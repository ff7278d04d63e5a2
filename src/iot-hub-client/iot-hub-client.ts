import type { MethodRequest, MethodResponse } from '../protocol/direct-method.ts';
import type { Identity } from '../protocol/identity.ts';
import type { Message } from '../protocol/message.ts';
import type { TwinProperties } from '../protocol/twin.ts';
import type { Clock } from '../runtime/clock.ts';
import type { JsonObject } from '../runtime/json.ts';
import type { Logger } from '../runtime/logger.ts';

/** How a client proves its identity to IoT Hub. */
export type Credential =
	| { readonly kind: 'shared-access-key'; readonly key: string }
	/** Signs with a key that stays elsewhere: base64 HMAC-SHA256 of `data`. */
	| { readonly kind: 'signer'; readonly sign: (data: string) => Promise<string> };

/** An edge hub that speaks for a client below it, with its own credential. */
export interface OnBehalfOf {
	/** `$edgeHub` of the edge device at the end of the chain. */
	readonly actor: Identity;
	readonly credential: Credential;
	/** `target;…;edge`, see `parseAuthChain`. */
	readonly authChain: string;
}

/** One connection of one identity. */
export interface IotHubClientOptions {
	/** As in a connection string, with `:port` for a hub that is not on 8883. */
	readonly hostName: string;
	readonly identity: Identity;
	readonly credential: Credential;
	/** Asked whenever a token is made: an answer counts instead of the identity's own credential. */
	readonly onBehalfOf?: () => OnBehalfOf | undefined;
	readonly productInfo?: string;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Whether the hub can be reached. `refused` carries why: the identity is unknown, disabled or its key wrong. */
export type ConnectionState =
	| { readonly kind: 'connecting' }
	| { readonly kind: 'connected' }
	| { readonly kind: 'disconnected'; readonly reason: string }
	| { readonly kind: 'refused'; readonly reason: string };

/**
 * IoT Hub as one identity sees it, over the official SDK. Reconnects for ever with back-off and
 * jitter. Requests fail with an `EdgeError` of code EDGE_HUB_UNREACHABLE while there is no
 * connection, and after their timeout; nothing stays pending for ever.
 */
export interface IotHubClient {
	readonly identity: Identity;
	readonly state: ConnectionState;
	/** Begins to connect; resolves at once. */
	start(): Promise<void>;
	stop(): Promise<void>;
	/** Calls back on every change of state, at once with the current one. */
	onState(listener: (state: ConnectionState) => void): Disposable;
	getTwin(): Promise<TwinProperties>;
	/** Sends a JSON merge patch of the reported properties. */
	patchReported(patch: JsonObject): Promise<void>;
	/** Desired-property patches as they come, `$version` included; subscribes for as long as there is a listener. */
	onDesired(listener: (patch: JsonObject) => void): Disposable;
	/** Direct methods of any name. One handler at a time. */
	onMethod(handler: (request: MethodRequest) => Promise<MethodResponse>): Disposable;
	/** Cloud-to-device messages (devices only). The message is completed when the handler resolves. */
	onMessage(handler: (message: Message) => Promise<void>): Disposable;
	/** Resolves when IoT Hub has acknowledged the message. */
	send(message: Message): Promise<void>;
}
