import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { TwinProperties } from '../../protocol/twin.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../runtime/json.ts';
import type { SealedStore } from '../authorization/sealed-store.ts';
import type { PendingReport } from './pending-report.ts';

/** What the hub keeps of a client's twin. */
export interface StoredTwin {
	/** As IoT Hub told last, with the reported patches since then laid over. */
	readonly twin?: TwinProperties;
	readonly pending?: PendingReport;
	/** Desired properties as the client knows them, when it has not been told of the latest. */
	readonly told?: JsonObject;
}

/** Twins on disk, sealed. */
export class TwinStore {
	readonly #store: SealedStore;

	constructor(store: SealedStore) {
		this.#store = store;
	}

	load(identity: Identity): StoredTwin {
		return storedTwinOf(this.#store.get(identityKey(identity)));
	}

	/** Durable when it returns. @throws EdgeError EDGE_STORAGE_FULL */
	save(identity: Identity, { twin, pending, told }: StoredTwin): void {
		this.#store.set(identityKey(identity), {
			...(twin === undefined ? {} : { desired: twin.desired, reported: twin.reported }),
			...(pending === undefined ? {} : { pending: pending.patch }),
			...(pending?.cleared === undefined ? {} : { cleared: pending.cleared }),
			...(told === undefined ? {} : { told }),
		});
	}

	delete(identity: Identity): void {
		this.#store.delete(identityKey(identity));
	}

	/** Identity keys of clients whose reported properties IoT Hub has not got yet. */
	pendingKeys(): string[] {
		const pending = [...this.#store.entries()].filter(
			([, value]) => storedTwinOf(value).pending !== undefined,
		);
		return pending.map(([key]) => key);
	}
}

function storedTwinOf(value: JsonValue | undefined): StoredTwin {
	if (!isJsonObject(value)) return {};
	const { desired, reported, pending: patch, cleared, told } = value;
	const pending = isJsonObject(patch) && {
		patch,
		...(isJsonObject(cleared) ? { cleared } : {}),
	};
	return {
		...(isJsonObject(desired) && isJsonObject(reported) ? { twin: { desired, reported } } : {}),
		...(pending ? { pending } : {}),
		...(isJsonObject(told) ? { told } : {}),
	};
}
