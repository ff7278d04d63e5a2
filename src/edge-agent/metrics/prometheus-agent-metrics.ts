import { randomUUID } from 'node:crypto';
import { Counter, Gauge, Registry, Summary } from 'prom-client';
import type { AssignedDevice } from '../../iot-hub-client/device-provisioning-rest.ts';
import { type CountedNetwork, countTraffic } from '../../iot-hub-client/traffic-counter.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { AgentStatus } from '../agent-status.ts';
import type { AgentMetrics, WantedModule, WriteKind } from './agent-metrics.ts';
import { type Availability, ModuleAvailability } from './module-availability.ts';

/** Numbers that are read when the page is asked for. */
export interface AgentGauges {
	/** Milliseconds since the API server was last heard; `Infinity` before. */
	readonly staleness: number;
	/** Milliseconds that a wanted pass of the reconcile loop has been outstanding. */
	readonly lag: number;
	/** Writes that have failed and wait to be tried again. */
	readonly failedWrites: number;
}

export interface PrometheusAgentMetricsOptions {
	/** Of this program. */
	readonly version: string;
	/** Undefined while this agent stands by. */
	readonly gauges: () => AgentGauges | undefined;
	/** Whose bytes are counted. Default: none. */
	readonly network?: CountedNetwork;
	readonly clock: Clock;
}

const percentiles = [0.1, 0.5, 0.9, 0.99];
/** Seconds that a value counts in a summary. */
const summaryAge = 3_600;

/**
 * The agent's metrics under the names and labels of Azure IoT Edge ("Access built-in metrics"), and
 * those of its control loop. Azure's metrics of the host and of resources that modules use are not
 * among them: the cluster's own (kubelet, kube-state-metrics) have them for every pod.
 */
export class PrometheusAgentMetrics implements AgentMetrics {
	readonly #registry = new Registry();
	readonly #clock: Clock;
	readonly #instance = randomUUID();
	readonly #availability = new ModuleAvailability();
	readonly #passes = this.#counter('reconciles_total', 'Passes of the reconcile loop.', ['result']);
	readonly #passSeconds = this.#summary('reconcile_duration_seconds', 'Time of a pass.');
	readonly #writes = this.#counter('writes_total', 'Objects written to the cluster.', [
		'operation',
		'kind',
		'result',
	]);
	readonly #repairs = this.#counter(
		'drift_repaired_total',
		'Objects that somebody else had changed and that were set right.',
		['kind'],
	);
	readonly #latency = this.#summary('command_latency_seconds', 'Time to write an object.', [
		'command',
	]);
	readonly #deploymentTime = this.#summary(
		'deployment_time_seconds',
		'Time from receiving a deployment until all its modules run.',
	);
	readonly #syncs = this.#counter('iothub_syncs_total', 'Times the twin was to be read.');
	readonly #failedSyncs = this.#counter(
		'unsuccessful_iothub_syncs_total',
		'Times the twin could not be read.',
	);
	readonly #methods = new Counter({
		name: 'edgeagent_direct_method_invocations_count',
		help: 'Direct methods of $edgeAgent called.',
		labelNames: ['method_name'],
		registers: [this.#registry],
	});

	readonly #version = this.#set('deployment_version', 'Version of the deployment that is applied.');
	readonly #source = new Gauge({
		name: 'edgeAgent_deployment_source',
		help: 'Where the deployment comes from.',
		labelNames: ['source'],
		registers: [this.#registry],
	});
	readonly #code = this.#set('deployment_status_code', 'Code of lastDesiredStatus.');
	readonly #connected = this.#set('iothub_connected', 'Whether there is a connection to IoT Hub.');

	constructor(options: PrometheusAgentMetricsOptions) {
		this.#clock = options.clock;
		this.identify({ hostName: '', deviceId: '' });
		if (options.network !== undefined) {
			countTraffic('edgeAgent_upstream_bytes_total', this.#registry, options.network);
		}
		this.#metadata(options.version);
		this.#uptime();
		this.#loop(options.gauges);
		this.#modules();
	}

	/** Says whose metrics these are, from now on. */
	identify({ hostName, deviceId }: AssignedDevice): void {
		this.#registry.setDefaultLabels({
			iothub: hostName,
			edge_device: deviceId,
			instance_number: this.#instance,
			ms_telemetry: 'True',
		});
	}

	/** The page in Prometheus's text format. */
	page(): Promise<string> {
		return this.#registry.metrics();
	}

	reconciled(seconds: number, succeeded: boolean): void {
		this.#passes.inc({ result: resultOf(succeeded) });
		this.#passSeconds.observe(seconds);
	}

	written(operation: WriteKind, kind: string, seconds: number, succeeded: boolean): void {
		this.#writes.inc({ operation, kind, result: resultOf(succeeded) });
		this.#latency.observe({ command: operation }, seconds);
		if (succeeded && operation === 'repair') this.#repairs.inc({ kind });
	}

	deployed(seconds: number): void {
		this.#deploymentTime.observe(seconds);
	}

	observed(status: AgentStatus, wanted: readonly WantedModule[]): void {
		this.#availability.observe(status, wanted, this.#clock.monotonic());
		this.#code.set(status.code);
		if (status.desiredVersion !== undefined) this.#version.set(status.desiredVersion);
	}

	sourced(source: string): void {
		this.#source.reset();
		this.#source.set({ source }, 1);
	}

	synced(succeeded: boolean): void {
		this.#syncs.inc();
		if (!succeeded) this.#failedSyncs.inc();
	}

	methodInvoked(name: string): void {
		this.#methods.inc({ method_name: name });
	}

	connected(isConnected: boolean): void {
		this.#connected.set(isConnected ? 1 : 0);
	}

	#metadata(version: string): void {
		new Gauge({
			name: 'edgeAgent_metadata',
			help: 'Which program this is; the value means nothing.',
			labelNames: ['edge_agent_version', 'experimental_features', 'host_information'],
			registers: [this.#registry],
		}).set(
			{
				edge_agent_version: version,
				experimental_features: '{}',
				host_information: JSON.stringify({ OperatingSystemType: 'Kubernetes' }),
			},
			0,
		);
	}

	#uptime(): void {
		const started = this.#clock.monotonic();
		const clock = this.#clock;
		this.#gauge('iotedged_uptime_seconds', 'Time since this program started.', () => {
			return (clock.monotonic() - started) / 1000;
		});
	}

	#loop(gauges: () => AgentGauges | undefined): void {
		const rows: [name: string, help: string, read: (values: AgentGauges) => number][] = [
			[
				'watch_staleness_seconds',
				'Time since the API server was last heard.',
				({ staleness }) => staleness / 1000,
			],
			[
				'reconcile_lag_seconds',
				'Time that a wanted pass of the reconcile loop has been outstanding.',
				({ lag }) => lag / 1000,
			],
			[
				'failed_writes',
				'Objects that could not be written and are tried again.',
				({ failedWrites }) => failedWrites,
			],
		];
		for (const [name, help, read] of rows) {
			this.#gauge(name, help, () => {
				const values = gauges();
				return values === undefined ? Number.NaN : read(values);
			});
		}
		this.#gauge('leader', 'Whether this agent is the one that acts.', () => {
			return gauges() === undefined ? 0 : 1;
		});
	}

	#modules(): void {
		const rows: [name: string, help: string, read: (account: Availability) => number][] = [
			[
				'total_time_running_correctly_seconds',
				'Time that a module was to run and did.',
				({ running }) => running,
			],
			[
				'total_time_expected_running_seconds',
				'Time that a module was to run.',
				({ expected }) => expected,
			],
		];
		for (const [name, help, read] of rows) {
			this.#perModule(name, help, ['module_name'], read);
		}
		const labels = ['module_name', 'module_version'];
		this.#perModule('module_start_total', 'Starts of modules.', labels, ({ starts }) => starts);
		this.#perModule('module_stop_total', 'Ends of modules.', labels, ({ stops }) => stops);
	}

	#perModule(
		name: string,
		help: string,
		labelNames: string[],
		read: (account: Availability) => number,
	): void {
		const clock = this.#clock;
		const availability = this.#availability;
		new Gauge({
			name: `edgeAgent_${name}`,
			help,
			labelNames,
			registers: [this.#registry],
			collect() {
				this.reset();
				for (const [module, account] of availability.read(clock.monotonic())) {
					const all = { module_name: module, module_version: account.version };
					const own = Object.entries(all).filter(([label]) => labelNames.includes(label));
					this.set(Object.fromEntries(own), read(account));
				}
			},
		});
	}

	#gauge(name: string, help: string, read: () => number): void {
		new Gauge({
			name: `edgeAgent_${name}`,
			help,
			registers: [this.#registry],
			collect() {
				this.set(read());
			},
		});
	}

	#set(name: string, help: string): Gauge {
		return new Gauge({ name: `edgeAgent_${name}`, help, registers: [this.#registry] });
	}

	#counter<Label extends string>(
		name: string,
		help: string,
		labelNames: Label[] = [],
	): Counter<Label> {
		return new Counter({
			name: `edgeAgent_${name}`,
			help,
			labelNames,
			registers: [this.#registry],
		});
	}

	#summary<Label extends string>(
		name: string,
		help: string,
		labelNames: Label[] = [],
	): Summary<Label> {
		return new Summary({
			name: `edgeAgent_${name}`,
			help,
			labelNames,
			percentiles,
			maxAgeSeconds: summaryAge,
			ageBuckets: 2,
			registers: [this.#registry],
		});
	}
}

function resultOf(succeeded: boolean): string {
	return succeeded ? 'success' : 'failure';
}
