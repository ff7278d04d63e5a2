import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { DeviceConnection } from '../connections/device-connection.ts';
import type { DeviceConnections } from '../connections/device-connections.ts';
import type { CloudToDeviceQueues } from './cloud-to-device-queues.ts';

/** Moves queued messages to devices that are connected and listen, one at a time for each device. */
export class CloudToDeviceDelivery {
	readonly #queues: CloudToDeviceQueues;
	readonly #connections: DeviceConnections;
	readonly #logger: Logger;
	/** Connections that are being served. */
	readonly #busy = new WeakSet<DeviceConnection>();

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
		this.#queues.onQueued((deviceId) => {
			const connection = this.#connections.get({ deviceId });
			if (connection !== undefined) this.#serve(connection);
		});
	}

	#serve(connection: DeviceConnection): void {
		if (this.#busy.has(connection) || !connection.receives('cloud-to-device')) return;
		this.#busy.add(connection);
		this.#deliverAll(connection)
			.catch((error: unknown) => {
				const { deviceId } = connection.identity;
				this.#logger.debug('a message was not delivered', { deviceId, reason: messageOf(error) });
			})
			.finally(() => this.#busy.delete(connection));
	}

	async #deliverAll(connection: DeviceConnection): Promise<void> {
		const { deviceId } = connection.identity;
		while (this.#connections.get(connection.identity) === connection) {
			const queued = this.#queues.take(deviceId);
			if (queued === undefined) return;
			await connection.deliver(queued.message);
			this.#queues.complete(deviceId, queued);
		}
	}
}
