import { randomBytes } from 'node:crypto';
import { arch, platform } from 'node:process';
import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { KubernetesObject } from '../cluster/kubernetes-object.ts';
import type { DeviceCredential } from '../iot-hub-client/device-credential.ts';
import type { HubNetwork } from '../iot-hub-client/hub-network.ts';
import type { IotHubClient, IotHubClientOptions } from '../iot-hub-client/iot-hub-client.ts';
import { IotHubRest } from '../iot-hub-client/iot-hub-rest.ts';
import { hubNetwork } from '../iot-hub-client/network-settings.ts';
import { SdkIotHubClient } from '../iot-hub-client/sdk-iot-hub-client.ts';
import { sign } from '../protocol/sas-token.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { JsonObject } from '../runtime/json.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { RetryingTask } from '../runtime/retrying-task.ts';
import { agentFault } from './agent-health.ts';
import type { AgentStatus } from './agent-status.ts';
import { DeploymentRunner } from './deployment-runner.ts';
import { answerWith } from './direct-methods/agent-methods.ts';
import { edgeAgentMethods } from './direct-methods/edge-agent-methods.ts';
import { TaskTable } from './direct-methods/tasks/task-table.ts';
import { type IdentityRegistry, ModuleIdentities } from './identities/module-identities.ts';
import { installationContext } from './installation-context.ts';
import { type AgentMetrics, noMetrics } from './metrics/agent-metrics.ts';
import { StatusCounter } from './metrics/status-counter.ts';
import { Reconciler } from './reconcile.ts';
import { Rollback } from './rollback.ts';
import type { DeviceAgentSettings } from './settings.ts';
import { AgentSources } from './sources/agent-sources.ts';
import {
	hubDeploymentOf,
	localSourceOf,
	originText,
	sourceText,
} from './sources/local-deployment.ts';
import { StateSecret } from './state-secret.ts';
import { labelValue } from './translation/object-name.ts';
import { deviceLabel } from './translation/translation.ts';
import { DesiredProperties } from './twin/desired-properties.ts';
import { LastGoodDeployment } from './twin/last-good-deployment.ts';
import { reportedDocument } from './twin/reported-document.ts';
import { ReportedProperties } from './twin/reported-properties.ts';
import { stoppedDocument } from './twin/stopped-document.ts';
import { EdgeCertificates } from './workload-api/edge-certificates.ts';
import { moduleDetails } from './workload-api/module-details.ts';
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
	/** Default: what the settings say. */
	readonly network?: HubNetwork;
	/** The keys that sign tokens of pods, for modules with a sidecar. Default: those are not served. */
	readonly issuerKeys?: () => Promise<unknown>;
	/** Default: the official SDK. */
	readonly connectHub?: (options: IotHubClientOptions) => IotHubClient;
	/** Default: IoT Hub's HTTPS interface. */
	readonly registry?: IdentityRegistry & { close(): void };
}

/** How long a stopping agent tries to report that it stops. Milliseconds. */
const lastReport = 3_000;

/**
 * The edge agent: `$edgeAgent` of one IoT Edge device, which keeps the modules of its deployment
 * running in one namespace. It starts from what it keeps in the cluster, so that neither a reboot
 * nor a lost connection to IoT Hub stops a module.
 */
export class EdgeAgent implements Lifecycle {
	readonly #settings: DeviceAgentSettings;
	readonly #dependencies: AgentDependencies;
	readonly #network: HubNetwork;
	readonly #state: StateSecret;
	readonly #registry: IdentityRegistry & { close(): void };
	readonly #identities: ModuleIdentities;
	readonly #certificates: EdgeCertificates;
	readonly #lastGood: LastGoodDeployment;
	readonly #rollback: Rollback;
	readonly #abort = new AbortController();
	/** Parts that run, in the order in which they were started. */
	readonly #running: Lifecycle[] = [];
	readonly #registrations: Disposable[] = [];
	#reconciler: Reconciler | undefined;
	#runner: DeploymentRunner | undefined;
	#sources: AgentSources | undefined;
	#reported: ReportedProperties | undefined;
	#workload: WorkloadService | undefined;
	#kubernetesVersion: string | undefined;
	/** What is known of the agent itself before there is a deployment. */
	#own = { image: '', startedAt: '' };

	constructor(settings: DeviceAgentSettings, dependencies: AgentDependencies) {
		const { device, namespace, stateSecret, hubAuthority } = settings;
		const { cluster, clock, logger } = dependencies;
		const owner = `${device.hostName}/${device.deviceId}`;
		this.#network = dependencies.network ?? hubNetwork(settings, hubAuthority, logger);
		this.#settings = settings;
		this.#dependencies = dependencies;
		this.#state = new StateSecret({
			client: cluster,
			namespace,
			name: stateSecret,
			labels: { [deviceLabel]: labelValue(device.deviceId) },
		});
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
		this.#identities = new ModuleIdentities({
			registry: this.#registry,
			state: this.#state,
			owner,
			logger,
		});
		this.#certificates = new EdgeCertificates({
			state: this.#state,
			deviceId: device.deviceId,
			additionalTrust: settings.trustBundle,
			clock,
		});
		this.#lastGood = new LastGoodDeployment(this.#state, owner);
		this.#rollback = new Rollback({ state: this.#state, owner, logger });
	}

	/** Resolves when modules can get their credentials; IoT Hub need not be there. */
	async start(): Promise<void> {
		const own = await this.#untilDone(() => this.#loadState());
		if (this.#abort.signal.aborted) return;
		const { cluster, clock, logger, metrics = noMetrics } = this.#dependencies;
		const { namespace, device } = this.#settings;
		const counter = new StatusCounter(metrics, clock);
		const context = installationContext(this.#settings, own, this.#certificates);
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
		});
		const { manifestTrustBundle } = this.#settings;
		const runner = new DeploymentRunner({
			identities: this.#identities,
			lastGood: this.#lastGood,
			rollback: this.#rollback,
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
		const workload = await this.#newWorkloadService();
		this.#workload = workload;
		for (const part of [workload, reconciler, runner]) await this.#startPart(part);
		const end = reconciler.onStatus(() => {
			const { running } = runner;
			const status = reconciler.status();
			if (running !== undefined && this.#rollback.observe(status, running)) {
				runner.take(running.desired);
			}
			counter.observe(status, runner.deployment);
			this.#report();
		});
		this.#registrations.push({ [Symbol.dispose]: end });
		this.#certificates.onTrustChange(() => runner.refresh());
		const lastGood = this.#lastGood.read();
		if (lastGood !== undefined) runner.resume(lastGood);
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
		await this.#startSession(runner, this.#sources);
	}

	/**
	 * What runs in the cluster keeps running.
	 *
	 * @param options `report`: whether IoT Hub is told, within 3 seconds. Default true.
	 */
	async stop({ report = true }: { readonly report?: boolean } = {}): Promise<void> {
		this.#abort.abort();
		for (const registration of this.#registrations.splice(0)) registration[Symbol.dispose]();
		if (report && this.#running.length > 0) await this.#reportStop();
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
		return progress === undefined ? undefined : agentFault(progress, limit);
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

	/** @returns the agent's own Deployment; undefined outside a cluster. */
	async #loadState(): Promise<KubernetesObject | undefined> {
		const { namespace, agentName: name } = this.#settings;
		await this.#state.load(this.#abort.signal);
		await this.#identities.load();
		await this.#certificates.load();
		this.#kubernetesVersion = await this.#dependencies
			.kubernetesVersion?.(this.#abort.signal)
			.catch(() => undefined);
		this.#rollback.load();
		const reference = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name };
		return this.#dependencies.cluster.get(reference, this.#abort.signal);
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

	async #newWorkloadService(): Promise<WorkloadService> {
		const { cluster, clock, logger, issuerKeys } = this.#dependencies;
		const { device, manifestTrustBundle } = this.#settings;
		const encryptionKey = await this.#state.getOrCreate('encryption-key', () => randomBytes(32));
		return new WorkloadService({
			settings: this.#settings,
			cluster,
			...(issuerKeys === undefined ? {} : { issuerKeys }),
			certificates: this.#certificates,
			resources: {
				identities: this.#identities,
				certificates: this.#certificates,
				encryptionKey,
				hubHostName: device.hostName,
				deviceId: device.deviceId,
				serverNames: (moduleId) => this.#serverNames(moduleId),
				manifestTrustBundle,
				hubDeployment: () => hubDeploymentOf(this.#runner?.accepted),
				listModules: () => moduleDetails(this.#runner?.deployment, this.status?.modules),
			},
			health: { live: () => this.fault === undefined, ready: () => this.ready },
			clock,
			logger,
		});
	}

	/** Names by which a module's Service is found, and the hub by leaf devices. */
	#serverNames(moduleId: string): readonly string[] {
		const { namespace, edgeDeviceHostName } = this.#settings;
		const modules = this.#runner?.translation?.modules ?? [];
		const name = modules.find((module) => module.moduleId === moduleId)?.objectName;
		const service = name === undefined ? [] : [name, `${name}.${namespace}`];
		if (name !== undefined) {
			service.push(`${name}.${namespace}.svc`, `${name}.${namespace}.svc.cluster.local`);
		}
		return moduleId === '$edgeHub' ? [...service, edgeDeviceHostName] : service;
	}

	/** Connects as `$edgeAgent`, once it has an identity with our key, and follows its twin. */
	async #startSession(runner: DeploymentRunner, sources: AgentSources): Promise<void> {
		const { clock, logger, cluster, metrics = noMetrics } = this.#dependencies;
		const { namespace, device, refreshSeconds, reportSeconds } = this.#settings;
		const client = this.#newHubClient();
		const reported = new ReportedProperties({
			client,
			minInterval: reportSeconds * 1000,
			clock,
			logger,
		});
		const desired = new DesiredProperties({
			client,
			refreshInterval: refreshSeconds * 1000,
			onDesired: (properties) => sources.twin.take(properties),
			onReported: (properties) => {
				metrics.synced(true);
				reported.observe(properties);
			},
			onFailure: () => metrics.synced(false),
			clock,
			logger,
		});
		const isKnown = (name: string) =>
			runner.deployment?.modules.some((module) => module.name === name) ?? false;
		const tasks = new TaskTable(logger);
		await this.#startPart(tasks);
		const methods = edgeAgentMethods({
			client: cluster,
			namespace,
			isKnown,
			hubHostName: device.hostName,
			deviceId: device.deviceId,
			tasks,
			network: this.#network,
			reprovision: this.#dependencies.reprovision ?? (() => false),
			status: () => this.#document() ?? null,
			clock,
		});
		this.#registrations.push(
			client.onMethod(answerWith(methods, metrics.methodInvoked.bind(metrics))),
		);
		this.#reported = reported;
		this.#report();
		const bootstrap = this.#newBootstrap(client);
		this.#running.push(bootstrap);
		for (const part of [desired, reported]) await this.#startPart(part);
		this.#registrations.push(
			client.onState(({ kind }) => {
				// The key in IoT Hub is not ours, or the identity has been made anew.
				if (kind === 'refused') bootstrap.trigger();
				metrics.connected(kind === 'connected');
			}),
		);
		if (this.#identities.get('$edgeAgent') !== undefined) await this.#startPart(client);
		else bootstrap.trigger();
	}

	#newHubClient(): IotHubClient {
		const { device, parentHostName: gatewayHostName } = this.#settings;
		const { clock, logger, version } = this.#dependencies;
		const network = this.#network;
		const connect =
			this.#dependencies.connectHub ??
			((options) => new SdkIotHubClient({ ...options, network, gatewayHostName }));
		return connect({
			hostName: device.hostName,
			identity: { deviceId: device.deviceId, moduleId: '$edgeAgent' },
			// The key changes with the generation of the identity, hence it is looked up each time.
			credential: {
				kind: 'signer',
				sign: async (data) => sign(this.#identities.keyOf('$edgeAgent') ?? '', data),
			},
			productInfo: ` iotedge-k8s/${version} (Kubernetes)`,
			clock,
			logger,
		});
	}

	#newBootstrap(client: IotHubClient): RetryingTask {
		const { clock, logger } = this.#dependencies;
		return new RetryingTask({
			action: async (signal) => {
				await this.#identities.ensure(['$edgeAgent', '$edgeHub'], signal);
				if (!this.#running.includes(client)) await this.#startPart(client);
			},
			onFailure: (error) => {
				const reason = messageOf(error);
				logger.warn('The identities of the runtime cannot be looked after yet.', { reason });
			},
			backoff: { initial: 1000, max: 60_000 },
			minInterval: 1000,
			clock,
		});
	}

	async #startPart(part: Lifecycle): Promise<void> {
		if (this.#abort.signal.aborted) return;
		this.#running.push(part);
		await part.start();
	}

	#report(): void {
		const document = this.#document();
		if (document !== undefined) this.#reported?.report(document);
		this.#sources?.report();
		const accepted = this.#runner?.accepted;
		if (accepted !== undefined) this.#dependencies.metrics?.sourced(sourceText(accepted));
	}

	/** Nothing of the edge depends on it: a hub that is away must not delay the end. */
	async #reportStop(): Promise<void> {
		const { clock, logger } = this.#dependencies;
		const done = new AbortController();
		const reported = this.#reported?.close(stoppedDocument).catch((error) => {
			logger.warn('IoT Hub was not told of the end.', { reason: messageOf(error) });
		});
		await Promise.race([reported, clock.sleep(lastReport, done.signal).catch(() => {})]);
		done.abort();
	}

	/** What is reported of the edge as it is now. */
	#document(): JsonObject | undefined {
		const status = this.status;
		if (status === undefined) return undefined;
		const { refusal, deployment, accepted } = this.#runner ?? {};
		const source = localSourceOf(accepted);
		const { code, description, modules } = status;
		const desiredVersion =
			refusal === undefined ? source === undefined && status.desiredVersion : refusal.version;
		return reportedDocument({
			...(typeof desiredVersion === 'number' ? { desiredVersion } : {}),
			code,
			description,
			...(refusal === undefined ? {} : verdictOf(refusal)),
			...(source === undefined ? {} : { source: originText(source) }),
			...(deployment === undefined ? {} : { deployment }),
			modules,
			agent: this.#own,
			programVersion: this.#dependencies.version,
			platform: {
				os: platform,
				architecture: arch,
				...(this.#kubernetesVersion === undefined ? {} : { kubernetes: this.#kubernetesVersion }),
			},
		});
	}
}

function verdictOf({ code, description }: NonNullable<DeploymentRunner['refusal']>) {
	return { code, description };
}
