import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import { isJsonObject } from '../../runtime/json.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { StoredJson } from '../stored-json.ts';
import { authenticationFrom, noAuthentication } from './authentication-mechanism.ts';
import { deviceScopeOf, parseDeviceScope } from './device-scope.ts';
import { newEtag, requireMatch } from './etag.ts';
import { type DeviceBody, deviceBodyFrom, managedByFrom, requireValidId } from './identity-body.ts';
import { type DeviceRecord, GenerationIds, type ModuleRecord, never } from './identity-record.ts';

/** What has happened to an identity. Listeners run in the transaction that writes it. */
export type RegistryListener = (
	identity: Identity,
	change: 'created' | 'updated' | 'deleted',
) => void;

/** Modules that IoT Hub gives every IoT Edge device. */
const systemModules = ['$edgeAgent', '$edgeHub'];

/** Modules of one device (IoT Hub quotas). */
const maxModules = 50;

/** The identity registry: devices, their modules, and who is whose child. Durable in the store. */
export class IdentityRegistry {
	readonly #store: KeyValueStore;
	readonly #clock: Clock;
	readonly #devices: StoredJson<DeviceRecord>;
	readonly #modules: StoredJson<ModuleRecord>;
	/** Module ids by device. */
	readonly #moduleIds = new Map<string, Set<string>>();
	readonly #generations = new GenerationIds();
	readonly #listeners = new Set<RegistryListener>();

	constructor(store: KeyValueStore, clock: Clock) {
		this.#store = store;
		this.#clock = clock;
		this.#devices = new StoredJson(store, 'devices');
		this.#modules = new StoredJson(store, 'modules');
	}

	/** Indexes what an earlier run has left. */
	load(): void {
		this.#moduleIds.clear();
		for (const module of this.#modules.values()) this.#indexModule(module);
	}

	onChange(listener: RegistryListener): void {
		this.#listeners.add(listener);
	}

	findDevice(deviceId: string): DeviceRecord | undefined {
		return this.#devices.get(deviceId);
	}

	findModule(module: Required<Identity>): ModuleRecord | undefined {
		return this.#modules.get(identityKey(module));
	}

	/** @throws IotHubError DeviceNotFound */
	device(deviceId: string): DeviceRecord {
		const device = this.findDevice(deviceId);
		if (device === undefined) throw notFound({ deviceId });
		return device;
	}

	/** @throws IotHubError DeviceNotFound, ModuleNotFound */
	module(identity: Required<Identity>): ModuleRecord {
		this.device(identity.deviceId);
		const module = this.findModule(identity);
		if (module === undefined) throw notFound(identity);
		return module;
	}

	/** @throws IotHubError DeviceNotFound, ModuleNotFound */
	record({ deviceId, moduleId }: Identity): DeviceRecord | ModuleRecord {
		return moduleId === undefined ? this.device(deviceId) : this.module({ deviceId, moduleId });
	}

	/** All devices in order of their ids. */
	devices(): Iterable<DeviceRecord> {
		return this.#devices.values();
	}

	/** The modules of all devices in order of their keys. */
	allModules(): Iterable<ModuleRecord> {
		return this.#modules.values();
	}

	/** @throws IotHubError DeviceNotFound */
	modules(deviceId: string): ModuleRecord[] {
		this.device(deviceId);
		return [...(this.#moduleIds.get(deviceId) ?? [])].flatMap(
			(moduleId) => this.findModule({ deviceId, moduleId }) ?? [],
		);
	}

	statistics() {
		const devices = [...this.#devices.values()];
		const enabled = devices.filter((device) => device.status === 'enabled').length;
		return {
			totalDeviceCount: devices.length,
			enabledDeviceCount: enabled,
			disabledDeviceCount: devices.length - enabled,
		};
	}

	/**
	 * Creates a device (no `ifMatch`) or replaces one (`ifMatch`: its tag, or `*`).
	 *
	 * @throws IotHubError DeviceAlreadyExists, DeviceNotFound, PreconditionFailed, ArgumentInvalid,
	 * InvalidDeviceScope
	 */
	putDevice(deviceId: string, body: unknown, ifMatch?: string): DeviceRecord {
		requireValidId(deviceId, 'device');
		const wanted = deviceBodyFrom(deviceId, body);
		const current = this.#current('DeviceAlreadyExists', { deviceId }, ifMatch) as
			| DeviceRecord
			| undefined;
		const device = this.#deviceRecord(deviceId, wanted, body, current);
		this.#store.transaction(() => {
			this.#devices.set(deviceId, device);
			this.#changed({ deviceId }, current === undefined ? 'created' : 'updated');
			if (device.capabilities.iotEdge) this.#addSystemModules(deviceId);
		});
		return device;
	}

	/** @throws IotHubError DeviceNotFound, PreconditionFailed */
	deleteDevice(deviceId: string, ifMatch?: string): void {
		requireMatch(ifMatch, this.device(deviceId).etag);
		const modules = this.modules(deviceId);
		this.#store.transaction(() => {
			for (const module of modules) this.#removeModule(module);
			this.#devices.delete(deviceId);
			this.#changed({ deviceId }, 'deleted');
		});
	}

	/**
	 * Creates a module (no `ifMatch`) or replaces one.
	 *
	 * @throws IotHubError ModuleAlreadyExistsOnDevice, ModuleNotFound, DeviceNotFound,
	 * PreconditionFailed, ArgumentInvalid, TooManyModulesOnDevice
	 */
	putModule(identity: Required<Identity>, body: unknown, ifMatch?: string): ModuleRecord {
		requireValidId(identity.moduleId, 'module');
		this.device(identity.deviceId);
		const managedBy = managedByFrom(identity.moduleId, body);
		const current = this.#current('ModuleAlreadyExistsOnDevice', identity, ifMatch) as
			| ModuleRecord
			| undefined;
		if (current === undefined) this.#requireRoom(identity.deviceId);
		const authentication = isJsonObject(body) ? body['authentication'] : undefined;
		const module: ModuleRecord = {
			deviceId: identity.deviceId,
			moduleId: identity.moduleId,
			managedBy: managedBy ?? current?.managedBy ?? null,
			generationId: current?.generationId ?? this.#generations.next(this.#clock.now()),
			etag: newEtag(),
			authentication: authenticationFrom(authentication, current?.authentication),
		};
		this.#store.transaction(() => this.#setModule(module, current === undefined));
		return module;
	}

	/**
	 * @throws IotHubError DeviceNotFound, ModuleNotFound, PreconditionFailed,
	 * SystemModuleModifyUnauthorizedAccess
	 */
	deleteModule(identity: Required<Identity>, ifMatch?: string): void {
		const module = this.module(identity);
		requireMatch(ifMatch, module.etag);
		if (systemModules.includes(module.moduleId)) {
			const message = 'A system module lives as long as its device.';
			throw new IotHubError('SystemModuleModifyUnauthorizedAccess', message);
		}
		this.#store.transaction(() => this.#removeModule(module));
	}

	#current(
		conflict: 'DeviceAlreadyExists' | 'ModuleAlreadyExistsOnDevice',
		identity: Identity,
		ifMatch: string | undefined,
	): DeviceRecord | ModuleRecord | undefined {
		const { deviceId, moduleId } = identity;
		const current =
			moduleId === undefined ? this.findDevice(deviceId) : this.findModule({ deviceId, moduleId });
		if (current === undefined) {
			if (ifMatch === undefined) return undefined;
			throw notFound(identity);
		}
		if (ifMatch === undefined) {
			throw new IotHubError(conflict, `An identity ${identityKey(identity)} already exists.`);
		}
		requireMatch(ifMatch, current.etag);
		return current;
	}

	#deviceRecord(
		deviceId: string,
		wanted: DeviceBody,
		body: unknown,
		current: DeviceRecord | undefined,
	): DeviceRecord {
		const now = this.#clock.now();
		const generationId = current?.generationId ?? this.#generations.next(now);
		const authentication = isJsonObject(body) ? body['authentication'] : undefined;
		const statusChanged = current !== undefined && current.status !== wanted.status;
		return {
			deviceId,
			generationId,
			etag: newEtag(),
			status: wanted.status,
			statusReason: wanted.statusReason,
			statusUpdatedTime: statusChanged
				? new Date(now).toISOString()
				: (current?.statusUpdatedTime ?? never),
			authentication: authenticationFrom(authentication, current?.authentication),
			capabilities: { iotEdge: wanted.iotEdge },
			...this.#scopes(deviceId, generationId, wanted),
		};
	}

	#scopes(deviceId: string, generationId: string, wanted: DeviceBody) {
		for (const scope of wanted.parentScopes) this.#requireScope(scope, deviceId);
		if (wanted.parentScopes.length > 1) {
			throw new IotHubError('InvalidDeviceScope', 'A device has at most one parent.');
		}
		if (wanted.iotEdge) {
			const deviceScope = deviceScopeOf(deviceId, generationId);
			return { deviceScope, parentScopes: wanted.parentScopes };
		}
		const deviceScope = wanted.deviceScope ?? wanted.parentScopes[0];
		if (deviceScope === undefined) return { parentScopes: [] };
		this.#requireScope(deviceScope, deviceId);
		return { deviceScope, parentScopes: [deviceScope] };
	}

	#requireScope(scope: string, deviceId: string): void {
		const parent = parseDeviceScope(scope);
		const device = parent === undefined ? undefined : this.findDevice(parent.deviceId);
		const isEdge = device?.deviceScope === scope && device.capabilities.iotEdge;
		if (isEdge && device.deviceId !== deviceId) return;
		const message = 'The scope is not that of another IoT Edge device.';
		throw new IotHubError('InvalidDeviceScope', message);
	}

	#requireRoom(deviceId: string): void {
		if ((this.#moduleIds.get(deviceId)?.size ?? 0) < maxModules) return;
		const message = `A device has at most ${maxModules} modules.`;
		throw new IotHubError('TooManyModulesOnDevice', message);
	}

	#addSystemModules(deviceId: string): void {
		for (const moduleId of systemModules) {
			if (this.findModule({ deviceId, moduleId }) !== undefined) continue;
			const module: ModuleRecord = {
				deviceId,
				moduleId,
				managedBy: null,
				generationId: this.#generations.next(this.#clock.now()),
				etag: newEtag(),
				authentication: noAuthentication,
			};
			this.#setModule(module, true);
		}
	}

	#setModule(module: ModuleRecord, isNew: boolean): void {
		this.#modules.set(identityKey(module), module);
		this.#indexModule(module);
		this.#changed(module, isNew ? 'created' : 'updated');
	}

	#removeModule(module: ModuleRecord): void {
		this.#modules.delete(identityKey(module));
		this.#moduleIds.get(module.deviceId)?.delete(module.moduleId);
		this.#changed(module, 'deleted');
	}

	#indexModule({ deviceId, moduleId }: ModuleRecord): void {
		const ids = this.#moduleIds.get(deviceId) ?? new Set();
		this.#moduleIds.set(deviceId, ids.add(moduleId));
	}

	#changed(identity: Identity, change: 'created' | 'updated' | 'deleted'): void {
		const { deviceId, moduleId } = identity;
		const bare = moduleId === undefined ? { deviceId } : { deviceId, moduleId };
		for (const listener of this.#listeners) listener(bare, change);
	}
}

function notFound(identity: Identity): IotHubError {
	const code = identity.moduleId === undefined ? 'DeviceNotFound' : 'ModuleNotFound';
	return new IotHubError(code, `There is no identity ${identityKey(identity)}.`);
}
