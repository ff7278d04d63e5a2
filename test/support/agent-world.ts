import type { ClusterClient } from '../../src/cluster/cluster-client.ts';
import type { EdgeAgent } from '../../src/edge-agent/agent.ts';
import type { TwinProperties } from '../../src/protocol/twin.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { deviceAgent } from './device-agent.ts';
import { type AuthoredDeployment, desiredProperties } from './edge-deployment.ts';
import { FakeIotHubClient } from './fake-iot-hub-client.ts';
import { FakeRegistry } from './fake-registry.ts';
import { type Interceptor, interceptedClient } from './intercepted-client.ts';

const hub = 'HostName=hub.azure-devices.net;DeviceId=Edge-1;SharedAccessKey=a2V5';

/** What an agent is in, and what outlives it: a cluster, and its device in IoT Hub. */
export interface AgentWorldOptions {
	/** With the rights of the agent. */
	readonly cluster: ClusterClient;
	readonly namespace: string;
	readonly clock: Clock;
	readonly registry?: FakeRegistry;
	/** More settings of the agent. */
	readonly env?: Readonly<Record<string, string>>;
}

/** A place for one agent after another. */
export class AgentWorld {
	readonly registry: FakeRegistry;
	/** The twin of `$edgeAgent`. */
	twin: TwinProperties = { desired: { $version: 0 }, reported: { $version: 1 } };
	readonly #options: AgentWorldOptions;
	#client: HubClient | undefined;

	constructor(options: AgentWorldOptions) {
		this.#options = options;
		this.registry = options.registry ?? new FakeRegistry();
	}

	/** Sets the deployment in IoT Hub, as an operator does. */
	deploy(deployment: AuthoredDeployment): void {
		const version = Number(this.twin.desired['$version'] ?? 0) + 1;
		this.twin = {
			...this.twin,
			desired: { ...desiredProperties(deployment), $version: version },
		};
		// A version that is not the next one makes the client read the whole twin.
		this.#client?.pushDesired({ $version: version + 1 });
	}

	/** Takes IoT Hub away from the agent. */
	disconnect(): void {
		this.registry.offline = true;
		this.#client?.enter({ kind: 'disconnected', reason: 'IoT Hub is away.' });
	}

	/** Gives it back. */
	connect(): void {
		this.registry.offline = false;
		if (this.#client?.state.kind !== 'connected') this.#client?.enter({ kind: 'connected' });
	}

	/** An agent, not started; its requests pass the interceptor. */
	async agent(intercept: Interceptor = (_request, send) => send()): Promise<EdgeAgent> {
		const { cluster, namespace, clock, env } = this.#options;
		const registry = interceptedRegistry(this.registry, intercept);
		const client = new HubClient(this, intercept);
		this.#client = client;
		return deviceAgent(
			{ IOTEDGE_CONNECTION_STRING: hub, NAMESPACE: namespace, ...env },
			{
				cluster: interceptedClient(cluster, intercept),
				clock,
				logger: silentLogger,
				version: '1',
				connectHub: () => client,
				registry,
			},
		);
	}
}

/** A connection to the twin of the world, which is there as soon as it is asked for. */
class HubClient extends FakeIotHubClient {
	readonly #world: AgentWorld;
	readonly #intercept: Interceptor;

	constructor(world: AgentWorld, intercept: Interceptor) {
		super();
		this.#world = world;
		this.#intercept = intercept;
	}

	override async start(): Promise<void> {
		this.enter({ kind: 'connected' });
	}

	override async getTwin(): Promise<TwinProperties> {
		this.#check();
		return this.#intercept({ what: 'read the twin', isWrite: false }, () => {
			this.twin = structuredClone(this.#world.twin);
			return super.getTwin();
		});
	}

	override async patchReported(patch: JsonObject): Promise<void> {
		this.#check();
		return this.#intercept({ what: 'report', isWrite: true }, async () => {
			this.twin = this.#world.twin;
			await super.patchReported(patch);
			this.#world.twin = this.twin;
		});
	}

	#check(): void {
		if (this.state.kind === 'connected') return;
		throw new EdgeError('EDGE_HUB_UNREACHABLE', 'There is no connection.');
	}
}

function interceptedRegistry(registry: FakeRegistry, intercept: Interceptor) {
	return {
		listModules: () =>
			intercept({ what: 'list modules', isWrite: false }, () => registry.listModules()),
		createModule: (id: string, managedBy: string) =>
			intercept({ what: `create module ${id}`, isWrite: true }, () =>
				registry.createModule(id, managedBy),
			),
		setModuleKeys: (id: string, keys: Parameters<FakeRegistry['setModuleKeys']>[1]) =>
			intercept({ what: `set keys of module ${id}`, isWrite: true }, () =>
				registry.setModuleKeys(id, keys),
			),
		deleteModule: (id: string) =>
			intercept({ what: `delete module ${id}`, isWrite: true }, () => registry.deleteModule(id)),
		close: () => {},
	};
}
