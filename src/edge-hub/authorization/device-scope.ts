import type { JsonResponse } from '../../iot-hub-client/https-json.ts';
import type { ForwardedCall, ModuleCall } from '../../iot-hub-client/iot-hub-rest.ts';
import type { RegistryIdentity } from '../../iot-hub-client/registry-identity.ts';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import { Backoff } from '../../runtime/backoff.ts';
import type { Clock } from '../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { chainTo } from './device-chain.ts';
import type { SealedStore } from './sealed-store.ts';

/** IoT Hub's identity registry, or what a parent edge hub knows of it. */
export interface ScopeSource {
	listScope(options: { readonly signal: AbortSignal }): AsyncIterable<readonly RegistryIdentity[]>;
	/**
	 * One device or module, a module with its device; empty where it is not in the scope.
	 * @param options.edges ids of the edge devices above it, the nearest first, where they are known
	 */
	getScopeIdentity(
		identity: Identity,
		options: { readonly signal: AbortSignal; readonly edges?: readonly string[] },
	): Promise<readonly RegistryIdentity[]>;
	/** Hands on what an edge device below asks of its module identities. */
	forwardModuleCall(
		call: ModuleCall,
		forwarded: ForwardedCall,
		options: { readonly signal: AbortSignal },
	): Promise<JsonResponse>;
}

export interface DeviceScopeOptions {
	readonly edgeDeviceId: string;
	readonly source: ScopeSource;
	readonly store: SealedStore;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Milliseconds between full readings. */
	readonly refreshInterval: number;
	/** Longest time between readings of one identity that keeps failing, in milliseconds. */
	readonly maxLookupDelay: number;
}

/**
 * What a reading of one identity came to: `current`: the registry was asked just now;
 * `throttled`: it was asked not long ago; `unavailable`: it cannot be asked.
 */
export type LookupOutcome = 'current' | 'throttled' | 'unavailable';

interface Lookup {
	readonly backoff: Backoff;
	/** Not before, on the monotonic clock. */
	next: number;
	running: Promise<LookupOutcome> | undefined;
}

const firstRetry = 1_000;
const maxRetry = 60_000;
/** Strangers can invent any number of identities: only so many are remembered, or asked for at once. */
const maxLookups = 1_000;
const maxConcurrentLookups = 4;

/**
 * The identities that may connect to this hub: those in the scope of the edge device, as the
 * registry said last. Kept sealed on disk, so that clients can connect after a restart without the
 * cloud.
 */
export class DeviceScope implements Lifecycle {
	readonly #options: DeviceScopeOptions;
	readonly #identities = new Map<string, RegistryIdentity>();
	readonly #listeners = new Set<(identity: Identity) => void>();
	readonly #lookups = new Map<string, Lookup>();
	readonly #stopped = new AbortController();
	#concurrentLookups = 0;
	#fresh = false;
	#refreshing: Promise<void> | undefined;
	#running: Promise<void> | undefined;

	constructor(options: DeviceScopeOptions) {
		this.#options = options;
	}

	/** Loads what was stored, and begins to refresh it in the background. */
	async start(): Promise<void> {
		for (const [key, value] of this.#options.store.entries()) {
			this.#identities.set(key, value as unknown as RegistryIdentity);
		}
		this.#running = this.#refreshForEver();
	}

	async stop(): Promise<void> {
		this.#stopped.abort();
		await this.#running;
	}

	/** Whether the registry has been read since the start. */
	get fresh(): boolean {
		return this.#fresh;
	}

	get(identity: Identity): RegistryIdentity | undefined {
		return this.#identities.get(identityKey(identity));
	}

	/** The way up to this edge device, see `chainTo`; undefined for who is not below it. */
	chainOf(identity: Identity): readonly Identity[] | undefined {
		return chainTo(this.#options.edgeDeviceId, identity, (each) => this.get(each));
	}

	/** An edge device, the devices that have it as their parent, and the modules of all of them. */
	childrenOf(deviceId: string): readonly RegistryIdentity[] {
		const devices = new Set([deviceId]);
		const all = [...this.#identities.values()];
		for (const { identity } of all) {
			const [, parent] = this.chainOf({ deviceId: identity.deviceId }) ?? [];
			if (parent?.deviceId === deviceId) devices.add(identity.deviceId);
		}
		return all.filter(({ identity }) => devices.has(identity.deviceId));
	}

	/** @throws EdgeError EDGE_HUB_UNREACHABLE */
	forwardModuleCall(call: ModuleCall, forwarded: ForwardedCall): Promise<JsonResponse> {
		const { signal } = this.#stopped;
		return this.#options.source.forwardModuleCall(call, forwarded, { signal });
	}

	/** Calls back with every identity that has changed, appeared or gone. */
	onChange(listener: (identity: Identity) => void): Disposable {
		this.#listeners.add(listener);
		return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
	}

	/** Reads the whole scope now. @throws EdgeError when the registry cannot be read. */
	refresh(): Promise<void> {
		this.#refreshing ??= this.#readAll().finally(() => {
			this.#refreshing = undefined;
		});
		return this.#refreshing;
	}

	/** Reads one identity again, unless that was done not long ago. Never throws. */
	async lookup(identity: Identity): Promise<LookupOutcome> {
		const key = identityKey(identity);
		const lookup = this.#lookupOf(key);
		if (lookup.running !== undefined) return lookup.running;
		if (this.#options.clock.monotonic() < lookup.next) {
			return this.#fresh ? 'throttled' : 'unavailable';
		}
		if (this.#concurrentLookups >= maxConcurrentLookups) return 'unavailable';
		this.#concurrentLookups += 1;
		lookup.running = this.#readOne(identity).finally(() => {
			this.#concurrentLookups -= 1;
			lookup.running = undefined;
			lookup.next = this.#options.clock.monotonic() + lookup.backoff.next();
		});
		return lookup.running;
	}

	/** Forgets that an identity has failed: its next failure is looked into at once. */
	succeeded(identity: Identity): void {
		this.#lookups.delete(identityKey(identity));
	}

	/** Reads one identity now, however recently that was done. @throws EdgeError */
	async reload(identity: Identity): Promise<void> {
		const { source } = this.#options;
		const edges = this.#edgesAbove(identity);
		const found = await source.getScopeIdentity(identity, {
			signal: this.#stopped.signal,
			...(edges === undefined ? {} : { edges }),
		});
		const key = identityKey(identity);
		for (const entry of found) this.#put(entry);
		if (!found.some((entry) => identityKey(entry.identity) === key)) this.#remove(key);
	}

	/** Of who is new they are not known. The modules of an edge device are in its own scope. */
	#edgesAbove(identity: Identity): readonly string[] | undefined {
		const device = { deviceId: identity.deviceId };
		const chain = this.chainOf(device)?.map(({ deviceId }) => deviceId);
		return this.get(device)?.edgeCapable ? chain : chain?.slice(1);
	}

	async #readOne(identity: Identity): Promise<LookupOutcome> {
		try {
			await this.reload(identity);
			return 'current';
		} catch (error) {
			this.#options.logger.warn('the identity of a client cannot be read from IoT Hub', {
				client: identityKey(identity),
				reason: messageOf(error),
			});
			return 'unavailable';
		}
	}

	#lookupOf(key: string): Lookup {
		const known = this.#lookups.get(key);
		if (known !== undefined) return known;
		if (this.#lookups.size >= maxLookups) {
			for (const oldest of this.#lookups.keys()) {
				this.#lookups.delete(oldest);
				break;
			}
		}
		const max = this.#options.maxLookupDelay;
		const backoff = new Backoff({ initial: Math.min(firstRetry, max), max });
		const lookup: Lookup = { backoff, next: Number.NEGATIVE_INFINITY, running: undefined };
		this.#lookups.set(key, lookup);
		return lookup;
	}

	async #refreshForEver(): Promise<void> {
		const { clock, logger, refreshInterval } = this.#options;
		const { signal } = this.#stopped;
		const backoff = new Backoff({ initial: firstRetry, max: maxRetry });
		while (!signal.aborted) {
			let delay = refreshInterval;
			try {
				await this.refresh();
				backoff.reset();
			} catch (error) {
				if (signal.aborted) return;
				delay = Math.min(backoff.next(), refreshInterval);
				logger.warn('the identities in the device scope cannot be read', {
					reason: messageOf(error),
				});
			}
			await clock.sleep(delay, signal).catch(() => {});
		}
	}

	async #readAll(): Promise<void> {
		const { source, logger } = this.#options;
		const { signal } = this.#stopped;
		const found = new Map<string, RegistryIdentity>();
		for await (const page of source.listScope({ signal })) {
			for (const entry of page) found.set(identityKey(entry.identity), entry);
		}
		if (signal.aborted) throw new EdgeError('EDGE_HUB_UNREACHABLE', 'The hub is stopping.');
		// At least the hub itself is in its scope: an empty answer must not lock everybody out.
		if (found.size === 0) throw new EdgeError('EDGE_HUB_REQUEST_FAILED', 'The scope is empty.');
		for (const entry of found.values()) this.#put(entry);
		for (const key of [...this.#identities.keys()]) if (!found.has(key)) this.#remove(key);
		this.#fresh = true;
		logger.debug('read the device scope', { identities: found.size });
	}

	#put(entry: RegistryIdentity): void {
		const key = identityKey(entry.identity);
		const known = this.#identities.get(key);
		if (known !== undefined && JSON.stringify(known) === JSON.stringify(entry)) return;
		this.#identities.set(key, entry);
		this.#options.store.set(key, entry as unknown as JsonValue);
		this.#changed(entry.identity);
	}

	#remove(key: string): void {
		const known = this.#identities.get(key);
		if (known === undefined) return;
		this.#identities.delete(key);
		this.#options.store.delete(key);
		this.#changed(known.identity);
	}

	#changed(identity: Identity): void {
		for (const listener of [...this.#listeners]) listener(identity);
	}
}
