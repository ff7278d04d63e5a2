import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import { never } from '../registry/identity-record.ts';
import type { DeviceConnection, Feature } from './device-connection.ts';

/** When an identity was seen. Times in ISO form. */
export interface Activity {
	readonly connectionState: 'Connected' | 'Disconnected';
	readonly connectionStateUpdatedTime: string;
	readonly lastActivityTime: string;
}

/** Called when a client is ready for a feature: it has connected with it, or subscribed to it. */
export type ReadyListener = (connection: DeviceConnection, feature: Feature) => void;

const unseen: Activity = {
	connectionState: 'Disconnected',
	connectionStateUpdatedTime: never,
	lastActivityTime: never,
};

/** Who is connected now, with whatever protocol. */
export class DeviceConnections {
	readonly #clock: Clock;
	readonly #connections = new Map<string, DeviceConnection>();
	readonly #seen = new Map<string, { state: number; activity: number }>();
	readonly #listeners = new Set<ReadyListener>();
	readonly #stateListeners = new Set<(identity: Identity, connected: boolean) => void>();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	get(identity: Identity): DeviceConnection | undefined {
		return this.#connections.get(identityKey(identity));
	}

	all(): Iterable<DeviceConnection> {
		return this.#connections.values();
	}

	/** Devices that are connected themselves, modules not counted. */
	get deviceCount(): number {
		let count = 0;
		for (const { identity } of this.#connections.values()) {
			if (identity.moduleId === undefined) count += 1;
		}
		return count;
	}

	/** Registers a connection; an older one of the same identity is closed. */
	add(connection: DeviceConnection): void {
		const key = identityKey(connection.identity);
		const older = this.#connections.get(key);
		this.#connections.set(key, connection);
		if (older !== undefined && older !== connection) older.close();
		if (older === undefined) this.#changed(connection.identity, true);
		const now = this.#clock.now();
		this.#seen.set(key, { state: now, activity: now });
	}

	/** Forgets a connection that has ended; one that was taken over is forgotten already. */
	remove(connection: DeviceConnection): void {
		const key = identityKey(connection.identity);
		if (this.#connections.get(key) !== connection) return;
		this.#connections.delete(key);
		this.#changed(connection.identity, false);
		const now = this.#clock.now();
		this.#seen.set(key, { state: now, activity: now });
	}

	/** Notes that a client has done something. */
	touch(identity: Identity): void {
		const seen = this.#seen.get(identityKey(identity));
		if (seen !== undefined) seen.activity = this.#clock.now();
	}

	/** Forgets an identity that was deleted. */
	forget(identity: Identity): void {
		this.get(identity)?.close();
		this.#seen.delete(identityKey(identity));
	}

	activity(identity: Identity): Activity {
		const key = identityKey(identity);
		const seen = this.#seen.get(key);
		if (seen === undefined) return unseen;
		return {
			connectionState: this.#connections.has(key) ? 'Connected' : 'Disconnected',
			connectionStateUpdatedTime: new Date(seen.state).toISOString(),
			lastActivityTime: new Date(seen.activity).toISOString(),
		};
	}

	onReady(listener: ReadyListener): Disposable {
		this.#listeners.add(listener);
		return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
	}

	/** Called when a client has connected or disconnected. */
	onState(listener: (identity: Identity, connected: boolean) => void): void {
		this.#stateListeners.add(listener);
	}

	#changed(identity: Identity, connected: boolean): void {
		for (const listener of this.#stateListeners) listener(identity, connected);
	}

	/** To be called by a protocol head. */
	ready(connection: DeviceConnection, feature: Feature): void {
		for (const listener of [...this.#listeners]) listener(connection, feature);
	}
}
