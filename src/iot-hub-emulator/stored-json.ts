import type { KeyValueStore } from '../storage/key-value-store.ts';

/** A collection of JSON documents in a key-value store. What is read is the caller's own copy. */
export class StoredJson<T> {
	readonly #store: KeyValueStore;
	readonly #collection: string;

	constructor(store: KeyValueStore, collection: string) {
		this.#store = store;
		this.#collection = collection;
	}

	get(key: string): T | undefined {
		const value = this.#store.get(this.#collection, key);
		return value === undefined ? undefined : parse(value);
	}

	set(key: string, document: T): void {
		this.#store.set(this.#collection, key, Buffer.from(JSON.stringify(document)));
	}

	delete(key: string): boolean {
		return this.#store.delete(this.#collection, key);
	}

	/** All documents in order of their keys. */
	*entries(): Generator<readonly [key: string, document: T]> {
		for (const [key, value] of this.#store.entries(this.#collection)) yield [key, parse(value)];
	}

	*values(): Generator<T> {
		for (const [, document] of this.entries()) yield document;
	}
}

function parse<T>(value: Uint8Array): T {
	return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString()) as T;
}
