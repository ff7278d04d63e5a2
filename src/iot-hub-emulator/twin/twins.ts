import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { TwinProperties } from '../../protocol/twin.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import type { DeviceConnections } from '../connections/device-connections.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { etagOfCounter, requireMatch } from '../registry/etag.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import { StoredJson } from '../stored-json.ts';
import {
	newTwin,
	patchReported,
	patchTwin,
	replaceTwin,
	setDesired,
	type Twin,
	type TwinChange,
} from './twin.ts';
import { sectionForDevice } from './twin-section.ts';

/** What has changed in a twin, as in the body of a twin change event. */
export interface TwinUpdate {
	readonly version: number;
	readonly tags?: JsonObject;
	readonly properties?: { readonly desired: JsonObject } | { readonly reported: JsonObject };
}

/** Called after a twin has changed. */
export type TwinListener = (identity: Identity, update: TwinUpdate) => void;

/** The twins of all devices and modules. Durable; every desired change goes to who is connected. */
export class Twins {
	readonly #store: KeyValueStore;
	readonly #twins: StoredJson<Twin>;
	readonly #registry: IdentityRegistry;
	readonly #connections: DeviceConnections;
	readonly #clock: Clock;
	readonly #listeners = new Set<TwinListener>();

	constructor(
		store: KeyValueStore,
		registry: IdentityRegistry,
		connections: DeviceConnections,
		clock: Clock,
	) {
		this.#store = store;
		this.#twins = new StoredJson(store, 'twins');
		this.#registry = registry;
		this.#connections = connections;
		this.#clock = clock;
		registry.onChange((identity, change) => {
			if (change === 'created') this.#twins.set(identityKey(identity), newTwin(this.#time()));
			if (change === 'deleted') this.#twins.delete(identityKey(identity));
		});
	}

	/** Called after a twin has changed, whoever changed it. */
	onChange(listener: TwinListener): void {
		this.#listeners.add(listener);
	}

	/** Undefined where there is no such identity. */
	find(identity: Identity): Twin | undefined {
		return this.#twins.get(identityKey(identity));
	}

	/** @throws IotHubError DeviceNotFound, ModuleNotFound */
	get(identity: Identity): Twin {
		this.#registry.record(identity);
		const twin = this.#twins.get(identityKey(identity));
		if (twin === undefined) throw new IotHubError('ServerError', 'The identity has no twin.');
		return twin;
	}

	/**
	 * @param ifMatch the twin's ETag or `*`
	 * @throws IotHubError DeviceNotFound, ModuleNotFound, PreconditionFailed, ArgumentInvalid
	 */
	patch(identity: Identity, body: unknown, ifMatch?: string): Twin {
		const action = (twin: Twin) => patchTwin(twin, body, this.#time());
		return this.#change(identity, ifMatch, action, tagsOf(body));
	}

	/** As `patch`, but tags and desired properties are replaced. */
	replace(identity: Identity, body: unknown, ifMatch?: string): Twin {
		const action = (twin: Twin) => replaceTwin(twin, body, this.#time());
		return this.#change(identity, ifMatch, action, tagsOf(body));
	}

	/** Replaces the desired properties of several identities together or not at all. */
	setDesired(wanted: ReadonlyMap<string, { identity: Identity; values: JsonObject }>): void {
		const changes = [...wanted.values()].map(({ identity, values }) => ({
			identity,
			change: setDesired(this.get(identity), values, this.#time()),
		}));
		this.#store.transaction(() => {
			for (const { identity, change } of changes) {
				this.#twins.set(identityKey(identity), change.twin);
			}
		});
		for (const { identity, change } of changes) {
			this.#push(identity, change);
			this.#changed(identity, updateOf(change));
		}
	}

	/** The twin as its owner reads it. */
	propertiesOf(identity: Identity): TwinProperties {
		const { desired, reported } = this.get(identity);
		return { desired: sectionForDevice(desired), reported: sectionForDevice(reported) };
	}

	/**
	 * A patch from the twin's owner.
	 *
	 * @param ifVersion the version that the reported properties must have
	 * @returns the version that they have now
	 * @throws IotHubError ArgumentInvalid, PreconditionFailed
	 */
	patchReported(identity: Identity, patch: JsonObject, ifVersion?: number): number {
		const twin = this.get(identity);
		if (ifVersion !== undefined && ifVersion !== twin.reported.version) {
			throw new IotHubError('PreconditionFailed', 'The reported properties have changed.');
		}
		const changed = patchReported(twin, patch, this.#time());
		this.#twins.set(identityKey(identity), changed);
		const { version } = changed.reported;
		this.#changed(identity, {
			version: changed.version,
			properties: { reported: { ...patch, $version: version } },
		});
		return version;
	}

	/** Notes the model that a client has announced. */
	setModelId(identity: Identity, modelId: string): void {
		const twin = this.get(identity);
		if (twin.modelId !== modelId) this.#twins.set(identityKey(identity), { ...twin, modelId });
	}

	#change(
		identity: Identity,
		ifMatch: string | undefined,
		action: (twin: Twin) => TwinChange,
		tags: JsonObject | undefined,
	): Twin {
		const twin = this.get(identity);
		requireMatch(ifMatch, etagOfCounter(twin.serviceVersion));
		const change = action(twin);
		this.#twins.set(identityKey(identity), change.twin);
		this.#push(identity, change);
		this.#changed(identity, updateOf(change, tags));
		return change.twin;
	}

	#changed(identity: Identity, update: TwinUpdate): void {
		for (const listener of this.#listeners) listener(identity, update);
	}

	#push(identity: Identity, { twin, desiredPatch }: TwinChange): void {
		const connection = this.#connections.get(identity);
		if (desiredPatch === undefined || !connection?.receives('desired-properties')) return;
		connection.sendDesired(desiredPatch, twin.desired.version);
	}

	#time(): string {
		return new Date(this.#clock.now()).toISOString();
	}
}

function updateOf({ twin, desiredPatch }: TwinChange, tags?: JsonObject): TwinUpdate {
	return {
		version: twin.version,
		...(tags === undefined ? {} : { tags }),
		...(desiredPatch === undefined ? {} : { properties: { desired: desiredPatch } }),
	};
}

/** The tags of a body that was found good. */
function tagsOf(body: unknown): JsonObject | undefined {
	const tags = isJsonObject(body) ? body['tags'] : undefined;
	return isJsonObject(tags) ? tags : undefined;
}
