import { type Identity, identityKey, parseIdentityKey } from '../../protocol/identity.ts';
import type { Message } from '../../protocol/message.ts';
import type { TwinProperties } from '../../protocol/twin.ts';
import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ClientRegistry } from '../clients/client-registry.ts';
import type { ConnectedClient } from '../clients/connected-client.ts';
import type { LocalDeploymentWatch } from '../own-twin/local-deployment-watch.ts';
import type { UpstreamConnections } from '../upstream/upstream-connections.ts';
import { AbsentListeners } from './absent-listeners.ts';
import { type TwinListener, TwinReplica } from './twin-replica.ts';
import type { TwinStore } from './twin-store.ts';

export interface TwinManagerOptions {
	/** The edge device's `$edgeHub`. */
	readonly hub: Identity;
	readonly store: TwinStore;
	readonly upstream: UpstreamConnections;
	readonly clients: ClientRegistry;
	/** Routes a change of reported properties as a message. */
	readonly routeChange: (message: Message) => Promise<void>;
	/** Desired properties of modules that rule instead of those in IoT Hub. */
	readonly local: Pick<LocalDeploymentWatch, 'current' | 'onChange'>;
	/** Least milliseconds between two pushes of one client's reported properties. */
	readonly syncInterval: number;
	readonly upstreamRequest?: TwinListener['upstreamRequest'];
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Twins that are brought up to date at once after the cloud has come back. */
const concurrentSynchronisations = 4;

/** The twins of all clients, and the hub's own. */
export class TwinManager {
	readonly #options: TwinManagerOptions;
	readonly #replicas = new Map<string, TwinReplica>();
	readonly #watchers = new Map<string, (desired: JsonObject) => void>();
	readonly #absent = new AbsentListeners();
	#registration: Disposable | undefined;
	readonly #queue = new Set<string>();
	#synchronising = 0;
	#stopped = false;

	constructor(options: TwinManagerOptions) {
		this.#options = options;
	}

	/** Goes on where an earlier run stopped: reported properties that IoT Hub has not got. */
	start(): void {
		for (const key of this.#options.store.pendingKeys()) this.replica(parseIdentityKey(key));
		this.#registration = this.#options.upstream.onConnected((identity) =>
			this.#connected(identity),
		);
		this.#options.local.onChange((before) => this.#localChanged(before));
	}

	stop(): void {
		this.#stopped = true;
		this.#registration?.[Symbol.dispose]();
		for (const replica of this.#replicas.values()) replica.stop();
	}

	replica(identity: Identity): TwinReplica {
		const key = identityKey(identity);
		const known = this.#replicas.get(key);
		if (known !== undefined) return known;
		const replica = this.#create(identity);
		this.#replicas.set(key, replica);
		return replica;
	}

	get(identity: Identity): Promise<TwinProperties> {
		return this.replica(identity).get();
	}

	/**
	 * Takes in reported properties of a client, durably, and routes the change.
	 * @returns the new version
	 * @throws EdgeError EDGE_TWIN_PATCH_INVALID, EDGE_STORAGE_FULL
	 */
	async report(identity: Identity, patch: JsonValue): Promise<number> {
		const version = this.replica(identity).report(patch);
		if (isJsonObject(patch)) await this.#options.routeChange(this.#changeMessage(identity, patch));
		return version;
	}

	/** A patch of desired properties that IoT Hub has sent. */
	desiredPatch(identity: Identity, patch: JsonObject): void {
		this.#guard(identity, this.replica(identity).desiredPatch(patch));
	}

	/** Calls back with all desired properties of one identity whenever they change. */
	watch(identity: Identity, listener: (desired: JsonObject) => void): void {
		this.#watchers.set(identityKey(identity), listener);
	}

	/** A connection has begun to listen for desired properties: it is told what it has missed. */
	listening(client: ConnectedClient, reachable: boolean): void {
		const { identity } = client;
		const { stored, told } = this.replica(identity);
		if (stored !== undefined && told !== undefined) {
			const alone = this.#listeners(identity).every((other) => other === client);
			void this.#absent.returned(client, stored.desired, { told, alone });
		}
		if (reachable) this.synchroniseSoon(identity);
		else this.#guard(identity, this.replica(identity).tellMissed());
	}

	/** A connection that listened has ended. */
	stopsListening(client: ConnectedClient): void {
		this.#absent.left(client, this.replica(client.identity).told);
	}

	/** Brings a twin up to date when there is a turn for it. */
	synchroniseSoon(identity: Identity): void {
		this.#queue.add(identityKey(identity));
		this.#next();
	}

	/** Drops what is known of an identity that has left the scope. */
	forget(identity: Identity): void {
		const key = identityKey(identity);
		this.#replicas.get(key)?.stop();
		this.#replicas.delete(key);
		this.#options.store.delete(identity);
	}

	/** What the cluster says, or no longer says, is told to modules like any other change. */
	#localChanged(before: LocalDeploymentWatch['current']): void {
		const { hub, local } = this.#options;
		const names = Object.keys({ ...before?.twins, ...local.current?.twins });
		for (const moduleId of names) {
			const identity = { deviceId: hub.deviceId, moduleId };
			this.#guard(identity, this.replica(identity).localChanged());
		}
	}

	#localDesired({ deviceId, moduleId = '' }: Identity): JsonObject | undefined {
		const { hub, local } = this.#options;
		const { twins = {} } = local.current ?? {};
		return deviceId === hub.deviceId && Object.hasOwn(twins, moduleId)
			? twins[moduleId]
			: undefined;
	}

	#create(identity: Identity): TwinReplica {
		const { store, upstream, syncInterval, upstreamRequest, clock, logger } = this.#options;
		return new TwinReplica(identity, {
			store,
			upstream,
			localDesired: () => this.#localDesired(identity),
			syncInterval,
			clock,
			logger,
			listener: {
				desiredChanged: (...change) => this.#desiredChanged(...change),
				...(upstreamRequest === undefined ? {} : { upstreamRequest }),
			},
		});
	}

	/** A client that is not there, or goes away before it has the patch, is told when it is back. */
	async #desiredChanged(
		identity: Identity,
		patch: JsonObject | undefined,
		desired: JsonObject,
	): Promise<boolean> {
		const watcher = this.#watchers.get(identityKey(identity));
		if (watcher !== undefined) {
			watcher(desired);
			return true;
		}
		if (patch === undefined) return true;
		const listeners = this.#listeners(identity);
		if (listeners.length === 0) return false;
		const sent = await Promise.allSettled(listeners.map((client) => client.sendDesired(patch)));
		return sent.every(({ status }) => status === 'fulfilled');
	}

	/** A connection has been made: whatever was missed meanwhile is made up for. */
	#connected(identity: Identity): void {
		const replica = this.#replicas.get(identityKey(identity));
		const needed = replica?.hasPending || this.#listens(identity);
		if (needed) this.synchroniseSoon(identity);
		if (identityKey(identity) !== identityKey(this.#options.hub)) return;
		// The cloud is back: identities without a connection of their own may have something to tell.
		for (const other of this.#replicas.values()) {
			if (other.hasPending) this.synchroniseSoon(other.identity);
		}
	}

	#listens(identity: Identity): boolean {
		if (this.#watchers.has(identityKey(identity))) return true;
		return this.#listeners(identity).length > 0;
	}

	#listeners(identity: Identity): readonly ConnectedClient[] {
		const clients = this.#options.clients.of(identity);
		return clients.filter(({ subscriptions }) => subscriptions.has('desired-properties'));
	}

	#next(): void {
		while (this.#synchronising < concurrentSynchronisations && !this.#stopped) {
			const [key] = this.#queue;
			if (key === undefined) return;
			this.#queue.delete(key);
			this.#synchronising += 1;
			const identity = parseIdentityKey(key);
			const done = this.replica(identity)
				.synchronise()
				.finally(() => {
					this.#synchronising -= 1;
					this.#next();
				});
			this.#guard(identity, done);
		}
	}

	#guard(identity: Identity, work: Promise<unknown>): void {
		work.catch((error: unknown) => {
			this.#options.logger.info('a twin is not up to date', {
				client: identityKey(identity),
				reason: messageOf(error),
			});
		});
	}

	/**
	 * In the form of Azure IoT Edge: sent by the hub on behalf of the client. It also says that its body
	 * is JSON, without which no condition could look into it.
	 */
	#changeMessage({ deviceId, moduleId }: Identity, patch: JsonObject): Message {
		const { hub, clock } = this.#options;
		const systemProperties = new Map([
			['messageType', 'twinChangeNotification'],
			['messageSchema', 'twinChangeNotification'],
			['contentType', 'application/json'],
			['contentEncoding', 'utf-8'],
			['enqueuedTime', new Date(clock.now()).toISOString()],
			['connectionDeviceId', hub.deviceId],
			['connectionModuleId', hub.moduleId ?? ''],
			['rpSenderDeviceId', deviceId],
		]);
		if (moduleId !== undefined) systemProperties.set('rpSenderModuleId', moduleId);
		return { body: Buffer.from(JSON.stringify(patch)), properties: new Map(), systemProperties };
	}
}
