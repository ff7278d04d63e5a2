import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { versionOf } from '../../protocol/twin.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { AgentStatus } from '../agent-status.ts';
import type { DeploymentRunner } from '../deployment-runner.ts';
import { EventRecorder } from '../event-recorder.ts';
import { ConfigMapSource } from './config-map-source.ts';
import type { DeploymentSource, SourceKind } from './deployment-source.ts';
import { DeploymentSources } from './deployment-sources.ts';
import { EdgeDeploymentReporter } from './edge-deployment-reporter.ts';
import { EdgeDeploymentSource } from './edge-deployment-source.ts';
import type { EdgeDeploymentFate } from './edge-deployment-status.ts';
import { FileSource } from './file-source.ts';
import { localSourceOf } from './local-deployment.ts';
import { TwinSource } from './twin-source.ts';

/** What the sources of an agent need. */
export interface AgentSourcesOptions {
	readonly settings: {
		readonly namespace: string;
		/** Name of the agent's own Deployment, which Events are about. */
		readonly agentName: string;
		readonly configSources: readonly SourceKind[];
		readonly localConfigPath: string;
		readonly deploymentConfigMap: string;
		readonly reportSeconds: number;
	};
	readonly client: ClusterClient;
	readonly runner: Pick<DeploymentRunner, 'take' | 'refuse' | 'refusal' | 'accepted' | 'running'>;
	/** How the deployment that runs is. */
	readonly status: () => AgentStatus;
	/** Told when another source may rule. */
	readonly onChange: () => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** How often it is looked whether a source cannot be read. Milliseconds. */
const troubleInterval = 60_000;

/** Where this agent's deployment may come from: IoT Hub's twin and whatever the settings name. */
export class AgentSources implements Lifecycle {
	/** Takes what IoT Hub says, whether it counts or not. */
	readonly twin = new TwinSource();
	readonly #options: AgentSourcesOptions;
	readonly #sources: DeploymentSources;
	readonly #events: EventRecorder;
	#edgeDeployments: EdgeDeploymentSource | undefined;
	#reporter: EdgeDeploymentReporter | undefined;
	#timer: Disposable | undefined;

	constructor(options: AgentSourcesOptions) {
		const { settings, client, runner, clock, logger } = options;
		const { namespace, configSources } = settings;
		this.#options = options;
		this.#events = new EventRecorder({ client, namespace, clock, logger });
		this.#sources = new DeploymentSources({
			sources: configSources.map((kind) => this.#create(kind)),
			take: (desired) => runner.take(desired),
			refuse: (fault) => runner.refuse(fault),
			onRuling: (source) => this.#announce(source),
			onChange: () => {
				options.onChange();
				this.report();
			},
		});
	}

	/** The source that rules: undefined before it is known. */
	get ruling(): DeploymentSource | undefined {
		return this.#sources.ruling;
	}

	/** Milliseconds since the source that moved longest ago did anything: grows only when one is stuck. */
	get idleness(): number {
		return Math.max(...this.#sources.all.map(({ idleness }) => idleness));
	}

	async start(): Promise<void> {
		await this.#sources.start();
		this.#timer ??= this.#options.clock.every(troubleInterval, () => this.#tellTrouble());
		await this.#reporter?.start();
	}

	async stop(): Promise<void> {
		this.#timer?.[Symbol.dispose]();
		this.#timer = undefined;
		await this.#reporter?.stop();
		await this.#sources.stop();
		await this.#events.flush();
	}

	/** Asks for a look at the status of EdgeDeployments. */
	report(): void {
		this.#reporter?.trigger();
	}

	#create(kind: SourceKind): DeploymentSource {
		const { settings, client, clock, logger } = this.#options;
		const { namespace } = settings;
		const common = { clock, logger };
		switch (kind) {
			case 'twin':
				return this.twin;
			case 'file':
				return new FileSource({ ...common, path: settings.localConfigPath });
			case 'config-map': {
				const name = settings.deploymentConfigMap;
				return new ConfigMapSource({ ...common, client, namespace, name });
			}
			case 'edge-deployment': {
				const source = new EdgeDeploymentSource({ ...common, client, namespace });
				this.#edgeDeployments = source;
				this.#reporter = new EdgeDeploymentReporter({
					...common,
					client,
					source,
					fateOf: (object) => this.#fateOf(object, source),
					minInterval: settings.reportSeconds * 1000,
				});
				return source;
			}
		}
	}

	/** A restart is no news. */
	#announce({ place }: DeploymentSource): void {
		const { settings, runner, logger } = this.#options;
		const { configSources } = settings;
		const { accepted } = runner;
		const before = accepted && (localSourceOf(accepted)?.place ?? this.twin.place);
		if (place === before || (before === undefined && configSources.length === 1)) return;
		logger.info('The deployment comes from another source.', { place, before });
		const after = before === undefined ? '' : `, and no longer from ${before}`;
		this.#record('Normal', 'DeploymentSource', `The deployment comes from ${place}${after}.`);
	}

	/** A right that is missing would show nowhere else: what runs goes on. */
	#tellTrouble(): void {
		for (const { place, trouble } of this.#sources.all) {
			if (trouble === undefined) continue;
			const note = `${place} cannot be read, so that no deployment is taken: ${trouble}`;
			this.#record('Warning', 'DeploymentSourceUnreadable', note);
		}
	}

	#record(type: 'Normal' | 'Warning', reason: string, note: string): void {
		const { namespace, agentName: name } = this.#options.settings;
		const regarding = { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace };
		this.#events.record({ type, reason, note, regarding });
	}

	#fateOf(object: KubernetesObject, source: EdgeDeploymentSource): EdgeDeploymentFate {
		const { current, state } = source;
		const why = this.#obstacleOf(object, current);
		if (why !== undefined) return { kind: 'superseded', why };
		if (state.kind === 'held') return { kind: 'paused' };
		if (state.kind === 'faulty') return { kind: 'refused', ...state.fault };
		const { refusal, running } = this.#options.runner;
		if (refusal !== undefined) return { kind: 'refused', ...refusal };
		const status = this.#options.status();
		const isCurrent =
			state.kind === 'present' &&
			running?.desired === state.desired &&
			status.desiredVersion === versionOf(state.desired);
		return isCurrent ? { kind: 'running', status } : { kind: 'accepted' };
	}

	#obstacleOf({ metadata }: KubernetesObject, current: KubernetesObject | undefined) {
		const { ruling } = this.#sources;
		if (ruling === undefined) return 'It is not known yet whether a source before it rules.';
		if (ruling !== this.#edgeDeployments)
			return `By the setting ConfigSource, ${ruling.place} rules.`;
		if (metadata.uid === current?.metadata.uid) return undefined;
		return `EdgeDeployment ${current?.metadata.name ?? ''} is older; one counts for a device.`;
	}
}
