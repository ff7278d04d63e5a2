import type { ServerResponse } from 'node:http';
import type { Clock } from '../../../runtime/clock.ts';
import { StatusError } from '../status-error.ts';
import type { ObjectStore, StoreEvent } from '../store/object-store.ts';
import type { StoredObject } from '../store/stored-object.ts';
import type { Representation } from './representation.ts';

/** How long a watch lasts at most, and how often it tells how far it is. */
const defaultTimeoutSeconds = 45 * 60;
const bookmarkMs = 60_000;

/** A client that does not read gets no more than this kept for it, in bytes. */
const maxBacklog = 16 * 1024 * 1024;

/** What a watch is to show. */
export interface WatchRequest {
	readonly storage: string;
	readonly namespace: string | undefined;
	/** By label and field selectors. */
	readonly matches: (object: StoredObject) => boolean;
	/** Empty: begin with what is there; `0`: the same; else only changes after it. */
	readonly resourceVersion: string;
	readonly sendInitialEvents: boolean;
	readonly bookmarks: boolean;
	readonly timeoutSeconds: number | undefined;
}

/** Sends the changes of a resource to one client until it goes away, time is up or `close`. */
export class WatchStream {
	readonly #store: ObjectStore;
	readonly #clock: Clock;
	readonly #request: WatchRequest;
	readonly #form: Representation;
	readonly #response: ServerResponse;
	readonly #disposables: (() => void)[] = [];
	#closed = false;

	constructor(
		store: ObjectStore,
		clock: Clock,
		request: WatchRequest,
		form: Representation,
		response: ServerResponse,
	) {
		this.#store = store;
		this.#clock = clock;
		this.#request = request;
		this.#form = form;
		this.#response = response;
	}

	/** Begins to send. @param onClose called once when the watch has ended. */
	open(onClose: () => void): void {
		this.#disposables.push(onClose);
		this.#response.on('close', () => this.close());
		this.#response.writeHead(200, {
			'content-type': 'application/json',
			'cache-control': 'no-cache, private',
		});
		this.#response.flushHeaders();
		try {
			this.#sendPast();
		} catch (error) {
			if (!(error instanceof StatusError)) throw error;
			this.#write(`${JSON.stringify({ type: 'ERROR', object: error.toStatus() })}\n`);
			this.close();
			return;
		}
		this.#disposables.push(this.#store.listen(this.#request.storage, (event) => this.#send(event)));
		this.#startTimers();
	}

	/** Ends the stream. */
	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		for (const dispose of this.#disposables.splice(0)) dispose();
		this.#response.end();
	}

	#startTimers(): void {
		const seconds = this.#request.timeoutSeconds ?? defaultTimeoutSeconds;
		const end = this.#clock.after(seconds * 1000, () => {
			this.#bookmark();
			this.close();
		});
		this.#disposables.push(() => end[Symbol.dispose]());
		if (!this.#request.bookmarks) return;
		const beat = this.#clock.every(bookmarkMs, () => this.#bookmark());
		this.#disposables.push(() => beat[Symbol.dispose]());
	}

	/** Either everything that is there, or the changes since the client looked. */
	#sendPast(): void {
		const { storage, namespace, resourceVersion, sendInitialEvents } = this.#request;
		const fromNow = resourceVersion === '' || resourceVersion === '0';
		if (fromNow || sendInitialEvents) {
			for (const stored of this.#store.list(storage, namespace)) {
				if (this.#request.matches(stored)) this.#write(this.#form.event('ADDED', stored));
			}
			if (sendInitialEvents) this.#write(this.#form.bookmark(this.#store.revision, true));
			return;
		}
		const events = this.#store.changesAfter(storage, Number(resourceVersion));
		for (const event of events) this.#send(event);
	}

	#send(event: StoreEvent): void {
		const { namespace, matches } = this.#request;
		if (namespace !== undefined && !event.key.startsWith(`${namespace}/`)) return;
		const before = event.previous !== undefined && matches(event.previous);
		const after = event.type !== 'DELETED' && matches(event.object);
		if (after) this.#write(this.#form.event(before ? 'MODIFIED' : 'ADDED', event.object));
		else if (before) this.#write(this.#form.event('DELETED', event.object));
	}

	#bookmark(): void {
		if (this.#request.bookmarks) this.#write(this.#form.bookmark(this.#store.revision, false));
	}

	#write(line: string): void {
		this.#response.write(line);
		if (this.#response.writableLength > maxBacklog) this.#response.destroy();
	}
}
