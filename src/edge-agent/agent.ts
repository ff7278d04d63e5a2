import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { DeviceCredential } from '../iot-hub-client/device-credential.ts';
import type { HubNetwork } from '../iot-hub-client/hub-network.ts';
import type { IotHubClient, IotHubClientOptions } from '../iot-hub-client/iot-hub-client.ts';
import { IotHubRest } from '../iot-hub-client/iot-hub-rest.ts';
import { hubNetwork } from '../iot-hub-client/network-settings.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { JsonObject } from '../runtime/json.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { agentFault } from './agent-health.ts';
import { agentReport } from './agent-report.ts';
import type { AgentStatus } from './agent-status.ts';
import { DeploymentRunner } from './deployment-runner.ts';
import { HubSession } from './hub-session.ts';
import type { IdentityRegistry } from './identities/module-identities.ts';
import { installationContext } from './installation-context.ts';
import { KeptState } from './kept-state.ts';
import { type AgentMetrics, noMetrics } from './metrics/agent-metrics.ts';
import { StatusCounter } from './metrics/status-counter.ts';
import { Reconciler } from './reconcile.ts';
import type { DeviceAgentSettings } from './settings.ts';
import { AgentSources } from './sources/agent-sources.ts';
import { hubDeploymentOf, sourceText } from './sources/local-deployment.ts';
import { findOwnDeployment, type OwnDeployment, Uninstallation } from './uninstallation.ts';
import { moduleDetails } from './workload-api/module-details.ts';
import { serverNames } from './workload-api/server-names.ts';
import { WorkloadService } from './workload-api/workload-service.ts';

/** What the agent stands on. */
export interface AgentDependencies {
	readonly cluster: ClusterClient;
	readonly clock: Clock;
	readonly logger: Logger;
	/** Of this program, for reports. */
	readonly version: string;
	/** Default: nothing is counted. */
	readonly metrics?: AgentMetrics;
	/** The cluster's version, for reports. Default: none is reported. */
	readonly kubernetesVersion?: (signal: AbortSignal) => Promise<string>;
	/** What the device proves itself with now. */
	readonly credential: () => DeviceCredential;
	/** Told of every answer of IoT Hub to the device, and whether it was a refusal. Default: nobody is. */
	readonly onAnswer?: (refused: boolean) => void;
	/** Asks DPS again; false where the device does not come from there. Default: it does not. */
	readonly reprovision?: () => boolean;
	/** Told when the agent is being uninstalled. Default: nobody is. */
	readonly onUninstallation?: () => void;
	/** Default: what the settings say. */
	readonly network?: HubNetwork;
	/** The keys that sign tokens of pods, for modules with a sidecar. Default: those are not served. */
	readonly issuerKeys?: () => Promise<unknown>;
	/** Default: the official SDK. */
	readonly connectHub?: (options: IotHubClientOptions) => IotHubClient;
	/** Default: IoT Hub's HTTPS interface. */
	readonly registry?: IdentityRegistry & { close(): void };
}

/**
 * The edge agent: `$edgeAgent` of one IoT Edge device, which keeps the modules of its deployment
 * running in one namespace. It starts from what it keeps in the cluster, so that neither a reboot
 * nor a lost connection to IoT Hub stops a module.
 */
export class EdgeAgent implements Lifecycle {
	readonly #settings: DeviceAgentSettings;
	readonly #dependencies: AgentDependencies;
	readonly #network: HubNetwork;
	readonly #registry: IdentityRegistry & { close(): void };
	readonly #kept: KeptState;
	readonly #abort = new AbortController();
	/** Parts that run, in the order in which they were started. */
	readonly #running: Lifecycle[] = [];
	readonly #registrations: Disposable[] = [];
	#reconciler: Reconciler | undefined;
	#runner: DeploymentRunner | undefined;
	#sources: AgentSources | undefined;
	#session: HubSession | undefined;
	#uninstallation: Uninstallation | undefined;
	#workload: WorkloadService | undefined;
	#kubernetesVersion: string | undefined;
	/** What is known of the agent itself before there is a deployment. */
	#own = { image: '', startedAt: '' };

	constructor(settings: DeviceAgentSettings, dependencies: AgentDependencies) {
		const { device, hubAuthority } = settings;
		const { cluster, clock, logger } = dependencies;
		this.#network = dependencies.network ?? hubNetwork(settings, hubAuthority, logger);
		this.#settings = settings;
		this.#dependencies = dependencies;
		this.#registry =
			dependencies.registry ??
			new IotHubRest({
				hostName: device.hostName,
				gatewayHostName: settings.parentHostName,
				identity: { deviceId: device.deviceId },
				credential: dependencies.credential,
				onAnswer: dependencies.onAnswer ?? (() => {}),
				network: this.#network,
				clock,
			});
		this.#kept = new KeptState({ settings, cluster, registry: this.#registry, clock, logger });
	}

	/** Resolves when modules can get their credentials; IoT Hub need not be there. */
	async start(): Promise<void> {
		const own = await this.#untilDone(() => this.#load());
		if (own === undefined) return;
		const { identities, certificates, lastGood, rollback } = this.#kept;
		const uninstallation = this.#newUninstallation(own);
		this.#uninstallation = uninstallation;
		const { cluster, clock, logger, metrics = noMetrics } = this.#dependencies;
		const { namespace, device } = this.#settings;
		const counter = new StatusCounter(metrics, clock);
		const context = installationContext(this.#settings, own.object, certificates);
		const startedAt = new Date(clock.now()).toISOString();
		this.#own = { image: context.runtimeImage, startedAt };
		const { owner } = context;
		const reconciler = new Reconciler({
			client: cluster,
			namespace,
			deviceId: device.deviceId,
			...(owner === undefined ? {} : { owner }),
			clock,
			logger,
			metrics,
			...(uninstallation === undefined ? {} : { uninstallation }),
		});
		const { manifestTrustBundle } = this.#settings;
		const runner = new DeploymentRunner({
			identities,
			lastGood,
			rollback,
			context,
			policy: this.#settings.policy,
			...(manifestTrustBundle === '' ? {} : { trustBundle: manifestTrustBundle }),
			apply: (state) => reconciler.setDesired(state),
			onChange: () => this.#report(),
			clock,
			logger,
		});
		this.#reconciler = reconciler;
		this.#runner = runner;
		const workload = await this.#newWorkloadService(uninstallation?.signal);
		this.#workload = workload;
		for (const part of [workload, uninstallation, reconciler, runner]) await this.#startPart(part);
		const end = reconciler.onStatus(() => {
			const { running } = runner;
			const status = reconciler.status();
			if (running !== undefined && rollback.observe(status, running)) {
				runner.take(running.desired);
			}
			counter.observe(status, runner.deployment);
			this.#report();
		});
		this.#registrations.push({ [Symbol.dispose]: end });
		certificates.onTrustChange(() => runner.refresh());
		const before = lastGood.read();
		if (before !== undefined) runner.resume(before);
		this.#sources = new AgentSources({
			settings: this.#settings,
			client: cluster,
			runner,
			status: () => reconciler.status(),
			onChange: () => this.#report(),
			clock,
			logger,
		});
		await this.#startPart(this.#sources);
		this.#session = this.#newSession(runner, this.#sources);
		await this.#startPart(this.#session);
	}

	/**
	 * What runs in the cluster keeps running.
	 *
	 * @param options `report`: whether IoT Hub is told, within 3 seconds. Default true.
	 */
	async stop({ report = true }: { readonly report?: boolean } = {}): Promise<void> {
		this.#abort.abort();
		for (const registration of this.#registrations.splice(0)) registration[Symbol.dispose]();
		// The next agent may be at work already, or what is in the cluster is being collected.
		await this.#reconciler?.stop();
		if (report) await this.#session?.reportStop();
		for (const part of this.#running.splice(0).reverse()) await part.stop();
		this.#registry.close();
	}

	/** How the loops get on; undefined before the start. */
	get progress(): Pick<Reconciler, 'idleness' | 'lag' | 'staleness' | 'failedWrites'> | undefined {
		const reconciler = this.#reconciler;
		if (reconciler === undefined) return undefined;
		const { lag, staleness, failedWrites } = reconciler;
		const idleness = Math.max(reconciler.idleness, this.#sources?.idleness ?? 0);
		return { idleness, lag, staleness, failedWrites };
	}

	/** Why the program should be started anew; undefined while it works. */
	get fault(): string | undefined {
		const limit = this.#settings.livenessLimitSeconds * 1000;
		const { progress } = this;
		if (progress === undefined) return undefined;
		return this.#uninstallation?.fault ?? agentFault(progress, limit);
	}

	/** Whether modules can get their credentials. */
	get ready(): boolean {
		return (this.#workload?.serves ?? false) && !this.#abort.signal.aborted;
	}

	/** The port of the workload API; 0 before the start. */
	get workloadPort(): number {
		return this.#workload?.port ?? 0;
	}

	/** The port of the workload API for sidecars; 0 before the start. */
	get workloadTlsPort(): number {
		return this.#workload?.tlsPort ?? 0;
	}

	/** How the deployment is. */
	get status(): AgentStatus | undefined {
		return this.#reconciler?.status();
	}

	/** @returns the agent's own Deployment, whether it is there or not. */
	async #load(): Promise<OwnDeployment> {
		const { signal } = this.#abort;
		const { cluster, kubernetesVersion } = this.#dependencies;
		await this.#kept.load(signal);
		this.#kubernetesVersion = await kubernetesVersion?.(signal).catch(() => undefined);
		return findOwnDeployment(cluster, this.#settings, signal);
	}

	/** Outside a cluster nothing is installed. */
	#newUninstallation(own: OwnDeployment): Uninstallation | undefined {
		if (!own.isInstalled) return undefined;
		const { cluster: client, clock, logger, onUninstallation: onBegin } = this.#dependencies;
		const told = onBegin === undefined ? {} : { onBegin };
		return new Uninstallation({ client, own, ...told, clock, logger });
	}

	/** Without the API server there is nothing to do but to wait for it. */
	async #untilDone<Result>(action: () => Promise<Result>): Promise<Result | undefined> {
		const { clock, logger } = this.#dependencies;
		const backoff = new Backoff({ initial: 500, max: 15_000 });
		const { signal } = this.#abort;
		while (!signal.aborted) {
			try {
				return await action();
			} catch (error) {
				if (signal.aborted) return undefined;
				logger.warn('The state in the cluster cannot be read yet.', { reason: messageOf(error) });
				await clock.sleep(backoff.next(), signal).catch(() => {});
			}
		}
		return undefined;
	}

	async #newWorkloadService(uninstallation?: AbortSignal): Promise<WorkloadService> {
		const { cluster, clock, logger, issuerKeys } = this.#dependencies;
		const { device, manifestTrustBundle } = this.#settings;
		const { identities, certificates } = this.#kept;
		return new WorkloadService({
			settings: this.#settings,
			cluster,
			...(issuerKeys === undefined ? {} : { issuerKeys }),
			certificates,
			resources: {
				identities,
				certificates,
				encryptionKey: await this.#kept.encryptionKey(),
				hubHostName: device.hostName,
				deviceId: device.deviceId,
				serverNames: (moduleId) => {
					return serverNames(moduleId, this.#runner?.translation, this.#settings);
				},
				manifestTrustBundle,
				hubDeployment: () => hubDeploymentOf(this.#runner?.accepted),
				listModules: () => moduleDetails(this.#runner?.deployment, this.status?.modules),
			},
			health: { live: () => this.fault === undefined, ready: () => this.ready },
			uninstallation,
			clock,
			logger,
		});
	}

	#newSession(runner: DeploymentRunner, sources: AgentSources): HubSession {
		const { cluster, clock, logger, version, connectHub } = this.#dependencies;
		const { metrics = noMetrics, reprovision = () => false } = this.#dependencies;
		return new HubSession({
			settings: this.#settings,
			cluster,
			network: this.#network,
			identities: this.#kept.identities,
			metrics,
			version,
			connectHub,
			reprovision,
			onDesired: (properties) => sources.twin.take(properties),
			isKnown: (name) => runner.deployment?.modules.some((module) => module.name === name) ?? false,
			document: () => this.#document(),
			clock,
			logger,
		});
	}

	async #startPart(part: Lifecycle | undefined): Promise<void> {
		if (part === undefined || this.#abort.signal.aborted) return;
		this.#running.push(part);
		await part.start();
	}

	#report(): void {
		this.#session?.report();
		if (this.#uninstallation?.signal.aborted !== true) this.#sources?.report();
		const accepted = this.#runner?.accepted;
		if (accepted !== undefined) this.#dependencies.metrics?.sourced(sourceText(accepted));
	}

	/** What is reported of the edge as it is now. */
	#document(): JsonObject | undefined {
		const { status } = this;
		const runner = this.#runner;
		if (status === undefined || runner === undefined) return undefined;
		const { version } = this.#dependencies;
		return agentReport(
			{ ...this.#own, version, kubernetes: this.#kubernetesVersion },
			status,
			runner,
		);
	}
}
