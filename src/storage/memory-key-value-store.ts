import type { KeyValueStore } from './key-value-store.ts';

type Collections = Map<string, Map<string, Uint8Array>>;

/** A key-value store in memory: for tests, and for a program that is told not to persist. */
export class MemoryKeyValueStore implements KeyValueStore {
	#collections: Collections = new Map();
	#inTransaction = false;

	get(collection: string, key: string): Uint8Array | undefined {
		return this.#collections.get(collection)?.get(key)?.slice();
	}

	set(collection: string, key: string, value: Uint8Array): void {
		const entries = this.#collections.get(collection) ?? new Map<string, Uint8Array>();
		this.#collections.set(collection, entries.set(key, value.slice()));
	}

	delete(collection: string, key: string): boolean {
		return this.#collections.get(collection)?.delete(key) ?? false;
	}

	entries(collection: string): Iterable<readonly [key: string, value: Uint8Array]> {
		const entries = [...(this.#collections.get(collection) ?? [])];
		return entries
			.map(([key, value]) => [key, value.slice()] as const)
			.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
	}

	transaction(action: () => void): void {
		if (this.#inTransaction) {
			action();
			return;
		}
		const before: Collections = new Map(
			[...this.#collections].map(([name, entries]) => [name, new Map(entries)]),
		);
		this.#inTransaction = true;
		try {
			action();
		} catch (error) {
			this.#collections = before;
			throw error;
		} finally {
			this.#inTransaction = false;
		}
	}

	close(): void {}
}
