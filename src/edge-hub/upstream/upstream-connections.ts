import type {
	ConnectionState,
	Credential,
	IotHubClient,
	IotHubClientOptions,
	OnBehalfOf,
} from '../../iot-hub-client/iot-hub-client.ts';
import { formatAuthChain } from '../../protocol/auth-chain.ts';
import { type Identity, identityKey, sameIdentity } from '../../protocol/identity.ts';
import { sign } from '../../protocol/sas-token.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { DeviceScope } from '../authorization/device-scope.ts';
import type { WorkloadApi } from '../workload-client.ts';

/** A right to use the connection of an identity. It stays open while anybody holds one. */
export interface UpstreamLease extends Disposable {
	readonly client: IotHubClient;
	/**
	 * Resolves with the client when it is connected.
	 * @throws EdgeError EDGE_HUB_UNREACHABLE at once when it is between two attempts, or after the
	 * time to connect.
	 */
	connected(): Promise<IotHubClient>;
}

export interface UpstreamConnectionsOptions {
	/** The edge device's `$edgeHub`, which signs through the workload API. */
	readonly hub: Identity;
	readonly hubHostName: string;
	readonly createClient: (options: IotHubClientOptions) => IotHubClient;
	readonly scope: DeviceScope;
	readonly workload: WorkloadApi;
	/** Milliseconds after which a connection without a lease is closed. Default: it stays. */
	readonly idleTime?: number;
	/** Milliseconds that a request waits for a connection that is being made. */
	readonly connectTime: number;
	/** There is no key to speak for an identity, which has something to say. */
	readonly keyless?: (identity: Identity) => void;
	/** The connection of an identity has been lost. */
	readonly lost?: (identity: Identity) => void;
	/** It has been made again, after so many seconds. */
	readonly restored?: (identity: Identity, seconds: number) => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

interface Connection {
	readonly client: IotHubClient;
	leases: number;
	idle: Timer | undefined;
	/** When it was lost, on the monotonic clock; undefined while it is there, or never was. */
	lostAt: number | undefined;
	/** Whether it has ever been made. */
	made: boolean;
}

/** A connection to IoT Hub for each identity that needs one, made when it is first needed. */
export class UpstreamConnections {
	readonly #options: UpstreamConnectionsOptions;
	readonly #connections = new Map<string, Connection>();
	readonly #listeners = new Set<(identity: Identity) => void>();
	readonly #closing = new Set<Promise<void>>();
	/** Identities that nobody can speak for, of which the log knows. */
	readonly #keyless = new Set<string>();
	#stopped = false;

	constructor(options: UpstreamConnectionsOptions) {
		this.#options = options;
	}

	/** Whether IoT Hub can be reached, as the hub's own connection tells. */
	get reachable(): boolean {
		const own = this.#connections.get(identityKey(this.#options.hub));
		return own?.client.state.kind === 'connected';
	}

	/** Open connections, the hub's own included. */
	get size(): number {
		return this.#connections.size;
	}

	/** Calls back each time an identity's connection has been made. */
	onConnected(listener: (identity: Identity) => void): Disposable {
		this.#listeners.add(listener);
		return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
	}

	/** @throws EdgeError EDGE_HUB_UNREACHABLE when the hub is stopping */
	lease(identity: Identity): UpstreamLease {
		if (this.#stopped) throw new EdgeError('EDGE_HUB_UNREACHABLE', 'The hub is stopping.');
		const connection = this.#connections.get(identityKey(identity)) ?? this.#open(identity);
		connection.leases += 1;
		connection.idle?.[Symbol.dispose]();
		connection.idle = undefined;
		let held = true;
		return {
			client: connection.client,
			connected: () => this.#connected(connection.client),
			[Symbol.dispose]: () => {
				if (held) this.#release(identity, connection);
				held = false;
			},
		};
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		for (const [key, connection] of this.#connections) this.#close(key, connection);
		await Promise.all(this.#closing);
	}

	#open(identity: Identity): Connection {
		const { createClient, hubHostName, clock, logger } = this.#options;
		const client = createClient({
			hostName: hubHostName,
			identity,
			credential: this.#credential(identity),
			onBehalfOf: () => this.#onBehalfOf(identity),
			productInfo: 'iotedge-k8s',
			clock,
			logger,
		});
		const connection: Connection = {
			client,
			leases: 0,
			idle: undefined,
			lostAt: undefined,
			made: false,
		};
		this.#connections.set(identityKey(identity), connection);
		client.onState((state) => {
			this.#track(identity, connection, state);
			if (state.kind === 'connected') this.#announce(identity);
			// The identity may have another key by now.
			if (state.kind === 'refused') void this.#options.scope.lookup(identity);
		});
		void client.start();
		return connection;
	}

	#track(identity: Identity, connection: Connection, state: ConnectionState): void {
		const { clock, lost, restored } = this.#options;
		if (state.kind === 'connected') {
			const { lostAt } = connection;
			if (lostAt !== undefined) restored?.(identity, (clock.monotonic() - lostAt) / 1000);
			connection.lostAt = undefined;
			connection.made = true;
		} else if (connection.made && connection.lostAt === undefined && state.kind !== 'connecting') {
			// A connection that we close ourselves is no loss.
			if (this.#connections.get(identityKey(identity)) !== connection) return;
			connection.lostAt = clock.monotonic();
			lost?.(identity);
		}
	}

	/** The key is read whenever a token is made, so that a change of keys needs nothing else. */
	#credential(identity: Identity): Credential {
		const { hub, workload, scope } = this.#options;
		if (sameIdentity(identity, hub)) {
			return { kind: 'signer', sign: (data) => workload.sign(data) };
		}
		return {
			kind: 'signer',
			sign: async (data) => {
				const key = scope.get(identity)?.authentication.keys[0];
				if (key !== undefined) {
					this.#keyless.delete(identityKey(identity));
					return sign(key, data);
				}
				throw this.#withoutKey(identity);
			},
		};
	}

	/** For who has no key, as it proves itself with a certificate, the hub speaks with its own. */
	#onBehalfOf(identity: Identity): OnBehalfOf | undefined {
		const { hub, workload, scope } = this.#options;
		if (sameIdentity(identity, hub)) return undefined;
		if (scope.get(identity)?.authentication.keys[0] !== undefined) return undefined;
		const chain = scope.chainOf(identity);
		if (chain === undefined) return undefined;
		return {
			actor: hub,
			credential: { kind: 'signer', sign: (data) => workload.sign(data) },
			authChain: formatAuthChain(chain),
		};
	}

	#withoutKey(identity: Identity): EdgeError {
		const { keyless, logger } = this.#options;
		const where = identityKey(identity);
		keyless?.(identity);
		if (!this.#keyless.has(where)) {
			logger.error('nothing of a client reaches IoT Hub: it is not below this edge device', {
				client: where,
				remedy: 'make the edge device its parent in IoT Hub',
			});
		}
		this.#keyless.add(where);
		return new EdgeError('EDGE_IDENTITY_WITHOUT_KEY', 'There is no key for the identity.', {
			where,
		});
	}

	#announce(identity: Identity): void {
		for (const listener of [...this.#listeners]) listener(identity);
	}

	async #connected(client: IotHubClient): Promise<IotHubClient> {
		if (client.state.kind === 'connected') return client;
		const { promise, resolve, reject } = Promise.withResolvers<IotHubClient>();
		const fail = (reason: string) => reject(new EdgeError('EDGE_HUB_UNREACHABLE', reason));
		using _state = client.onState((state) => {
			if (state.kind === 'connected') resolve(client);
			else if (state.kind !== 'connecting') fail(state.reason);
		});
		using _limit = this.#options.clock.after(this.#options.connectTime, () =>
			fail('The connection takes too long to be made.'),
		);
		return await promise;
	}

	#release(identity: Identity, connection: Connection): void {
		connection.leases -= 1;
		const isOwn = sameIdentity(identity, this.#options.hub);
		if (connection.leases > 0 || isOwn || this.#stopped) return;
		const { clock, idleTime } = this.#options;
		if (idleTime === undefined) return;
		connection.idle = clock.after(idleTime, () => this.#close(identityKey(identity), connection));
	}

	#close(key: string, connection: Connection): void {
		connection.idle?.[Symbol.dispose]();
		this.#connections.delete(key);
		const closed = connection.client.stop().finally(() => this.#closing.delete(closed));
		this.#closing.add(closed);
	}
}
