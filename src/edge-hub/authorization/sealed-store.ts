import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { JsonValue } from '../../runtime/json.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import type { WorkloadApi } from '../workload-client.ts';

const nonceBytes = 12;
const tagBytes = 16;
const version = 1;
/** What the storage key is derived from. A change of this text makes stored values unreadable. */
const purpose = 'iotedge-k8s edge-hub storage key 1';

/**
 * The key that seals what the hub stores: HMAC-SHA256 of a fixed text with the hub's module key,
 * which only the workload API holds. A copy of the volume is worth nothing without it.
 *
 * @returns 32 bytes
 */
export async function storageKey(workload: WorkloadApi, signal?: AbortSignal): Promise<Buffer> {
	return Buffer.from(await workload.sign(purpose, signal), 'base64').subarray(0, 32);
}

/**
 * JSON values of one collection, sealed with AES-256-GCM. The form is a version byte, the nonce,
 * the ciphertext, the tag; collection and key are authenticated, so that values cannot be swapped.
 */
export class SealedStore {
	readonly #store: KeyValueStore;
	readonly #collection: string;
	readonly #key: Buffer;
	readonly #logger: Logger;

	constructor(store: KeyValueStore, collection: string, key: Buffer, logger: Logger) {
		this.#store = store;
		this.#collection = collection;
		this.#key = key;
		this.#logger = logger;
	}

	/** @returns undefined where there is nothing, or what was sealed with another key. */
	get(key: string): JsonValue | undefined {
		const sealed = this.#store.get(this.#collection, key);
		return sealed === undefined ? undefined : this.#open(key, sealed);
	}

	set(key: string, value: JsonValue): void {
		this.#store.set(this.#collection, key, this.#seal(key, value));
	}

	delete(key: string): void {
		this.#store.delete(this.#collection, key);
	}

	/** All entries that can be opened. */
	*entries(): Iterable<readonly [key: string, value: JsonValue]> {
		for (const [key, sealed] of this.#store.entries(this.#collection)) {
			const value = this.#open(key, sealed);
			if (value !== undefined) yield [key, value];
		}
	}

	#seal(key: string, value: JsonValue): Uint8Array {
		const nonce = randomBytes(nonceBytes);
		const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(this.#context(key));
		const ciphertext = [cipher.update(JSON.stringify(value), 'utf8'), cipher.final()];
		return Buffer.concat([Buffer.of(version), nonce, ...ciphertext, cipher.getAuthTag()]);
	}

	#open(key: string, sealed: Uint8Array): JsonValue | undefined {
		try {
			if (sealed[0] !== version) throw new RangeError('unknown form');
			const nonce = sealed.subarray(1, 1 + nonceBytes);
			const tag = sealed.subarray(sealed.length - tagBytes);
			const decipher = createDecipheriv('aes-256-gcm', this.#key, nonce, {
				authTagLength: tagBytes,
			});
			decipher.setAAD(this.#context(key)).setAuthTag(tag);
			const ciphertext = sealed.subarray(1 + nonceBytes, sealed.length - tagBytes);
			return JSON.parse(decipher.update(ciphertext, undefined, 'utf8') + decipher.final('utf8'));
		} catch {
			this.#logger.warn('a stored value cannot be opened with the key of this hub', {
				collection: this.#collection,
				key,
			});
			return undefined;
		}
	}

	#context(key: string): Buffer {
		return Buffer.from(`${this.#collection}\0${key}`);
	}
}
