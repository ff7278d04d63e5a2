import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { HubNetwork } from '../iot-hub-client/hub-network.ts';
import type { IotHubClient, IotHubClientOptions } from '../iot-hub-client/iot-hub-client.ts';
import { SdkIotHubClient } from '../iot-hub-client/sdk-iot-hub-client.ts';
import { sign } from '../protocol/sas-token.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { JsonObject } from '../runtime/json.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { RetryingTask } from '../runtime/retrying-task.ts';
import { answerWith } from './direct-methods/agent-methods.ts';
import { edgeAgentMethods } from './direct-methods/edge-agent-methods.ts';
import { TaskTable } from './direct-methods/tasks/task-table.ts';
import type { ModuleIdentities } from './identities/module-identities.ts';
import type { AgentMetrics } from './metrics/agent-metrics.ts';
import type { DeviceAgentSettings } from './settings.ts';
import { DesiredProperties } from './twin/desired-properties.ts';
import { ReportedProperties } from './twin/reported-properties.ts';
import { stoppedDocument } from './twin/stopped-document.ts';

/** What the session needs. */
export interface HubSessionOptions {
	readonly settings: Pick<
		DeviceAgentSettings,
		'namespace' | 'device' | 'parentHostName' | 'refreshSeconds' | 'reportSeconds'
	>;
	readonly cluster: ClusterClient;
	readonly network: HubNetwork;
	readonly identities: ModuleIdentities;
	readonly metrics: AgentMetrics;
	/** Of this program, for IoT Hub's statistics. */
	readonly version: string;
	/** Default: the official SDK. */
	readonly connectHub?: ((options: IotHubClientOptions) => IotHubClient) | undefined;
	/** Asks DPS again; false where the device does not come from there. */
	readonly reprovision: () => boolean;
	/** Told of the whole desired properties, whenever IoT Hub says them. */
	readonly onDesired: (properties: JsonObject) => void;
	/** Whether the deployment has a module of a name. */
	readonly isKnown: (module: string) => boolean;
	/** What is to be reported now; undefined before anything is known. */
	readonly document: () => JsonObject | undefined;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** How long a session that ends tries to report that it does. Milliseconds. */
const lastReport = 3_000;

/**
 * The agent in IoT Hub: connects as `$edgeAgent` once it has an identity with our key, follows its
 * twin, reports to it and answers direct methods.
 */
export class HubSession implements Lifecycle {
	readonly #options: HubSessionOptions;
	readonly #client: IotHubClient;
	readonly #reported: ReportedProperties;
	readonly #desired: DesiredProperties;
	readonly #tasks: TaskTable;
	readonly #bootstrap: RetryingTask;
	readonly #registrations: Disposable[] = [];
	#clientStarted = false;
	#stopped = false;

	constructor(options: HubSessionOptions) {
		const { settings, metrics, onDesired, clock, logger } = options;
		this.#options = options;
		this.#client = newClient(options);
		const reported = new ReportedProperties({
			client: this.#client,
			minInterval: settings.reportSeconds * 1000,
			clock,
			logger,
		});
		this.#reported = reported;
		this.#desired = new DesiredProperties({
			client: this.#client,
			refreshInterval: settings.refreshSeconds * 1000,
			onDesired,
			onReported: (properties) => {
				metrics.synced(true);
				reported.observe(properties);
			},
			onFailure: () => metrics.synced(false),
			clock,
			logger,
		});
		this.#tasks = new TaskTable(logger);
		this.#bootstrap = this.#newBootstrap();
	}

	/** IoT Hub need not be there: the session connects when it can. */
	async start(): Promise<void> {
		const { identities, metrics } = this.#options;
		await this.#tasks.start();
		this.#answerMethods();
		this.report();
		for (const part of [this.#desired, this.#reported]) await part.start();
		this.#registrations.push(
			this.#client.onState(({ kind }) => {
				// The key in IoT Hub is not ours, or the identity has been made anew.
				if (kind === 'refused') this.#bootstrap.trigger();
				metrics.connected(kind === 'connected');
			}),
		);
		if (identities.get('$edgeAgent') === undefined) this.#bootstrap.trigger();
		else await this.#startClient();
	}

	async stop(): Promise<void> {
		this.#stopped = true;
		this.#release();
		if (this.#clientStarted) await this.#client.stop();
		const parts = [this.#reported, this.#desired, this.#bootstrap, this.#tasks];
		for (const part of parts) await part.stop();
	}

	/** Reports what has changed, as soon as it may. */
	report(): void {
		const document = this.#options.document();
		if (document !== undefined) this.#reported.report(document);
	}

	/** Reports the end. Nothing of the edge depends on it: a hub that is away must not delay it. */
	async reportStop(): Promise<void> {
		const { clock, logger } = this.#options;
		this.#release();
		const done = new AbortController();
		const reported = this.#reported.close(stoppedDocument).catch((error) => {
			logger.warn('IoT Hub was not told of the end.', { reason: messageOf(error) });
		});
		await Promise.race([reported, clock.sleep(lastReport, done.signal).catch(() => {})]);
		done.abort();
	}

	#answerMethods(): void {
		const { settings, cluster, network, metrics, reprovision, isKnown, document, clock } =
			this.#options;
		const { namespace, device } = settings;
		const methods = edgeAgentMethods({
			client: cluster,
			namespace,
			isKnown,
			hubHostName: device.hostName,
			deviceId: device.deviceId,
			tasks: this.#tasks,
			network,
			reprovision,
			status: () => document() ?? null,
			clock,
		});
		this.#registrations.push(
			this.#client.onMethod(answerWith(methods, metrics.methodInvoked.bind(metrics))),
		);
	}

	#newBootstrap(): RetryingTask {
		const { identities, clock, logger } = this.#options;
		return new RetryingTask({
			action: async (signal) => {
				await identities.ensure(['$edgeAgent', '$edgeHub'], signal);
				await this.#startClient();
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

	async #startClient(): Promise<void> {
		if (this.#clientStarted || this.#stopped) return;
		this.#clientStarted = true;
		await this.#client.start();
	}

	/** Listens to nobody any more. */
	#release(): void {
		for (const registration of this.#registrations.splice(0)) registration[Symbol.dispose]();
	}
}

function newClient(options: HubSessionOptions): IotHubClient {
	const { settings, network, identities, version, clock, logger } = options;
	const { device, parentHostName: gatewayHostName } = settings;
	const connect =
		options.connectHub ??
		((of: IotHubClientOptions) => new SdkIotHubClient({ ...of, network, gatewayHostName }));
	return connect({
		hostName: device.hostName,
		identity: { deviceId: device.deviceId, moduleId: '$edgeAgent' },
		// The key changes with the generation of the identity, hence it is looked up each time.
		credential: {
			kind: 'signer',
			sign: async (data) => sign(identities.keyOf('$edgeAgent') ?? '', data),
		},
		productInfo: ` iotedge-k8s/${version} (Kubernetes)`,
		clock,
		logger,
	});
}
