import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EdgeAgent } from '../edge-agent/agent.ts';
import type { EdgeHub } from '../edge-hub/hub.ts';
import { applyConfigurationContent } from '../iot-hub-emulator/configuration/apply-configuration-content.ts';
import type { HubSize } from '../iot-hub-emulator/throttles.ts';
import { LocalCluster } from '../local-cluster/local-cluster.ts';
import { suggestion } from '../manifest/nearest-name.ts';
import type { Identity } from '../protocol/identity.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { JsonObject, JsonValue } from '../runtime/json.ts';
import { type Logger, silentLogger } from '../runtime/logger.ts';
import { type EdgeContent, type EdgeContentOptions, edgeContent } from './edge-content.ts';
import { leadService, logOf, podsOf, prepareNamespace, testNamespace } from './edge-pods.ts';
import type { WaitOptions } from './expectations.ts';
import { edgeCertificates, inProcessAgent } from './in-process-agent.ts';
import { inProcessHub } from './in-process-hub.ts';
import { type ReceivedMessage, type SendOptions, SimulatedClient } from './simulated-client.ts';
import type { ReceivedTelemetry, TelemetryQuery } from './telemetry-journal.ts';
import { TestHub } from './test-hub.ts';

/** What an edge for tests is made from. */
export interface TestEdgeOptions extends EdgeContentOptions {
	/** Default `edge`. */
	readonly deviceId?: string;
	/** Variables of the edge hub. */
	readonly hubEnv?: Readonly<Record<string, string>>;
	/** Port of the IoT Hub. Default: any free one. */
	readonly hubPort?: number;
	/** Of the IoT Hub whose throttles and daily quota apply. Default: neither. */
	readonly hubSize?: HubSize;
	/** Time of IoT Hub and edge hub, for what they do by the clock; modules have the system's. */
	readonly clock?: Clock;
	/** Default: nothing is logged. */
	readonly logger?: Logger;
	/** Milliseconds until all modules must run. Default 20 000. */
	readonly startTimeout?: number;
}

const probe = 'testing-probe';
const pollEvery = 20;
const crashBackoff = { initial: 500, max: 300_000 };
/** Lines of a module's log that the error of a wait in vain shows. */
const shownLogLines = 15;

/**
 * A whole edge for a test: IoT Hub, cluster, agent and hub in this process, every module a process
 * of its own, just as the agent starts it.
 */
export class TestEdge implements AsyncDisposable {
	readonly deviceId: string;
	/** The IoT Hub above the edge. */
	readonly hub: TestHub;
	readonly #options: TestEdgeOptions;
	readonly #logger: Logger;
	readonly #clients: SimulatedClient[] = [];
	readonly #undo: (() => Promise<unknown>)[] = [];
	#content: EdgeContent | undefined;
	#cluster: LocalCluster | undefined;
	#agent: EdgeAgent | undefined;
	#edgeHub: EdgeHub | undefined;
	#trustBundle = '';
	#probe: Promise<SimulatedClient> | undefined;
	#folder = '';

	constructor(options: TestEdgeOptions) {
		const { deviceId = 'edge', clock, hubPort, hubSize, logger = silentLogger } = options;
		this.deviceId = deviceId;
		this.#options = options;
		this.#logger = logger;
		this.hub = new TestHub({
			...(clock === undefined ? {} : { clock }),
			...(hubPort === undefined ? {} : { port: hubPort }),
			...(hubSize === undefined ? {} : { size: hubSize }),
		});
	}

	/** Resolves when every module's process runs; what is sent to it before it listens is kept for it. */
	async start(): Promise<void> {
		const content = await edgeContent(this.#options);
		this.#content = content;
		const temporary = join(tmpdir(), 'iotedge-k8s-testing-');
		this.#folder = await mkdtemp(temporary);
		this.#undo.push(() => rm(this.#folder, { recursive: true, force: true, maxRetries: 5 }));
		try {
			await Promise.all([this.#startIotHub(content), this.#startCluster(content)]);
			await this.#startAgent();
			await this.#startHub();
			this.#deploy('$edgeAgent');
			await this.#untilRunning();
		} catch (error) {
			await this[Symbol.asyncDispose]();
			throw error;
		}
	}

	/** `localhost:41235`: the gateway host name of devices and modules that a test runs by itself. */
	get gatewayHostName(): string {
		return `localhost:${this.#edgeHub?.mqttPort ?? 0}`;
	}

	/** PEM of the authorities behind the edge hub's certificate. */
	get trustBundle(): string {
		return this.#trustBundle;
	}

	/** kubeconfig of the cluster, for kubectl. */
	get kubeconfig(): string {
		return this.#required.kubeconfigPath;
	}

	/** Names of the modules. */
	get modules(): readonly string[] {
		return this.#content?.modules ?? [];
	}

	/** A module's state as the agent sees it, such as `running` or `backoff`. */
	status(module: string): string | undefined {
		return this.#agent?.status?.modules.get(module)?.runtimeStatus;
	}

	/** A connected leaf device below this edge, made where it is missing. */
	device(deviceId: string): Promise<SimulatedClient> {
		return this.#connect({ deviceId });
	}

	/** A connected module that the test plays. */
	module(moduleId: string): Promise<SimulatedClient> {
		return this.#connect({ deviceId: this.deviceId, moduleId });
	}

	/**
	 * The connection string of a device or module below this edge, for a client of one's own, which
	 * must trust `trustBundle`. It holds a secret.
	 */
	connectionString(identity: Identity): string {
		const own = identity.deviceId === this.deviceId;
		const direct = this.hub.create(identity, own ? {} : { parent: this.deviceId });
		return `${direct};GatewayHostName=${this.gatewayHostName}`;
	}

	/** Sends a message to an input of a module; resolves when the edge hub has taken it. */
	async send(
		module: string,
		input: string,
		body: JsonValue | Uint8Array,
		options: Pick<SendOptions, 'properties'> = {},
	): Promise<void> {
		this.#moduleIdentity(module);
		const output = `${module}-${input}`;
		const sink = `BrokeredEndpoint("/modules/${module}/inputs/${input}")`;
		await this.#route(
			`testing-${output}`,
			`FROM /messages/modules/${probe}/outputs/${output} INTO ${sink}`,
		);
		await (await this.#prober()).send(body, { ...options, output });
	}

	/** Listens to an output of a module from now on, whatever the routes say. */
	async listen(module: string, output: string): Promise<OutputListener> {
		this.#moduleIdentity(module);
		const input = `${module}-${output}`;
		const sink = `BrokeredEndpoint("/modules/${probe}/inputs/${input}")`;
		const prober = await this.#prober();
		await prober.listen();
		await this.#route(
			`testing-from-${input}`,
			`FROM /messages/modules/${module}/outputs/${output} INTO ${sink}`,
		);
		return { next: (wait = {}) => this.#explained(prober.receive({ ...wait, input })) };
	}

	/** The next message in IoT Hub that meets the query and was not handed out yet. */
	upstream(query?: TelemetryQuery): Promise<ReceivedTelemetry> {
		return this.hub.message(query);
	}

	/** Sets desired properties of a module's twin; null removes one. */
	desire(module: string, desired: JsonObject): void {
		this.hub.desire(this.#moduleIdentity(module), desired);
	}

	/** Resolves with a module's reported properties once they meet a condition. */
	async reported(
		module: string,
		where: (reported: JsonObject) => boolean = () => true,
		wait: WaitOptions = {},
	): Promise<JsonObject> {
		const identity = this.#moduleIdentity(module);
		return this.#until(
			() => {
				const { reported } = this.hub.twin(identity);
				return where(reported) ? reported : undefined;
			},
			`reported properties of ${module}`,
			wait,
		);
	}

	/** Calls a direct method of a module, waiting for it to connect. */
	call(module: string, name: string, payload: JsonValue = null) {
		return this.hub.call(this.#moduleIdentity(module), { name, payload });
	}

	/** Cuts the link between the edge and IoT Hub; the edge goes on without. */
	cut(): void {
		this.hub.cut();
	}

	/** Ends a `cut`. */
	restore(): void {
		this.hub.restore();
	}

	/** Ends a module's pod at once, as when its node fails; resolves when another one runs. */
	async kill(module: string, wait: WaitOptions = {}): Promise<void> {
		this.#moduleIdentity(module);
		const { client } = this.#required;
		const killed = new Set<string>();
		for (const { metadata } of await podsOf(client, module)) {
			killed.add(metadata.uid ?? '');
			const pod = { apiVersion: 'v1', kind: 'Pod', namespace: testNamespace, name: metadata.name };
			await client.delete(pod, { gracePeriodSeconds: 0 });
		}
		if (killed.size === 0) throw new Error(`No pod of ${module} runs.`);
		const isNew = async () => {
			const pods = await podsOf(client, module);
			return pods.some(
				({ metadata, status }) =>
					!killed.has(metadata.uid ?? '') && status?.['phase'] === 'Running',
			)
				? true
				: undefined;
		};
		await this.#until(isNew, `new pod of ${module}`, wait);
	}

	/** What a module has printed. */
	logs(module: string, tailLines = 1000): Promise<string[]> {
		this.#moduleIdentity(module);
		return logOf(this.#required.client, module, tailLines);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		this.#probe = undefined;
		await Promise.all(this.#clients.splice(0).map((client) => client[Symbol.asyncDispose]()));
		for (const step of this.#undo.splice(0).reverse()) await step();
	}

	async #startIotHub(content: EdgeContent): Promise<void> {
		await this.hub.start({ explain: () => this.#explain(), ignore: probe });
		this.#undo.push(() => this.hub[Symbol.asyncDispose]());
		this.hub.create(this.deviceId, { iotEdge: true });
		for (const module of content.desired.keys()) if (module !== '$edgeAgent') this.#deploy(module);
		await writeFile(this.#hubAuthorityFile, this.hub.authority);
	}

	async #startCluster({ moduleRoots }: EdgeContent): Promise<void> {
		const cluster = new LocalCluster({
			folder: join(this.#folder, 'cluster'),
			moduleRoots,
			builtinImages: new Map(),
			crashBackoff,
			logger: this.#logger,
		});
		await cluster.start();
		this.#undo.push(() => cluster.stop());
		this.#cluster = cluster;
		await prepareNamespace(cluster.client);
	}

	async #startAgent(): Promise<void> {
		const { client, podAddressPrefix } = this.#required;
		const agent = await inProcessAgent({
			cluster: client,
			connectionString: this.hub.create(this.deviceId),
			hubAuthorityFile: this.#hubAuthorityFile,
			logger: this.#logger,
		});
		this.#agent = agent;
		this.#undo.push(() => agent.stop());
		await agent.start();
		// An address of the pods' network: only to those do pods show their own.
		const address = `${podAddressPrefix}254`;
		await leadService(client, {
			name: 'edgeagent',
			address,
			ports: { workload: agent.workloadPort },
		});
	}

	async #startHub(): Promise<void> {
		const { client } = this.#required;
		const { registry } = this.hub.emulator;
		const identity = { deviceId: this.deviceId, moduleId: '$edgeHub' };
		await this.#until(
			() => registry.module(identity).authentication.symmetricKey.primaryKey ?? undefined,
			'key of the edge hub',
		);
		const certificates = await edgeCertificates(client, this.deviceId);
		this.#trustBundle = certificates.trustBundle;
		const hub = inProcessHub({
			iotHub: this.hub,
			deviceId: this.deviceId,
			certificates,
			storageFolder: this.#folder,
			hubAuthorityFile: this.#hubAuthorityFile,
			env: this.#options.hubEnv ?? {},
			clock: this.#options.clock ?? systemClock,
			logger: this.#logger,
		});
		this.#edgeHub = hub;
		this.#undo.push(() => hub.stop());
		await hub.start();
		await hub.whenReady();
		const ports = { mqtts: hub.mqttPort };
		await leadService(client, { name: 'edgehub', address: '127.0.0.1', ports });
	}

	/** Sets the desired properties of one module in IoT Hub. */
	#deploy(module: string): void {
		const desired = this.#content?.desired.get(module) ?? {};
		const modulesContent = { [module]: { 'properties.desired': desired } };
		applyConfigurationContent(this.hub.emulator, this.deviceId, { modulesContent });
	}

	async #untilRunning(): Promise<void> {
		const { startTimeout = 20_000 } = this.#options;
		const running = () => this.modules.every((module) => this.status(module) === 'running');
		await this.#until(() => running() || undefined, 'state in which all modules run', {
			timeout: startTimeout,
		});
	}

	async #connect(identity: Identity): Promise<SimulatedClient> {
		const client = await SimulatedClient.connect({
			identity,
			connectionString: this.connectionString(identity),
			authority: this.#trustBundle,
		});
		this.#clients.push(client);
		return client;
	}

	/** The module as which the test itself sends and listens. */
	#prober(): Promise<SimulatedClient> {
		this.#probe ??= this.module(probe);
		return this.#probe;
	}

	/** Adds a route; resolves when the edge hub has taken it over. */
	async #route(name: string, route: string): Promise<void> {
		const identity = this.#moduleIdentity('$edgeHub');
		const routes = this.hub.twin(identity).desired['routes'] as JsonObject | undefined;
		if (routes?.[name] !== undefined) return;
		this.hub.desire(identity, { routes: { [name]: route } });
		const version = this.hub.twin(identity).desired['$version'];
		await this.reported('$edgeHub', (reported) => reported['lastDesiredVersion'] === version);
	}

	/** @throws Error for a module that the edge does not have and the test does not play */
	#moduleIdentity(moduleId: string): Required<Identity> {
		const identity = { deviceId: this.deviceId, moduleId };
		if (this.hub.emulator.registry.findModule(identity) !== undefined) return identity;
		const hint = suggestion(moduleId, this.modules) || `There are: ${this.modules.join(', ')}.`;
		throw new Error(`The edge has no module "${moduleId}". ${hint}`);
	}

	async #until<Result>(
		look: () => Result | undefined | Promise<Result | undefined>,
		what: string,
		{ timeout = 10_000 }: WaitOptions = {},
	): Promise<Result> {
		const deadline = systemClock.monotonic() + timeout;
		for (;;) {
			const found = await look();
			if (found !== undefined) return found;
			if (systemClock.monotonic() > deadline) {
				throw new Error(`No ${what} within ${timeout} ms.\n${await this.#explain()}`);
			}
			await systemClock.sleep(pollEvery);
		}
	}

	async #explained<Result>(promise: Promise<Result>): Promise<Result> {
		try {
			return await promise;
		} catch (error) {
			const message = error instanceof Error ? error.message : String(error);
			throw new Error(`${message}\n${await this.#explain()}`, { cause: error });
		}
	}

	/** States and last words of the modules: what one looks at first when a test fails. */
	async #explain(): Promise<string> {
		const lines = this.modules.map(async (module) => {
			const status = this.#agent?.status?.modules.get(module);
			const state = `${status?.runtimeStatus ?? 'unknown'} ${status?.statusDescription ?? ''}`;
			const log = await this.logs(module, shownLogLines).catch(() => []);
			return [`Module ${module}: ${state.trim()}`, ...log.map((line) => `  ${line}`)].join('\n');
		});
		return (await Promise.all(lines)).join('\n');
	}

	get #hubAuthorityFile(): string {
		return join(this.#folder, 'iot-hub-ca.pem');
	}

	get #required(): LocalCluster {
		if (this.#cluster === undefined) throw new Error('The edge does not run.');
		return this.#cluster;
	}
}

/** An output of a module that a test listens to. */
export interface OutputListener {
	/** The next message that was not handed out yet. */
	next(
		wait?: WaitOptions & { readonly where?: (message: ReceivedMessage) => boolean },
	): Promise<ReceivedMessage>;
}
