import { statfs } from 'node:fs/promises';
import { arch, cpus, release, totalmem, type } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { Logger } from '../../runtime/logger.ts';
import { kubernetesVersion } from '../api-server/server/discovery.ts';
import type { ClusterState } from '../controllers/cluster-state.ts';
import { type KindCache, statusOf } from '../controllers/kind-cache.ts';
import { timestamp } from '../event-recorder.ts';

/** The node as it registers itself. */
export interface NodeRegistrationSettings {
	readonly state: ClusterState;
	readonly clock: Clock;
	readonly logger: Logger;
	readonly name: string;
	readonly address: string;
	/** The folder whose file system is the node's storage. */
	readonly folder: string;
	readonly labels: Readonly<Record<string, string>>;
}

const leaseNamespace = 'kube-node-lease';
const leaseSeconds = 40;
const heartbeatInterval = 10_000;
const maxPods = 110;

/** Keeps the Node object and its heartbeat, a Lease, up to date. */
export class NodeRegistration implements Lifecycle {
	readonly #settings: NodeRegistrationSettings;
	readonly #nodes: KindCache<KubernetesObject>;
	#timer: Timer | undefined;

	constructor(settings: NodeRegistrationSettings) {
		this.#settings = settings;
		this.#nodes = settings.state.cache('v1', 'Node');
	}

	async start(): Promise<void> {
		await this.#register();
		await this.#beat();
		this.#timer = this.#settings.clock.every(heartbeatInterval, () => {
			this.#beat().catch((error: unknown) => {
				this.#settings.logger.debug('no heartbeat', { error: messageOf(error) });
			});
		});
	}

	async stop(): Promise<void> {
		this.#timer?.[Symbol.dispose]();
	}

	async #register(): Promise<void> {
		const { state, name, labels, clock, address } = this.#settings;
		const node: KubernetesObject = {
			apiVersion: 'v1',
			kind: 'Node',
			metadata: { name, labels: { ...nodeLabels(name), ...labels } },
			spec: { providerID: `local://${name}` },
		};
		const reference = { apiVersion: 'v1', kind: 'Node', name };
		const existing = await state.client.get(reference);
		const stored = existing ?? (await state.create(node));
		const status = {
			capacity: await capacity(this.#settings.folder),
			allocatable: await capacity(this.#settings.folder),
			addresses: [
				{ type: 'InternalIP', address },
				{ type: 'Hostname', address: name },
			],
			conditions: nodeConditions(timestamp(clock.now())),
			nodeInfo: nodeInfo(),
			daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
		};
		if (!isDeepStrictEqual(stored.metadata.labels, node.metadata.labels)) {
			await state.patch(stored, { metadata: { labels: { ...node.metadata.labels } } });
		}
		await state.patch(stored, { status }, 'status');
	}

	async #beat(): Promise<void> {
		const { state, name, clock } = this.#settings;
		// Somebody may have deleted the Node object; the node is still here.
		if (this.#nodes.get(`/${name}`) === undefined) await this.#register();
		const renewTime = new Date(clock.now()).toISOString().replace('Z', '000Z');
		const lease = {
			apiVersion: 'coordination.k8s.io/v1',
			kind: 'Lease',
			metadata: { name, namespace: leaseNamespace },
			spec: { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime },
		};
		try {
			await state.patch(lease, { spec: { renewTime } });
		} catch (error) {
			if (statusOf(error) !== 404) throw error;
			await this.#makeLease(lease);
		}
	}

	async #makeLease(lease: KubernetesObject): Promise<void> {
		const { state } = this.#settings;
		const namespace = { apiVersion: 'v1', kind: 'Namespace', name: leaseNamespace };
		if ((await state.client.get(namespace)) === undefined) {
			const metadata = { name: leaseNamespace };
			await state.create({ apiVersion: 'v1', kind: 'Namespace', metadata });
		}
		await state.create(lease);
	}
}

/** What the node can give to pods: this machine. */
export async function capacity(folder: string): Promise<Record<string, string>> {
	const { bsize, blocks } = await statfs(folder);
	return {
		cpu: String(Math.max(1, cpus().length)),
		memory: `${Math.floor(totalmem() / 1024)}Ki`,
		'ephemeral-storage': `${Math.floor((bsize * blocks) / 1024)}Ki`,
		pods: String(maxPods),
	};
}

function nodeLabels(name: string): Record<string, string> {
	const architecture = arch() === 'x64' ? 'amd64' : arch();
	const system = type().toLowerCase();
	return {
		'kubernetes.io/hostname': name,
		'kubernetes.io/os': system,
		'kubernetes.io/arch': architecture,
		'node-role.kubernetes.io/control-plane': '',
	};
}

function nodeConditions(time: string) {
	const condition = (kind: string, holds: boolean, reason: string, message: string) => ({
		type: kind,
		status: holds ? 'True' : 'False',
		reason,
		message,
		lastHeartbeatTime: time,
		lastTransitionTime: time,
	});
	const ready = 'the local node runs pods as processes';
	return [
		condition('MemoryPressure', false, 'NotMeasured', 'memory is not measured'),
		condition('DiskPressure', false, 'NotMeasured', 'storage is not measured'),
		condition('PIDPressure', false, 'NotMeasured', 'processes are not counted'),
		condition('Ready', true, 'KubeletReady', ready),
	];
}

function nodeInfo() {
	return {
		architecture: arch() === 'x64' ? 'amd64' : arch(),
		operatingSystem: type().toLowerCase(),
		osImage: type(),
		kernelVersion: release(),
		containerRuntimeVersion: `process://${process.versions.node}`,
		kubeletVersion: kubernetesVersion.gitVersion,
		kubeProxyVersion: '',
		machineID: '',
		systemUUID: '',
		bootID: '',
	};
}
