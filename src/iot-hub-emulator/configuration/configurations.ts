import { type Identity, identityKey } from '../../protocol/identity.ts';
import { sameJson } from '../../protocol/twin.ts';
import type { Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { HubSurroundings } from '../hub-surroundings.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { newEtag, requireMatch } from '../registry/etag.ts';
import { StoredJson } from '../stored-json.ts';
import type { TwinSources } from '../twin/hub-twin-document.ts';
import { AutomaticConfiguration, type ConfigurationStatus } from './automatic-configuration.ts';
import { type Configuration, configurationBodyFrom } from './configuration.ts';

/** Configurations of a hub (IoT Hub quotas). */
const maxConfigurations = 100;

/** Devices that are looked at without anything else being served in between. */
const atOnce = 100;

/** Milliseconds that changes of twins are gathered for before configurations look at them. */
const settleMs = 100;

/**
 * The hub's configurations: automatic deployments for IoT Edge devices and automatic configurations
 * for devices and modules. They are applied to what matches them, now and whenever twins change.
 */
export class Configurations {
	readonly #hub: HubSurroundings & TwinSources;
	readonly #stored: StoredJson<Configuration>;
	readonly #automatic: AutomaticConfiguration;
	readonly #configurations = new Map<string, Configuration>();
	readonly #changed = new Set<string>();
	#timer: Timer | undefined;

	/** @param hub is used from `load` on */
	constructor(hub: HubSurroundings & TwinSources) {
		this.#hub = hub;
		this.#stored = new StoredJson(hub.store, 'configurations');
		this.#automatic = new AutomaticConfiguration(hub);
	}

	/** Reads what an earlier run has left and looks at every device. */
	load(): void {
		this.#configurations.clear();
		for (const [id, configuration] of this.#stored.entries()) {
			this.#configurations.set(id, configuration);
		}
		const look = ({ deviceId }: Identity) => this.#lookAt(deviceId);
		this.#hub.registry.onChange((identity, change) => {
			if (change === 'deleted') this.#automatic.forget(identity);
			look(identity);
		});
		this.#hub.twins.onChange(look);
		this.#applyToAll();
	}

	stop(): void {
		this.#timer?.[Symbol.dispose]();
		this.#timer = undefined;
	}

	/** All of them in order of their ids. */
	list(): Configuration[] {
		return [...this.#configurations.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
	}

	/** @throws IotHubError ConfigurationNotFound */
	get(id: string): Configuration {
		const configuration = this.#configurations.get(id);
		if (configuration !== undefined) return configuration;
		throw new IotHubError('ConfigurationNotFound', `There is no configuration ${id}.`);
	}

	/**
	 * Creates a configuration (no `ifMatch`) or replaces one. Its content is for ever.
	 *
	 * @throws IotHubError ConfigurationAlreadyExists, ConfigurationNotFound, PreconditionFailed,
	 * ConfigurationCountLimitExceeded, CannotModifyImmutableConfigurationContent, and what the body is
	 * refused with
	 */
	put(id: string, body: unknown, ifMatch?: string): Configuration {
		const wanted = configurationBodyFrom(id, body);
		const current = this.#current(id, ifMatch);
		if (current !== undefined && !sameJson(current.content, wanted.content)) {
			const message = 'The content of a configuration cannot be changed.';
			throw new IotHubError('CannotModifyImmutableConfigurationContent', message);
		}
		const now = new Date(this.#hub.clock.now()).toISOString();
		const configuration: Configuration = {
			...wanted,
			createdTimeUtc: current?.createdTimeUtc ?? now,
			lastUpdatedTimeUtc: now,
			etag: newEtag(),
		};
		if (current === undefined) this.#automatic.requireAcceptable(configuration);
		this.#stored.set(id, configuration);
		this.#configurations.set(id, configuration);
		this.#applyToAll();
		return configuration;
	}

	/** Devices that had it turn to the next one; where there is none, nothing changes on them. */
	delete(id: string, ifMatch?: string): void {
		requireMatch(ifMatch, this.get(id).etag);
		this.#stored.delete(id);
		this.#configurations.delete(id);
		this.#applyToAll();
	}

	/** The configurations that target an identity, as its twin shows them. */
	statusOf(identity: Identity): Readonly<Record<string, { readonly status: ConfigurationStatus }>> {
		return this.#automatic.statusOf(identity);
	}

	#current(id: string, ifMatch: string | undefined): Configuration | undefined {
		const current = this.#configurations.get(id);
		if (current === undefined) {
			if (ifMatch !== undefined) this.get(id);
			if (this.#configurations.size < maxConfigurations) return undefined;
			const message = `There are ${maxConfigurations} configurations.`;
			throw new IotHubError('ConfigurationCountLimitExceeded', message);
		}
		if (ifMatch === undefined) {
			const message = `A configuration ${id} already exists.`;
			throw new IotHubError('ConfigurationAlreadyExists', message);
		}
		requireMatch(ifMatch, current.etag);
		return current;
	}

	#lookAt(deviceId: string): void {
		if (this.#configurations.size === 0) return;
		this.#changed.add(deviceId);
		this.#settle();
	}

	/** The first devices are done when it returns; others must not wait for all of a large fleet. */
	#applyToAll(): void {
		for (const { deviceId } of this.#hub.registry.devices()) this.#changed.add(deviceId);
		this.#applyToSome();
	}

	#applyToSome(): void {
		let left = atOnce;
		for (const deviceId of this.#changed) {
			this.#changed.delete(deviceId);
			this.#apply(deviceId);
			left -= 1;
			if (left === 0) break;
		}
		if (this.#changed.size > 0) this.#settle();
	}

	#settle(): void {
		this.#timer ??= this.#hub.clock.after(settleMs, () => {
			this.#timer = undefined;
			this.#applyToSome();
		});
	}

	#apply(deviceId: string): void {
		if (this.#hub.registry.findDevice(deviceId) === undefined) return;
		try {
			this.#automatic.apply(deviceId, [...this.#configurations.values()]);
		} catch (error) {
			const fields = { identity: identityKey({ deviceId }), reason: messageOf(error) };
			this.#hub.logger.warn('a configuration could not be applied', fields);
		}
	}
}
