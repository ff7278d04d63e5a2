import type { Clock } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { EventRecorder } from '../event-recorder.ts';
import type { Service } from '../workloads/service.ts';
import type { ExposedPort } from './exposed-ports.ts';
import { forwardPort, type PortForwarder } from './port-forwarder.ts';
import { portOnPod } from './preload/service-table.ts';

/** What the exposure needs. */
export interface PortExposureSettings {
	readonly clock: Clock;
	readonly logger: Logger;
	readonly events: EventRecorder;
	/** The first three numbers of every pod address. */
	readonly block: string;
	/** Writes what is open into the Service. */
	readonly report: (service: Service, open: readonly OpenPort[]) => Promise<void>;
}

/** A port of a Service and where it is on this machine. */
export interface OpenPort {
	readonly named: number;
	readonly protocol: string;
	readonly port: number;
}

interface Exposure {
	wanted: ExposedPort;
	/** Absent where the port cannot be opened. */
	readonly forwarder: PortForwarder | undefined;
	turn: number;
}

/** Keeps the ports open on this machine that lead to pods, as a cloud's load balancer would. */
export class PortExposure {
	readonly #settings: PortExposureSettings;
	readonly #open = new Map<string, Exposure>();
	readonly #reported = new Map<string, string>();
	#wanted: readonly ExposedPort[] | undefined;
	#working: Promise<void> | undefined;

	constructor(settings: PortExposureSettings) {
		this.#settings = settings;
	}

	/** Opens what is missing, closes what is not wanted any more. */
	update(wanted: readonly ExposedPort[]): Promise<void> {
		this.#wanted = wanted;
		this.#working ??= this.#work();
		return this.#working;
	}

	async stop(): Promise<void> {
		await this.update([]);
	}

	/** Works on the newest wishes only, however many come meanwhile. */
	async #work(): Promise<void> {
		try {
			for (let next = this.#wanted; next !== undefined; next = this.#wanted) {
				this.#wanted = undefined;
				await this.#apply(next);
			}
		} catch (error) {
			this.#settings.logger.warn('cannot open ports', { error: messageOf(error) });
		} finally {
			this.#working = undefined;
		}
	}

	async #apply(wanted: readonly ExposedPort[]): Promise<void> {
		const keys = new Set(wanted.map(({ key }) => key));
		for (const [key, { forwarder }] of this.#open) {
			if (keys.has(key)) continue;
			this.#open.delete(key);
			await forwarder?.close();
		}
		for (const port of wanted) {
			const known = this.#open.get(port.key);
			if (known === undefined) await this.#openPort(port);
			else known.wanted = port;
		}
		await this.#report(wanted);
	}

	async #openPort(wanted: ExposedPort): Promise<void> {
		const choose = () => this.#choose(wanted.key);
		const { clock, events } = this.#settings;
		const forwarder = await forwardPort(wanted, choose, clock);
		this.#open.set(wanted.key, { wanted, forwarder, turn: 0 });
		if (wanted.service === undefined || forwarder === undefined) return;
		const message = `Port ${wanted.named} is open at 127.0.0.1:${forwarder.port}`;
		events.record(wanted.service, 'Normal', 'LocalPortOpened', message);
	}

	#choose(key: string): { host: string; port: number } | undefined {
		const exposure = this.#open.get(key);
		const { targets } = exposure?.wanted ?? { targets: [] };
		if (exposure === undefined || targets.length === 0) return undefined;
		const target = targets[exposure.turn % targets.length] ?? '';
		exposure.turn += 1;
		const colon = target.lastIndexOf(':');
		const host = target.slice(0, colon);
		const port = Number(target.slice(colon + 1));
		return { host, port: host.startsWith(this.#settings.block) ? portOnPod(port) : port };
	}

	async #report(wanted: readonly ExposedPort[]): Promise<void> {
		const byService = new Map<string, { service: Service; open: OpenPort[] }>();
		for (const { key, service, named, protocol } of wanted) {
			const port = this.#open.get(key)?.forwarder?.port;
			if (service === undefined || port === undefined) continue;
			const uid = service.metadata.uid ?? '';
			const entry = byService.get(uid) ?? { service, open: [] };
			entry.open.push({ named, protocol, port });
			byService.set(uid, entry);
		}
		for (const [uid, { service, open }] of byService) {
			const text = JSON.stringify(open);
			if (this.#reported.get(uid) === text) continue;
			this.#reported.set(uid, text);
			await this.#settings.report(service, open).catch((error: unknown) => {
				// The next change of anything tries again.
				this.#reported.delete(uid);
				this.#settings.logger.debug('ports not reported', { error: messageOf(error) });
			});
		}
	}
}
