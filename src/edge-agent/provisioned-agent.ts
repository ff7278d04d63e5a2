import type { AssignedDevice } from '../iot-hub-client/device-provisioning-rest.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import { isJsonObject } from '../runtime/json.ts';
import type { Logger } from '../runtime/logger.ts';
import { RetryingTask } from '../runtime/retrying-task.ts';
import type { AgentOfATerm } from './elected-agent.ts';
import { type DeviceProvisioning, sameDevice } from './provisioning/device-provisioning.ts';
import type { StateSecret } from './state-secret.ts';

export interface ProvisionedAgentOptions {
	readonly provisioning: Pick<DeviceProvisioning, 'start' | 'stop' | 'assigned' | 'onMoved'>;
	readonly state: Pick<StateSecret, 'load' | 'getJson' | 'set'>;
	/** Makes the agent of one device. */
	readonly createAgent: (device: AssignedDevice) => AgentOfATerm;
	/** Deletes what was made in the cluster for another device. */
	readonly deleteFormer: (deviceId: string, signal: AbortSignal) => Promise<number>;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Entry of the state Secret: the device whose modules run. */
const key = 'served-device';

/**
 * An edge agent for the device that this edge is, whichever that is: it begins when the device is
 * known, and begins anew when the device has become another one or has moved to another IoT Hub.
 */
export class ProvisionedAgent implements AgentOfATerm {
	readonly #options: ProvisionedAgentOptions;
	readonly #abort = new AbortController();
	readonly #loading: RetryingTask;
	readonly #takingOver: RetryingTask;
	readonly #moving: RetryingTask;
	#moved: Disposable | undefined;
	#agent: AgentOfATerm | undefined;
	/** The device of the agent that has started. */
	#served: AssignedDevice | undefined;
	#wanted: AssignedDevice | undefined;

	constructor(options: ProvisionedAgentOptions) {
		const { clock, logger, state } = options;
		this.#options = options;
		const warn = (message: string) => (error: unknown) =>
			logger.warn(message, { reason: messageOf(error) });
		this.#loading = new RetryingTask({
			action: (signal) => state.load(signal),
			onFailure: warn('The state in the cluster cannot be read yet.'),
			backoff: { initial: 500, max: 15_000 },
			clock,
		});
		this.#takingOver = new RetryingTask({
			action: (signal) => this.#takeOver(signal),
			onFailure: warn('What belongs to another device cannot be deleted yet.'),
			backoff: { initial: 500, max: 15_000 },
			clock,
		});
		this.#moving = new RetryingTask({
			action: () => this.#move(),
			onFailure: warn('The agent of the new device cannot be started yet.'),
			backoff: { initial: 1_000, max: 60_000 },
			clock,
		});
	}

	/** Resolves when modules can get their credentials. A first registration is waited for. */
	async start(): Promise<void> {
		const { provisioning } = this.#options;
		this.#loading.trigger();
		await this.#loading.idle();
		if (this.#abort.signal.aborted) return;
		await provisioning.start();
		const device = await Promise.race([provisioning.assigned(), aborted(this.#abort.signal)]);
		if (device === undefined) return;
		this.#wanted = device;
		this.#moved = provisioning.onMoved((moved) => {
			this.#wanted = moved;
			this.#moving.trigger();
		});
		await this.#serve(device);
	}

	async stop(options: { readonly report?: boolean } = {}): Promise<void> {
		this.#abort.abort();
		this.#moved?.[Symbol.dispose]();
		await this.#loading.stop();
		await this.#takingOver.stop();
		await this.#options.provisioning.stop();
		const moving = this.#moving.stop();
		const stopped = this.#agent;
		await stopped?.stop(options);
		await moving;
		// A move may have made another one meanwhile.
		if (this.#agent !== stopped) await this.#agent?.stop(options);
	}

	get fault(): string | undefined {
		return this.#agent?.fault;
	}

	get ready(): boolean {
		return this.#agent?.ready ?? false;
	}

	get progress(): AgentOfATerm['progress'] {
		return this.#agent?.progress;
	}

	async #move(): Promise<void> {
		const device = this.#wanted;
		if (device === undefined || this.#abort.signal.aborted) return;
		if (this.#served !== undefined && sameDevice(this.#served, device)) return;
		this.#options.logger.info('The edge goes on as another device.', { ...device });
		await this.#agent?.stop();
		this.#agent = undefined;
		this.#served = undefined;
		await this.#serve(device);
	}

	async #serve(device: AssignedDevice): Promise<void> {
		this.#takingOver.trigger();
		await this.#takingOver.idle();
		if (this.#abort.signal.aborted) return;
		const agent = this.#options.createAgent(device);
		this.#agent = agent;
		await agent.start();
		this.#served = device;
	}

	/** Remembers the device, once nothing is left of another one. */
	async #takeOver(signal: AbortSignal): Promise<void> {
		const device = this.#wanted;
		if (device === undefined) return;
		const { state, deleteFormer, logger } = this.#options;
		const kept = state.getJson(key);
		const former = isJsonObject(kept) ? kept['deviceId'] : undefined;
		if (former === device.deviceId) return;
		if (typeof former === 'string') {
			const objects = await deleteFormer(former, signal);
			logger.info('What belonged to another device was deleted.', { device: former, objects });
		}
		await state.set({ [key]: JSON.stringify({ deviceId: device.deviceId }) });
	}
}

function aborted(signal: AbortSignal): Promise<undefined> {
	return new Promise((resolve) => {
		if (signal.aborted) resolve(undefined);
		signal.addEventListener('abort', () => resolve(undefined), { once: true });
	});
}
