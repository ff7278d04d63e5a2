import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { ClusterClient, ListQuery, ObjectList, WatchEvent } from './cluster-client.ts';
import { ClusterError } from './cluster-error.ts';
import type { KubernetesObject } from './kubernetes-object.ts';

/** Which objects a cache follows and how. */
export interface ObjectCacheSettings {
	readonly client: ClusterClient;
	readonly query: ListQuery;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Milliseconds after which everything is listed again even if no watch failed. Default 10 minutes. */
	readonly resync?: number;
	/**
	 * `true` counts 403 and 404 as "there are none": for kinds that a cluster may lack, or that the
	 * agent may not be allowed to use. `kind` counts 404 alone, and believes it at once only while no
	 * object is known: a server that starts may not know its custom kinds yet.
	 */
	readonly optional?: boolean | 'kind';
}

/** An object has changed, appeared (no `previous`) or gone (no `current`). */
export interface ObjectChange {
	readonly current?: KubernetesObject;
	readonly previous?: KubernetesObject;
}

/** A watch that lasts this long has worked, even when it brought no event. Milliseconds. */
const goodWatch = 5_000;
/** After so many failures in a row the watch starts from a new list. */
const failuresBeforeList = 3;

/**
 * The objects of one query, kept up to date by list and watch. It never gives up: a watch that ends
 * is opened again, an expired one starts from a new list, failures are retried with back-off and
 * jitter, and every `resync` everything is listed anew in case a change was missed.
 */
export class ObjectCache implements Lifecycle {
	readonly #settings: Required<ObjectCacheSettings>;
	readonly #objects = new Map<string, KubernetesObject>();
	readonly #listeners = new Set<(change: ObjectChange) => void>();
	readonly #stop = new AbortController();
	readonly #backoff = new Backoff({ initial: 200, max: 30_000, jitter: 0.5 });
	readonly #firstList = Promise.withResolvers<void>();
	/** Objects written while a list was under way: the list may be older than they are. */
	readonly #written = new Set<string>();
	/** Uids of objects that are known to be deleted before the watch has told of it. */
	readonly #gone = new Set<string>();
	#loop: Promise<void> | undefined;
	/** Where the watch goes on; undefined: a list is needed. */
	#position: string | undefined;
	#listedAt = 0;
	#lastContact: number | undefined;
	/** When the loop last did anything: heard, asked, or began to wait. */
	#lastMove = 0;
	#lastError: string | undefined;

	constructor(settings: ObjectCacheSettings) {
		this.#settings = { resync: 600_000, optional: false, ...settings };
		// A cache that is stopped before its first list leaves nothing unhandled.
		this.#firstList.promise.catch(() => {});
	}

	/** Begins to follow; `whenSynced` tells when the first list is there. */
	async start(): Promise<void> {
		this.#lastMove = this.#settings.clock.monotonic();
		this.#loop ??= this.#follow();
	}

	async stop(): Promise<void> {
		this.#stop.abort();
		await this.#loop;
		this.#firstList.reject(this.#stop.signal.reason);
	}

	/** Whether a list has been complete at least once. */
	get synced(): boolean {
		return this.#lastContact !== undefined;
	}

	/** Resolves after the first list; rejects when the cache is stopped before. */
	whenSynced(): Promise<void> {
		return this.#firstList.promise;
	}

	/** Milliseconds since the server was last heard; `Infinity` before the first list. */
	get staleness(): number {
		if (this.#lastContact === undefined) return Number.POSITIVE_INFINITY;
		return this.#settings.clock.monotonic() - this.#lastContact;
	}

	/**
	 * Milliseconds since anything was heard or tried. Unlike `staleness` it stays small while the
	 * server is away: when it grows, the loop itself is stuck.
	 */
	get idleness(): number {
		return this.#settings.clock.monotonic() - this.#lastMove;
	}

	/** What keeps the cache from being up to date, while something does. */
	get lastError(): string | undefined {
		return this.#lastError;
	}

	/** How many objects there are. */
	get size(): number {
		return this.#objects.size;
	}

	objects(): IterableIterator<KubernetesObject> {
		return this.#objects.values();
	}

	get(name: string, namespace = ''): KubernetesObject | undefined {
		return this.#objects.get(`${namespace}/${name}`);
	}

	/** Calls `listener` after every change. @returns a function that ends it. */
	onChange(listener: (change: ObjectChange) => void): () => void {
		this.#listeners.add(listener);
		return () => this.#listeners.delete(listener);
	}

	/**
	 * Takes in what the server answered to a write, so that the next reader does not decide by the
	 * state before it. An answer older than what is known is ignored.
	 */
	observe(object: KubernetesObject): void {
		this.#written.add(keyOf(object));
		this.#put(object);
	}

	/** Takes in that the server deleted this very object; one with finalizers stays until they are done. */
	observeDeletion(object: KubernetesObject): void {
		const known = this.#objects.get(keyOf(object));
		if (known?.metadata.uid !== object.metadata.uid) return;
		if ((known?.metadata.finalizers ?? []).length > 0) return;
		if (object.metadata.uid !== undefined) this.#gone.add(object.metadata.uid);
		this.#remove(keyOf(object));
	}

	async #follow(): Promise<void> {
		const { signal } = this.#stop;
		while (!signal.aborted) {
			this.#lastMove = this.#settings.clock.monotonic();
			try {
				this.#position ??= await this.#list();
				await this.#watch(this.#position);
			} catch (error) {
				if (!signal.aborted) await this.#recover(error);
			}
		}
	}

	async #list(): Promise<string> {
		const { client, query, clock } = this.#settings;
		this.#written.clear();
		this.#gone.clear();
		const list = await client.list(query, this.#stop.signal);
		this.#listedAt = clock.monotonic();
		this.#replaceAll(list);
		return list.resourceVersion;
	}

	/** Ends when the server ends the watch or a resync is due, else throws. */
	async #watch(from: string): Promise<void> {
		const { client, query, clock, resync } = this.#settings;
		const opened = clock.monotonic();
		const due = new AbortController();
		using _timer = clock.after(Math.max(0, this.#listedAt + resync - opened), () => due.abort());
		const signal = AbortSignal.any([this.#stop.signal, due.signal]);
		let events = 0;
		for await (const event of client.watch(query, from, signal)) {
			events += 1;
			this.#take(event);
			this.#working();
		}
		if (due.signal.aborted) {
			this.#position = undefined;
		} else if (events === 0 && clock.monotonic() - opened < goodWatch) {
			throw new Error('The server ended the watch at once.');
		}
		this.#working();
	}

	#take(event: WatchEvent): void {
		if (event.type === 'BOOKMARK') {
			this.#position = event.resourceVersion;
			return;
		}
		const { object } = event;
		this.#position = object.metadata.resourceVersion ?? this.#position;
		const { uid } = object.metadata;
		if (event.type !== 'DELETED') this.#put(object);
		else {
			this.#gone.delete(uid ?? '');
			if (this.#objects.get(keyOf(object))?.metadata.uid === uid) this.#remove(keyOf(object));
		}
	}

	async #recover(error: unknown): Promise<void> {
		const { clock, logger, query, optional, resync } = this.#settings;
		const status = error instanceof ClusterError ? error.status : 0;
		let delay = this.#backoff.next();
		if (optional !== false && this.#meansNone(status)) {
			this.#replaceAll({ items: [], resourceVersion: '' });
			delay = resync;
		}
		if (status === 410 || this.#backoff.failures >= failuresBeforeList) this.#position = undefined;
		if (error instanceof ClusterError) delay = Math.max(delay, error.retryAfter ?? 0);
		this.#lastError = messageOf(error);
		const log = this.#backoff.failures === 1 ? logger.debug : logger.warn;
		this.#lastMove = clock.monotonic();
		log('watch interrupted', { kind: query.kind, error: this.#lastError, retryInMs: delay });
		await clock.sleep(delay, this.#stop.signal).catch(() => {});
	}

	/** Whether an error says that there are no objects. */
	#meansNone(status: number): boolean {
		if (this.#settings.optional === true) return status === 403 || status === 404;
		const certain = this.#objects.size === 0 || this.#backoff.failures >= failuresBeforeList;
		return status === 404 && certain;
	}

	#working(): void {
		this.#backoff.reset();
		this.#contact();
	}

	#contact(): void {
		this.#lastContact = this.#settings.clock.monotonic();
		this.#lastMove = this.#lastContact;
		this.#lastError = undefined;
	}

	#replaceAll({ items, resourceVersion }: ObjectList): void {
		const listed = new Set<string>();
		for (const item of items) {
			const key = keyOf(item);
			listed.add(key);
			if (this.#written.has(key)) this.#put(item);
			else this.#set(key, item);
		}
		for (const [key, { metadata }] of [...this.#objects]) {
			const writtenSince = this.#written.has(key) && versionOf(metadata) > Number(resourceVersion);
			if (!listed.has(key) && !writtenSince) this.#remove(key);
		}
		this.#contact();
		this.#firstList.resolve();
	}

	/** Sets an object unless a newer state of it is known. */
	#put(object: KubernetesObject): void {
		const key = keyOf(object);
		const known = this.#objects.get(key);
		const same = known?.metadata.uid === object.metadata.uid;
		// Written this way round, a version that is no number counts as newer.
		const older = known !== undefined && versionOf(object.metadata) <= versionOf(known.metadata);
		if (!same || !older) this.#set(key, object);
	}

	#set(key: string, object: KubernetesObject): void {
		if (this.#gone.has(object.metadata.uid ?? '')) return;
		const previous = this.#objects.get(key);
		const { resourceVersion } = object.metadata;
		if (previous !== undefined && previous.metadata.resourceVersion === resourceVersion) {
			if (previous.metadata.uid === object.metadata.uid) return;
		}
		const current = withoutManagedFields(object);
		this.#objects.set(key, current);
		this.#tell(previous === undefined ? { current } : { current, previous });
	}

	#remove(key: string): void {
		const previous = this.#objects.get(key);
		if (previous === undefined) return;
		this.#objects.delete(key);
		this.#tell({ previous });
	}

	#tell(change: ObjectChange): void {
		for (const listener of this.#listeners) {
			try {
				listener(change);
			} catch (error) {
				const { logger, query } = this.#settings;
				logger.error('a listener failed', { kind: query.kind, error: messageOf(error) });
			}
		}
	}
}

/** They are large and nobody here reads them. */
function withoutManagedFields(object: KubernetesObject): KubernetesObject {
	if (object.metadata.managedFields === undefined) return object;
	const { managedFields: _, ...metadata } = object.metadata;
	return { ...object, metadata };
}

function keyOf({ metadata }: KubernetesObject): string {
	return `${metadata.namespace ?? ''}/${metadata.name}`;
}

/** Resource versions of one kind are decimal numbers that grow. `NaN` for anything else. */
function versionOf({ resourceVersion }: { readonly resourceVersion?: string }): number {
	return Number(resourceVersion ?? Number.NaN);
}
