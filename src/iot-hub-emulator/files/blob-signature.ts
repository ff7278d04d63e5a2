import { timingSafeEqual } from 'node:crypto';
import { encodeStrict, sign } from '../../protocol/sas-token.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { newKey } from '../registry/authentication-mechanism.ts';
import { StoredJson } from '../stored-json.ts';

/** What may be done: `r`ead, `w`rite, `d`elete. */
export type BlobRight = 'r' | 'w' | 'd';

/** Makes and checks the signatures in blob addresses. They look like a storage account's. */
export class BlobSignature {
	readonly #keys: StoredJson<string>;

	constructor(store: KeyValueStore) {
		this.#keys = new StoredJson(store, 'storage-key');
	}

	/**
	 * A query that opens a blob, or all of a container when no blob is named; it begins with `?`.
	 *
	 * @param expires milliseconds since the epoch
	 */
	create(container: string, blob: string | undefined, rights: string, expires: number): string {
		const end = new Date(expires).toISOString().replace(/\.\d+Z$/, 'Z');
		const kind = blob === undefined ? 'c' : 'b';
		const signature = this.#sign(`${container}/${blob ?? ''}`, kind, rights, end);
		return `?sv=2021-08-06&sr=${kind}&se=${encodeStrict(end)}&sp=${rights}&sig=${encodeStrict(signature)}`;
	}

	/**
	 * @param now milliseconds since the epoch
	 * @throws IotHubError IotHubUnauthorizedAccess
	 */
	require(
		query: URLSearchParams,
		container: string,
		blob: string,
		right: BlobRight,
		now: number,
	): void {
		const kind = query.get('sr') ?? '';
		const end = query.get('se') ?? '';
		const rights = query.get('sp') ?? '';
		const scope = `${container}/${kind === 'c' ? '' : blob}`;
		const expected = Buffer.from(this.#sign(scope, kind, rights, end));
		const given = Buffer.from(query.get('sig') ?? '');
		const good = given.length === expected.length && timingSafeEqual(given, expected);
		if (good && rights.includes(right) && Date.parse(end) > now) return;
		throw new IotHubError('IotHubUnauthorizedAccess', 'The signature does not open the blob.');
	}

	#sign(scope: string, kind: string, rights: string, end: string): string {
		return sign(this.#key, `${scope}\n${kind}\n${rights}\n${end}`);
	}

	get #key(): string {
		const kept = this.#keys.get('key');
		if (kept !== undefined) return kept;
		const made = newKey();
		this.#keys.set('key', made);
		return made;
	}
}
