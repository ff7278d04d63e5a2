import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect, type HttpClusterClient } from '../../src/cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import { moduleLabel } from '../../src/edge-agent/translation/translation.ts';
import { applyConfigurationContent } from '../../src/iot-hub-emulator/configuration/apply-configuration-content.ts';
import { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { TelemetryEvent } from '../../src/iot-hub-emulator/telemetry/telemetry-event.ts';
import { isJsonObject, type JsonObject } from '../../src/runtime/json.ts';
import { chart, type Helm, helmFor } from './helm.ts';
import type { RealNode } from './real-node.ts';
import { hubRequest } from './running-emulator.ts';
import { until } from './until.ts';

/** Milliseconds that something may take in which pods start. */
export const podPatience = 180_000;

const manifest = resolve(import.meta.dirname, '../../deployments/simulated-temperature.json');
const deviceId = 'edge1';

/** A module of a test, as a manifest has it. */
export interface PodModule {
	readonly image: string;
	readonly createOptions?: object;
	readonly status?: 'running' | 'stopped';
}

/**
 * An edge that was installed with Helm on a node, in a namespace at the level `restricted`; its IoT
 * Hub is an emulator in this process.
 */
export class InstalledEdge implements AsyncDisposable {
	readonly namespace: string;
	readonly helm: Helm;
	readonly admin: HttpClusterClient;
	readonly emulator: IotHubEmulator;

	readonly #stack: AsyncDisposableStack;

	private constructor(
		parts: Pick<InstalledEdge, 'namespace' | 'helm' | 'admin' | 'emulator'>,
		stack: AsyncDisposableStack,
	) {
		this.namespace = parts.namespace;
		this.helm = parts.helm;
		this.admin = parts.admin;
		this.emulator = parts.emulator;
		this.#stack = stack;
	}

	/** Installs the agent, and deploys `deployments/simulated-temperature.json` with more modules. */
	static async install(
		node: RealNode,
		modules: Readonly<Record<string, PodModule>> = {},
	): Promise<InstalledEdge> {
		await using stack = new AsyncDisposableStack();
		const namespace = `edge-${randomBytes(4).toString('hex')}`;
		const admin = stack.adopt(connect(node.config), (client) => client.close());
		const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
		const metadata = { name: namespace, labels };
		await admin.create({ apiVersion: 'v1', kind: 'Namespace', metadata });
		const folder = await mkdtemp(join(tmpdir(), 'iotedge-k8s-'));
		stack.defer(() => rm(folder, { recursive: true, force: true }));
		const emulator = new IotHubEmulator({
			folder: join(folder, 'iot-hub'),
			address: '0.0.0.0',
			hostNames: [node.hostName, 'localhost'],
		});
		await emulator.start();
		stack.defer(() => emulator.stop());
		emulator.registry.putDevice(deviceId, { capabilities: { iotEdge: true } });
		const { kubeconfig } = node.cluster;
		const helm = await helmFor(folder, { kubeconfig, namespace });
		const edge = new InstalledEdge({ namespace, helm, admin, emulator }, stack.move());
		try {
			await edge.deploy(modules);
			await helm('install', 'edge', chart, ...edge.values(), '--wait', '--timeout=3m');
		} catch (error) {
			await edge[Symbol.asyncDispose]();
			throw error;
		}
		return edge;
	}

	/** Forgets the edge; its namespace goes with the node. */
	[Symbol.asyncDispose](): Promise<void> {
		return this.#stack.disposeAsync();
	}

	/** Options of Helm that name the device and its hub. */
	values(): string[] {
		const device = this.emulator.deviceConnectionString({ deviceId });
		const set = (name: string, value: string) => {
			return ['--set', `${name}=${value.replace(/([,=\\])/g, '\\$1')}`];
		};
		return [
			...set('device.connectionString', device),
			...set('hubCertificateAuthority', this.emulator.caCertificate),
			...set('settings.REPORT_INTERVAL_SECS', '1'),
		];
	}

	/** Sets the deployment in IoT Hub. */
	async deploy(modules: Readonly<Record<string, PodModule>>): Promise<void> {
		const content = JSON.parse(await readFile(manifest, 'utf8'));
		const deployed = content.modulesContent.$edgeAgent['properties.desired'].modules;
		for (const [name, { image, createOptions = {}, status = 'running' }] of Object.entries(
			modules,
		)) {
			deployed[name] = {
				...{ type: 'docker', version: '1.0', status, restartPolicy: 'always', startupOrder: 3 },
				settings: { image, createOptions: JSON.stringify(createOptions) },
			};
		}
		applyConfigurationContent(this.emulator, deviceId, content);
	}

	/** Waits until the agent reports a module so. */
	async reported(module: string, runtimeStatus: string): Promise<JsonObject> {
		const last = () => JSON.stringify(this.#reports());
		return until(
			() => {
				const report = this.#reports()[module];
				return isJsonObject(report) && report['runtimeStatus'] === runtimeStatus && report;
			},
			() => `a report of ${module} that is ${runtimeStatus}, but ${last()}`,
			podPatience,
		);
	}

	/**
	 * Waits until IoT Hub has received so many messages of a module, and gives them.
	 *
	 * @param since sequence number from which on messages count; default: those that come from now on.
	 */
	async receives(
		module: string,
		count: number,
		since = this.emulator.telemetry.nextSequenceNumber,
	): Promise<readonly TelemetryEvent[]> {
		const { telemetry } = this.emulator;
		const received: TelemetryEvent[] = [];
		const subscription = telemetry.subscribe(since, (event) => {
			if (event.identity.moduleId === module) received.push(event);
		});
		try {
			await until(() => received.length >= count, `${count} messages of ${module}`, podPatience);
			return received;
		} finally {
			subscription[Symbol.dispose]();
		}
	}

	/** Uids and restarts of the pods of modules, which change when a module was restarted. */
	async lives(...modules: readonly string[]): Promise<unknown[]> {
		const pods = await Promise.all(modules.map((module) => this.readyPods(module)));
		return pods.flat().map((pod) => [pod.metadata.uid, restartsOf(pod)]);
	}

	/** All objects of a kind in the namespace. */
	async all(apiVersion: string, kind: string): Promise<readonly KubernetesObject[]> {
		return (await this.admin.list({ apiVersion, kind, namespace: this.namespace })).items;
	}

	/** Pods of a module that are not ending. */
	async podsOf(module: string): Promise<KubernetesObject[]> {
		const labelSelector = `${moduleLabel}=${module.toLowerCase()}`;
		const query = { apiVersion: 'v1', kind: 'Pod', namespace: this.namespace, labelSelector };
		const { items } = await this.admin.list(query);
		return items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
	}

	/** Waits for so many pods of a module that are ready. */
	readyPods(module: string, count = 1): Promise<KubernetesObject[]> {
		return until(
			async () => {
				const pods = await this.podsOf(module);
				return pods.length === count && pods.every(isReady) && pods;
			},
			`${count} ready pods of ${module}`,
			podPatience,
		);
	}

	/** Waits until the one pod of a module has written a line. */
	async writes(module: string, line: string): Promise<void> {
		const [pod] = await this.readyPods(module);
		const query = { namespace: this.namespace, pod: pod?.metadata.name ?? '' };
		const isWritten = async () => {
			for await (const written of this.admin.logs(query)) if (written === line) return true;
			return false;
		};
		await until(isWritten, `"${line}" of ${module}`, podPatience);
	}

	/** Calls a direct method of the agent. */
	async invoke(methodName: string, payload: JsonObject): Promise<JsonObject> {
		const path = `/twins/${deviceId}/modules/%24edgeAgent/methods`;
		const body = { methodName, payload: { schemaVersion: '1.0', ...payload } };
		const request = { method: 'POST', path, body };
		return (await hubRequest(this.emulator, request)).body;
	}

	#reports(): JsonObject {
		const { reported } = this.emulator.twins.get({ deviceId, moduleId: '$edgeAgent' });
		const { modules, systemModules } = reported.values as Record<string, JsonObject | undefined>;
		return { ...systemModules, ...modules };
	}
}

function isReady({ status }: KubernetesObject): boolean {
	const conditions = (status?.['conditions'] ?? []) as JsonObject[];
	return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

/** Restarts of a pod’s containers. */
export function restartsOf({ status }: KubernetesObject | { status?: JsonObject }): number {
	const statuses = (status?.['containerStatuses'] ?? []) as JsonObject[];
	return statuses.reduce((sum, { restartCount }) => sum + Number(restartCount), 0);
}
