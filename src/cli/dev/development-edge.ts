import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { applyConfigurationContent } from '../../iot-hub-emulator/configuration/apply-configuration-content.ts';
import { IotHubEmulator } from '../../iot-hub-emulator/emulator.ts';
import { environmentFile } from '../../iot-hub-emulator/environment-file.ts';
import type { TelemetryEvent } from '../../iot-hub-emulator/telemetry/telemetry-event.ts';
import type { HubSize } from '../../iot-hub-emulator/throttles.ts';
import { LocalCluster } from '../../local-cluster/local-cluster.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { version } from '../version.ts';
import { agentObjects } from './agent-objects.ts';
import { readAgentReport } from './agent-report.ts';
import { developmentPolicySettings } from './development-policy.ts';
import type { EdgeSnapshot } from './edge-snapshot.ts';
import { HubCounters } from './hub-counters.ts';
import { hubMetrics } from './hub-metrics.ts';

/** What a development edge is made from. */
export interface DevelopmentEdgeSettings {
	readonly deviceId: string;
	/** Where everything is kept. */
	readonly folder: string;
	/** The manifest, parsed and checked. */
	readonly content: JsonObject;
	/** Folders to look for modules in, the first ones first. */
	readonly moduleRoots: readonly string[];
	/** Throttles and daily quota of the IoT Hub; none by default. */
	readonly hubSize?: HubSize;
	readonly clock?: Clock;
	readonly logger: Logger;
	/** Told what is being done, for a person who waits. */
	readonly progress: (step: string) => void;
}

/** The namespace of the edge device in the local cluster. */
export const developmentNamespace = 'iotedge';

/** All pods start at once here, modules before the agent is ready: the first wait is short. */
const crashBackoff = { initial: 1000, max: 300_000 };

const runtimeImage = `iotedge-k8s:${version}`;

/**
 * Variables of the image, as its Dockerfile has them. One heap of the C library for all threads:
 * with one a thread, which is the default, each of them keeps what it once needed.
 */
export const runtimeEnvironment = { NODE_ENV: 'production', MALLOC_ARENA_MAX: '1' };

/** An IoT Hub emulator and a local cluster in this process, and the edge that runs on them. */
export class DevelopmentEdge implements Lifecycle {
	readonly #settings: DevelopmentEdgeSettings;
	readonly #clock: Clock;
	readonly #emulator: IotHubEmulator;
	readonly #cluster: LocalCluster;
	readonly #counters = new HubCounters();
	readonly #upstream = new Map<string, number>();
	#telemetry: Disposable | undefined;
	#startedAt = 0;

	constructor(settings: DevelopmentEdgeSettings) {
		const { folder, moduleRoots, hubSize, logger, clock = systemClock } = settings;
		this.#settings = settings;
		this.#clock = clock;
		this.#emulator = new IotHubEmulator({
			folder: join(folder, 'iot-hub'),
			...(hubSize === undefined ? {} : { size: hubSize }),
			clock,
			logger,
		});
		const entry = resolve(import.meta.dirname, `../main${import.meta.filename.slice(-3)}`);
		this.#cluster = new LocalCluster({
			folder: join(folder, 'cluster'),
			moduleRoots,
			builtinImages: new Map([
				[runtimeImage, { command: [process.execPath, entry], environment: runtimeEnvironment }],
			]),
			crashBackoff,
			clock,
			logger,
		});
	}

	/** `localhost:41234`. */
	get hubHostName(): string {
		return this.#emulator.hostName;
	}

	get kubeconfig(): string {
		return join(this.#settings.folder, 'kubeconfig');
	}

	/** A file of variables with which Azure SDKs find the emulator. */
	get environmentFile(): string {
		return join(this.#settings.folder, '.env');
	}

	/** Messages that IoT Hub has received in this run, by module. */
	get upstreamByModule(): Readonly<Record<string, number>> {
		return Object.fromEntries(this.#upstream);
	}

	async start(): Promise<void> {
		const { folder, progress } = this.#settings;
		this.#startedAt = this.#clock.now();
		await mkdir(folder, { recursive: true, mode: 0o700 });
		progress('Starting the IoT Hub emulator');
		await this.#emulator.start();
		const device = this.#ensureDevice();
		await this.#writeEnvironment(device);
		await this.#applyManifest();
		progress('Starting the local cluster');
		await this.#cluster.start();
		await writeFile(this.kubeconfig, await readFile(this.#cluster.kubeconfigPath), { mode: 0o600 });
		progress('Starting the edge agent');
		await this.#installAgent(device);
	}

	async stop(): Promise<void> {
		this.#telemetry?.[Symbol.dispose]();
		await this.#cluster.stop();
		await this.#emulator.stop();
	}

	/** Calls back for every message that IoT Hub receives from now on. Once, after `start`. */
	onTelemetry(listener: (event: TelemetryEvent) => void): void {
		const { telemetry } = this.#emulator;
		this.#telemetry = telemetry.subscribe(telemetry.nextSequenceNumber, (event) => {
			const module = event.identity.moduleId ?? event.identity.deviceId;
			this.#upstream.set(module, (this.#upstream.get(module) ?? 0) + 1);
			listener(event);
		});
	}

	/** How everything is now. */
	async snapshot(): Promise<EdgeSnapshot> {
		const { deviceId } = this.#settings;
		this.#counters.update(await hubMetrics(this.#cluster.client, developmentNamespace));
		const { counts } = this.#counters;
		const twin = this.#emulator.twins.propertiesOf({ deviceId, moduleId: '$edgeAgent' });
		return {
			...readAgentReport(twin, counts, this.#startedAt),
			uptime: this.#clock.now() - this.#startedAt,
			routed: counts.routed,
			upstream: [...this.#upstream.values()].reduce((sum, count) => sum + count, 0),
		};
	}

	/** @returns the device's connection string. */
	#ensureDevice(): string {
		const { deviceId } = this.#settings;
		const { registry } = this.#emulator;
		if (registry.findDevice(deviceId) === undefined) {
			registry.putDevice(deviceId, { deviceId, capabilities: { iotEdge: true } });
		}
		return this.#emulator.deviceConnectionString({ deviceId });
	}

	async #writeEnvironment(device: string): Promise<void> {
		const { folder, deviceId } = this.#settings;
		const caFile = resolve(folder, 'iot-hub-ca.pem');
		await writeFile(caFile, this.#emulator.caCertificate);
		const text = environmentFile({
			...this.#emulator.access(caFile),
			devices: new Map([[deviceId, device]]),
		});
		await writeFile(this.environmentFile, text, { mode: 0o600 });
	}

	/** Sets the deployment in IoT Hub, unless this manifest was set before: what was changed in the hub since then stays. */
	async #applyManifest(): Promise<void> {
		const { folder, deviceId, content } = this.#settings;
		const digest = createHash('sha256').update(JSON.stringify(content)).digest('hex');
		const mark = join(folder, 'manifest.sha256');
		const last = await readFile(mark, 'utf8').catch(() => '');
		if (last === digest) return;
		applyConfigurationContent(this.#emulator, deviceId, content);
		await writeFile(mark, digest);
	}

	async #installAgent(connectionString: string): Promise<void> {
		const objects = await agentObjects({
			namespace: developmentNamespace,
			image: runtimeImage,
			connectionString,
			hubAuthority: this.#emulator.caCertificate,
			// Published ports are opened on this machine only: leaf devices know the hub by no other name.
			environment: { ...developmentPolicySettings, EdgeDeviceHostName: 'localhost' },
		});
		for (const object of objects) {
			await this.#cluster.client.apply(object, { fieldManager: 'iotedge-k8s-dev' });
		}
	}
}
