import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { JsonObject } from '../../runtime/json.ts';
import { SimulatedClient } from '../../testing/simulated-client.ts';
import type { Fleet } from './fleet.ts';
import type { Template, TemplateContext } from './payload-template.ts';

/** What a run has done so far. */
export interface FleetCounts {
	/** Devices that are connected, and those that could not. */
	readonly connected: number;
	readonly unconnected: number;
	readonly sent: number;
	readonly acknowledged: number;
	readonly failed: number;
	/** Of the last failure; empty when there was none. */
	readonly lastFailure: string;
}

/** How devices of a run connect. */
export interface FleetRunOptions {
	readonly fleets: readonly Fleet[];
	/** By device id. They hold secrets. */
	readonly connectionStrings: ReadonlyMap<string, string>;
	/** PEM of the authorities to trust; empty for the system's alone. */
	readonly authority: string;
	readonly clock: Clock;
	readonly random?: () => number;
}

/** Devices that connect at the same time. */
const connecting = 25;
/** Milliseconds that a timer may be early. */
const timerSlack = 2;
/** Messages that a device sends at once after a pause. */
const maxCatchUp = 10;
/** Milliseconds that acknowledgements may take after the end. */
const drainTime = 15_000;

/** Simulated devices in this process, each a client of the official SDK. */
export class FleetRun {
	readonly #options: FleetRunOptions;
	readonly #clients: SimulatedClient[] = [];
	readonly #timers: Disposable[] = [];
	readonly #counts = {
		connected: 0,
		unconnected: 0,
		sent: 0,
		acknowledged: 0,
		failed: 0,
		lastFailure: '',
	};
	#sending = false;

	constructor(options: FleetRunOptions) {
		this.#options = options;
	}

	get counts(): FleetCounts {
		return this.#counts;
	}

	/** Connects all devices; those that cannot are counted. */
	async connect(signal: AbortSignal): Promise<void> {
		const devices = this.#options.fleets.flatMap((fleet) =>
			fleet.deviceIds.map((deviceId, position) => ({ fleet, deviceId, index: position + 1 })),
		);
		const queue = devices.values();
		const worker = async () => {
			for (const device of queue) {
				if (signal.aborted) return;
				await this.#connectOne(device.fleet, device.deviceId, device.index);
			}
		};
		await Promise.all(Array.from({ length: connecting }, worker));
		this.#sending = true;
	}

	/** Sends no more, and waits for acknowledgements. */
	async drain(): Promise<void> {
		this.#sending = false;
		for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]();
		const { clock } = this.#options;
		const deadline = clock.monotonic() + drainTime;
		while (this.#outstanding > 0 && clock.monotonic() < deadline) await clock.sleep(50);
	}

	async stop(): Promise<void> {
		for (const timer of this.#timers.splice(0)) timer[Symbol.dispose]();
		await Promise.all(this.#clients.splice(0).map((client) => client[Symbol.asyncDispose]()));
	}

	get #outstanding(): number {
		return this.#counts.sent - this.#counts.acknowledged - this.#counts.failed;
	}

	async #connectOne(fleet: Fleet, deviceId: string, index: number): Promise<void> {
		try {
			const client = await SimulatedClient.connect({
				identity: { deviceId },
				connectionString: this.#options.connectionStrings.get(deviceId) ?? '',
				authority: this.#options.authority,
			});
			this.#clients.push(client);
			this.#counts.connected += 1;
			await this.#begin(fleet, client, index);
		} catch (error) {
			this.#counts.unconnected += 1;
			this.#counts.lastFailure = messageOf(error);
		}
	}

	async #begin(fleet: Fleet, client: SimulatedClient, index: number): Promise<void> {
		const { clock, random = Math.random } = this.#options;
		let sequence = 0;
		const { deviceId } = client.identity;
		const context = (): TemplateContext => ({
			deviceId,
			index,
			sequence,
			now: clock.now(),
			random,
		});
		for (const [name, { status, payload }] of fleet.methods) {
			client.answer(name, () => ({ status, payload: payload(context()) }));
		}
		const { reported } = fleet;
		if (reported !== undefined) await client.report(reported(context()) as JsonObject);
		// Devices that started together would all send in the same instant.
		const first = clock.after(random() * fleet.interval, () => {
			let began: number | undefined;
			// Timers of a busy machine come late or not at all: what is due then is sent with the next one.
			const tick = () => {
				if (!this.#sending) return;
				began ??= clock.monotonic();
				const due = Math.floor((clock.monotonic() - began + timerSlack) / fleet.interval) + 1;
				for (let count = 0; count < maxCatchUp && sequence < due; count += 1) {
					sequence += 1;
					this.#send(client, fleet, context());
				}
			};
			this.#timers.push(clock.every(fleet.interval, tick));
			tick();
		});
		this.#timers.push(first);
	}

	#send(client: SimulatedClient, fleet: Fleet, context: TemplateContext): void {
		this.#counts.sent += 1;
		const properties = texts(fleet.properties, context);
		client.send(fleet.payload(context), { properties }).then(
			() => {
				this.#counts.acknowledged += 1;
			},
			(error: unknown) => {
				this.#counts.failed += 1;
				this.#counts.lastFailure = messageOf(error);
			},
		);
	}
}

/** Properties of messages are texts. */
function texts(template: Template, context: TemplateContext): Record<string, string> {
	const made = template(context) as JsonObject;
	return Object.fromEntries(Object.entries(made).map(([name, value]) => [name, String(value)]));
}
