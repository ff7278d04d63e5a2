import type { ClusterClient } from '../../cluster/cluster-client.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { AgentSettings } from '../settings.ts';
import { AgentCertificate } from './agent-certificate.ts';
import type { EdgeCertificates } from './edge-certificates.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { PodCallers } from './pod-callers.ts';
import { TokenCallers } from './token-callers.ts';
import type { WorkloadResources } from './workload-routes.ts';
import { WorkloadServer, type WorkloadServerOptions } from './workload-server.ts';

/** What the workload API is served with. */
export interface WorkloadServiceOptions {
	readonly settings: Pick<
		AgentSettings,
		'namespace' | 'policy' | 'workloadPort' | 'workloadTlsPort' | 'workloadTlsUri'
	>;
	readonly cluster: ClusterClient;
	/** The keys that sign tokens of pods. Absent: sidecars are not served. */
	readonly issuerKeys?: () => Promise<unknown>;
	readonly resources: WorkloadResources;
	readonly certificates: EdgeCertificates;
	readonly health: WorkloadServerOptions['health'];
	readonly uninstallation?: WorkloadServerOptions['uninstallation'];
	readonly clock: Clock;
	readonly logger: Logger;
}

/**
 * The workload API as modules find it: at one port each by its address, at another through sidecars.
 * Where the operator wants sidecars for all, an address proves nothing and the first is not served.
 */
export class WorkloadService implements Lifecycle {
	readonly #plain: WorkloadServer | undefined;
	readonly #secure: WorkloadServer | undefined;

	constructor(options: WorkloadServiceOptions) {
		const { settings, cluster: client, resources, health, clock, logger, issuerKeys } = options;
		const { namespace, policy, workloadPort, workloadTlsPort, workloadTlsUri } = settings;
		const shared = { resources, health, uninstallation: options.uninstallation, logger };
		if (policy.workloadApiMode === 'address') {
			const callers = new PodCallers({ client, namespace });
			this.#plain = new WorkloadServer({ ...shared, port: workloadPort, callers });
		}
		if (issuerKeys === undefined) return;
		const { certificates } = options;
		const hostName = new URL(workloadTlsUri).hostname;
		this.#secure = new WorkloadServer({
			...shared,
			port: workloadTlsPort,
			callers: new TokenCallers({
				client,
				namespace,
				keys: new IssuerKeys({ read: issuerKeys, clock }),
				clock,
			}),
			certificate: new AgentCertificate({ certificates, hostName, clock, logger }),
		});
	}

	async start(): Promise<void> {
		await this.#plain?.start();
		await this.#secure?.start();
	}

	async stop(): Promise<void> {
		await this.#plain?.stop();
		await this.#secure?.stop();
	}

	/** Whether modules can get their credentials. */
	get serves(): boolean {
		return this.port !== 0 || this.tlsPort !== 0;
	}

	/** The port for modules; 0 before the start, and where there is none. */
	get port(): number {
		return this.#plain?.port ?? 0;
	}

	/** The port for sidecars; 0 before the start, and where there is none. */
	get tlsPort(): number {
		return this.#secure?.port ?? 0;
	}
}
