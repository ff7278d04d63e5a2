import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { DeviceConnection } from '../connections/device-connection.ts';
import type { DeviceConnections } from '../connections/device-connections.ts';
import type { CloudToDeviceQueues, LockedMessage } from './cloud-to-device-queues.ts';

/** Moves queued messages to devices that are connected and listen, as many at a time as they take. */
export class CloudToDeviceDelivery {
	readonly #queues: CloudToDeviceQueues;
	readonly #connections: DeviceConnections;
	readonly #logger: Logger;
	/** Connections that have failed to deliver: nothing more is given to them. */
	readonly #gone = new WeakSet<DeviceConnection>();

	constructor(queues: CloudToDeviceQueues, connections: DeviceConnections, logger: Logger) {
		this.#queues = queues;
		this.#connections = connections;
		this.#logger = logger;
	}

	/** From now on every message goes out as soon as its device listens. */
	begin(): void {
		this.#connections.onReady((connection, feature) => {
			if (feature === 'cloud-to-device') this.#serve(connection);
		});
		this.#queues.onReady((deviceId) => {
			const connection = this.#connections.get({ deviceId });
			if (connection !== undefined) this.#serve(connection);
		});
	}

	#serve(connection: DeviceConnection): void {
		const { deviceId } = connection.identity;
		while (this.#takes(connection)) {
			const queued = this.#queues.take(deviceId);
			if (queued === undefined) return;
			void this.#deliver(connection, queued).then(() => this.#serve(connection));
		}
	}

	#takes(connection: DeviceConnection): boolean {
		const current = this.#connections.get(connection.identity) === connection;
		if (!current || this.#gone.has(connection)) return false;
		return connection.receives('cloud-to-device') && connection.deliveryRoom > 0;
	}

	async #deliver(connection: DeviceConnection, queued: LockedMessage): Promise<void> {
		const { deviceId } = connection.identity;
		try {
			const outcome = await connection.deliver(queued.message, queued);
			if (outcome === 'completed') this.#queues.complete(deviceId, queued);
			else if (outcome === 'rejected') this.#queues.reject(deviceId, queued);
			else this.#queues.abandon(deviceId, queued);
		} catch (error) {
			this.#logger.debug('a message was not delivered', { deviceId, reason: messageOf(error) });
			this.#gone.add(connection);
			connection.close();
			this.#queues.abandon(deviceId, queued);
		}
	}
}
