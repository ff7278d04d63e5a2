import { randomUUID } from 'node:crypto';
import {
	type MethodRequest,
	type MethodResponse,
	methodLimits,
} from '../../protocol/direct-method.ts';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { DeviceConnection } from '../connections/device-connection.ts';
import type { DeviceConnections } from '../connections/device-connections.ts';
import { IotHubError } from '../iot-hub-error.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';

interface Call {
	readonly key: string;
	readonly answered: (response: MethodResponse) => void;
}

/** Direct methods: calls from the service side, answers from connected devices and modules. */
export class DirectMethods {
	readonly #registry: IdentityRegistry;
	readonly #connections: DeviceConnections;
	readonly #clock: Clock;
	/** Calls that wait for an answer, by request id. */
	readonly #calls = new Map<string, Call>();

	constructor(registry: IdentityRegistry, connections: DeviceConnections, clock: Clock) {
		this.#registry = registry;
		this.#connections = connections;
		this.#clock = clock;
	}

	/**
	 * @param signal aborts when the caller is gone
	 * @throws IotHubError DeviceNotFound, ModuleNotFound; DeviceNotOnline when the target does not
	 * connect in time, GatewayTimeout when it does not answer in time, BadDeviceResponse when its
	 * answer is too large
	 */
	async invoke(
		target: Identity,
		request: MethodRequest,
		signal?: AbortSignal,
	): Promise<MethodResponse> {
		this.#registry.record(target);
		const connection = await this.#reach(target, request.connectTimeoutSeconds, signal);
		const requestId = randomUUID();
		const { promise, resolve } = Promise.withResolvers<MethodResponse>();
		this.#calls.set(requestId, { key: identityKey(target), answered: resolve });
		try {
			connection.sendMethod(request.name, requestId, request.payload);
			const seconds = request.responseTimeoutSeconds;
			const response = await this.#within(promise, seconds, signal);
			if (response !== undefined) return requirePayloadSize(response);
		} finally {
			this.#calls.delete(requestId);
		}
		throw new IotHubError('GatewayTimeout', 'Timed out waiting for the response from device.');
	}

	/** An answer; one that nobody waits for, or from somebody else, is dropped. */
	answer(from: Identity, requestId: string, response: MethodResponse): void {
		const call = this.#calls.get(requestId);
		if (call?.key === identityKey(from)) call.answered(response);
	}

	async #reach(
		target: Identity,
		timeoutSeconds: number,
		signal: AbortSignal | undefined,
	): Promise<DeviceConnection> {
		const connected = this.#connections.get(target);
		if (connected?.receives('methods')) return connected;
		if (timeoutSeconds > 0) {
			const { promise, resolve } = Promise.withResolvers<DeviceConnection>();
			using _ = this.#connections.onReady((connection, feature) => {
				const same = identityKey(connection.identity) === identityKey(target);
				if (same && feature === 'methods') resolve(connection);
			});
			const connection = await this.#within(promise, timeoutSeconds, signal);
			if (connection !== undefined) return connection;
		}
		throw new IotHubError('DeviceNotOnline', 'Timed out waiting for device to connect.');
	}

	/** @returns undefined when the time is over or the caller gone. */
	async #within<T>(
		promise: Promise<T>,
		seconds: number,
		signal: AbortSignal | undefined,
	): Promise<T | undefined> {
		const done = new AbortController();
		const either = signal === undefined ? done.signal : AbortSignal.any([done.signal, signal]);
		const over = this.#clock.sleep(seconds * 1000, either).then(
			() => undefined,
			() => undefined,
		);
		try {
			return await Promise.race([promise, over]);
		} finally {
			done.abort();
		}
	}
}

/** Answers are limited as requests are. */
function requirePayloadSize(response: MethodResponse): MethodResponse {
	const size = Buffer.byteLength(JSON.stringify(response.payload));
	if (size <= methodLimits.maxPayloadBytes) return response;
	const limit = `at most ${methodLimits.maxPayloadBytes} may be`;
	throw new IotHubError('BadDeviceResponse', `The answer has ${size} bytes, ${limit}.`);
}
