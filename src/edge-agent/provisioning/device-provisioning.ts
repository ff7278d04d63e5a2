import { X509Certificate } from 'node:crypto';
import type { AssignedDevice } from '../../iot-hub-client/device-provisioning-rest.ts';
import { Backoff } from '../../runtime/backoff.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { RetryingTask } from '../../runtime/retrying-task.ts';
import type { StateSecret } from '../state-secret.ts';
import type {
	Attestation,
	ProvisioningSource,
	ProvisioningSourceResult,
} from './provisioning-source.ts';

export interface DeviceProvisioningOptions {
	/** As it was when the agent started. */
	readonly source: ProvisioningSource;
	/** Reads it again. */
	readonly readSource: () => Promise<ProvisioningSourceResult>;
	/** Asks DPS. */
	readonly register: (
		source: ProvisioningSource & { readonly kind: 'dps' },
		signal: AbortSignal,
	) => Promise<AssignedDevice>;
	/** Where the assigned device is kept. Loaded. */
	readonly state: Pick<StateSecret, 'getJson' | 'set'>;
	/** Whether DPS is asked at each start. */
	readonly registerAtStart: boolean;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Entry of the state Secret. */
const key = 'device';
/** Member of the entry by which `iotedge-k8s reprovision` asks for a registration. */
export const requestEntry = 'reprovision';

/** Kubernetes brings a changed Secret into the files within about a minute. */
const readInterval = 10_000;
/** IoT Hub may refuse for a moment: while a device is being moved, or a key rolled. */
const patience = 120_000;
/** Before its end a certificate should have been replaced. */
const renewalTime = 7 * 86_400_000;

/**
 * Which device of which IoT Hub this edge is, and how it proves it. The answer of DPS is kept in the
 * cluster, so that a start needs no network. DPS is asked again when that was asked for, when what
 * the device proves itself with has changed, and when IoT Hub has refused the device for two minutes.
 */
export class DeviceProvisioning implements Lifecycle {
	readonly #options: DeviceProvisioningOptions;
	readonly #registration: RetryingTask;
	readonly #first = Promise.withResolvers<AssignedDevice>();
	readonly #listeners = new Set<(device: AssignedDevice) => void>();
	/** Between registrations that a refusal asks for. */
	readonly #refusals = new Backoff({ initial: 300_000, max: 3_600_000, jitter: 0.5 });
	#source: ProvisioningSource;
	#device: AssignedDevice | undefined;
	#timer: Timer | undefined;
	#reading: Promise<void> | undefined;
	/** What was last found wrong with the source. */
	#complaint = '';
	/** The certificate whose end the log has been told of. */
	#warnedOf: Attestation | undefined;
	#refusedSince: number | undefined;
	#nextRegistration = Number.NEGATIVE_INFINITY;

	constructor(options: DeviceProvisioningOptions) {
		this.#options = options;
		this.#source = options.source;
		this.#registration = new RetryingTask({
			action: (signal) => this.#register(signal),
			onFailure: (error) =>
				options.logger.warn('The device cannot be registered with DPS yet.', {
					reason: messageOf(error),
				}),
			backoff: { initial: 2_000, max: 600_000, jitter: 0.5 },
			clock: options.clock,
		});
	}

	async start(): Promise<void> {
		const kept = this.#kept();
		if (kept !== undefined) this.#assign(kept);
		const { state, registerAtStart, clock } = this.#options;
		const asked = state.getJson(requestEntry) !== undefined;
		if (this.#source.kind === 'manual') {
			if (asked) await state.set({ [requestEntry]: null });
		} else if (kept === undefined || registerAtStart || asked) this.#registration.trigger();
		this.#timer = clock.every(readInterval, () => void this.reload());
	}

	async stop(): Promise<void> {
		this.#timer?.[Symbol.dispose]();
		await this.#registration.stop();
		await this.#reading;
	}

	/** The device, as soon as it is known: at once, but for a first registration. */
	assigned(): Promise<AssignedDevice> {
		return this.#first.promise;
	}

	/** What the device proves itself with now. The same object until it changes. */
	get credential(): Attestation {
		return this.#source.credential;
	}

	/** Calls back when the device has become another one, or one of another IoT Hub. */
	onMoved(listener: (device: AssignedDevice) => void): Disposable {
		this.#listeners.add(listener);
		return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
	}

	/** Asks DPS again. @returns false where the device is not provisioned by DPS */
	reprovision(): boolean {
		if (this.#source.kind !== 'dps') return false;
		this.#registration.trigger();
		return true;
	}

	/** Told of every answer of IoT Hub to the device itself. */
	answered(refused: boolean): void {
		const now = this.#options.clock.monotonic();
		if (!refused) {
			this.#refusedSince = undefined;
			this.#refusals.reset();
			this.#nextRegistration = Number.NEGATIVE_INFINITY;
			return;
		}
		this.#refusedSince ??= now;
		void this.reload();
		if (now - this.#refusedSince < patience || now < this.#nextRegistration) return;
		this.#nextRegistration = now + this.#refusals.next();
		if (this.reprovision()) {
			this.#options.logger.warn('IoT Hub refuses the device: DPS is asked whether it has moved.');
		}
	}

	/** Reads the source again, and follows what has changed. Never fails. */
	reload(): Promise<void> {
		this.#reading ??= this.#read().finally(() => {
			this.#reading = undefined;
		});
		return this.#reading;
	}

	async #read(): Promise<void> {
		this.#watchCertificate();
		const { readSource, logger } = this.#options;
		const { source, problems = [] } = await readSource();
		const complaint = problems.map(({ env, message }) => `${env}: ${message}`).join(' ');
		if (complaint !== this.#complaint && complaint !== '') {
			logger.error('What the device is provisioned with has become unusable; what was stays.', {
				reason: complaint,
			});
		}
		this.#complaint = complaint;
		if (source === undefined || JSON.stringify(source) === JSON.stringify(this.#source)) return;
		this.#source = source;
		logger.info('The device proves itself with something new.', { kind: source.credential.kind });
		const kept = this.#kept();
		if (kept !== undefined) this.#assign(kept);
		this.reprovision();
	}

	/** Whoever renews the certificate may have failed to: that must not be found out by its end. */
	#watchCertificate(): void {
		const { credential } = this.#source;
		if (credential.kind !== 'certificate' || credential === this.#warnedOf) return;
		const { clock, logger } = this.#options;
		const { validToDate } = new X509Certificate(credential.certificate);
		if (validToDate.getTime() - clock.now() > renewalTime) return;
		this.#warnedOf = credential;
		logger.warn('The certificate of the device ends soon, and nobody has renewed it.', {
			ends: validToDate.toISOString(),
		});
	}

	async #register(signal: AbortSignal): Promise<void> {
		const source = this.#source;
		if (source.kind !== 'dps') return;
		const device = await this.#options.register(source, signal);
		// The source may have changed meanwhile, and a registration been asked for.
		if (source !== this.#source) return;
		await this.#options.state.set({
			[key]: JSON.stringify({ registration: registrationOf(source), ...device }),
			[requestEntry]: null,
		});
		this.#options.logger.info('DPS has assigned the device.', { ...device });
		this.#assign(device);
	}

	/** The device that needs no question: of a connection string, or of an earlier registration. */
	#kept(): AssignedDevice | undefined {
		const source = this.#source;
		if (source.kind === 'manual') return { hostName: source.hostName, deviceId: source.deviceId };
		const kept = this.#options.state.getJson(key);
		if (!isJsonObject(kept) || kept['registration'] !== registrationOf(source)) return undefined;
		return deviceOf(kept);
	}

	#assign(device: AssignedDevice): void {
		const before = this.#device;
		this.#device = device;
		this.#first.resolve(device);
		if (before === undefined || sameDevice(before, device)) return;
		for (const listener of [...this.#listeners]) listener(device);
	}
}

/** Whether two devices are one. Names of hubs and devices are compared as IoT Hub does. */
export function sameDevice(a: AssignedDevice, b: AssignedDevice): boolean {
	return a.hostName.toLowerCase() === b.hostName.toLowerCase() && a.deviceId === b.deviceId;
}

function deviceOf({ hostName, deviceId }: JsonObject): AssignedDevice | undefined {
	if (typeof hostName !== 'string' || typeof deviceId !== 'string') return undefined;
	return { hostName, deviceId };
}

/** What an answer of DPS belongs to: another key of the same registration changes nothing. */
function registrationOf({
	endpoint,
	idScope,
	registrationId,
}: ProvisioningSource & { readonly kind: 'dps' }): string {
	return `${endpoint}/${idScope}/${registrationId}`;
}
