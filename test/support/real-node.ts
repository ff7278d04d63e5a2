import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { version } from '../../src/cli/version.ts';
import { connect } from '../../src/cluster/http-cluster-client.ts';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import type { ClusterKeys } from './cluster-keys.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import { kubernetesPrograms, type Programs } from './kubernetes-programs.ts';
import { ProcessGroup } from './process-group.ts';
import { RealCluster } from './real-cluster.ts';
import { until } from './until.ts';

const run = promisify(execFile);
const nodeName = 'edge-node';
const podBlock = '10.244.0.0/24';
const socket = '/run/containerd/containerd.sock';
const patience = 120_000;
/** Of `src/modules`. */
const sampleImage = 'iotedge-k8s/temperature-filter:1.0';
/** Claims that the node has room for. */
const localVolumes = 40;

const programNames = [
	'etcd',
	'kube-apiserver',
	'kubectl',
	'kube-controller-manager',
	'kube-scheduler',
	'kubelet',
	'kube-proxy',
	'coredns',
] as const;

/** The machine that `tools/kubernetes/machine.sh` gives, by its environment. */
export interface Machine {
	/** An empty folder on a disk. */
	readonly folder: string;
	/** An address that this process and pods share; nothing outside reaches it. */
	readonly address: string;
	/** Control group for pods. */
	readonly cgroup: string;
	/** Archive of images. */
	readonly images: string;
}

/** @throws Error outside a machine of its own. */
export function thisMachine(): Machine {
	const read = (name: string) => {
		const value = process.env[name];
		if (value === undefined)
			throw new Error(`There is no ${name}: start this by npm run test:pods.`);
		return value;
	};
	return {
		folder: read('NODE_FOLDER'),
		address: read('NODE_ADDRESS'),
		cgroup: read('NODE_CGROUP'),
		images: read('NODE_IMAGES'),
	};
}

/**
 * A whole Kubernetes on one machine: API server, controllers, scheduler, kubelet with containerd,
 * kube-proxy, CoreDNS. Pods have addresses of their own and reach this process at the machine's.
 */
export class RealNode implements ClusterUnderTest {
	/** A name of this machine that pods resolve. */
	readonly hostName = 'iothub.edge.test';
	readonly cluster: RealCluster;
	readonly hasControllers = true;
	readonly #machine: Machine;
	readonly #programs: Programs<(typeof programNames)[number]>;
	readonly #processes: ProcessGroup;
	#hasImages = false;

	private constructor(
		machine: Machine,
		programs: Programs<(typeof programNames)[number]>,
		cluster: RealCluster,
	) {
		this.#machine = machine;
		this.#programs = programs;
		this.#processes = new ProcessGroup(machine.folder);
		this.cluster = cluster;
	}

	static async start(machine = thisMachine()): Promise<RealNode> {
		const programs = await kubernetesPrograms(...programNames);
		await mkdir(machine.folder, { recursive: true });
		const cluster = await RealCluster.start(programs, {
			address: machine.address,
			hasControllers: true,
			serverOptions: (keys) => kubeletClient(keys),
		});
		const node = new RealNode(machine, programs, cluster);
		try {
			await node.#prepare();
			await node.#startAll();
			await node.#addVolumes();
		} catch (error) {
			await node[Symbol.asyncDispose]();
			throw error;
		}
		return node;
	}

	get config() {
		return this.cluster.config;
	}

	get pods() {
		return { nodeImage: sampleImage, address: this.#machine.address };
	}

	get refusedRequests() {
		return this.cluster.refusedRequests;
	}

	get restart() {
		return this.cluster.restart;
	}

	get compact() {
		return this.cluster.compact;
	}

	/** Kills the kubelet and starts it; containers run on. */
	async restartKubelet(): Promise<void> {
		await this.#processes.kill('kubelet');
		this.#startKubelet();
		await this.#untilNodeIsReady();
	}

	/**
	 * What a power cut leaves: everything that runs is killed, `/run` is empty, disks are as they are.
	 * Then everything starts.
	 */
	async reboot(): Promise<void> {
		await this.#processes[Symbol.asyncDispose]();
		await this.cluster.halt();
		await killContainers(this.#machine.cgroup);
		await unmountBelow(this.#machine.folder);
		await unmountBelow('/run/');
		await run('umount', ['--lazy', '/run']);
		await run('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
		await this.cluster.resume();
		await this.#startAll();
	}

	/** Gives the program’s image another tag, as a registry has it of another version. */
	async tagRuntime(tag: string): Promise<void> {
		const reference = (wanted: string) => `docker.io/library/iotedge-k8s:${wanted}`;
		await run('ctr', [
			...['--address', socket, '--namespace', 'k8s.io', 'images', 'tag', '--force'],
			...[reference(version), reference(tag)],
		]);
	}

	/** Kills the processes of a pod’s containers, as the kernel does when memory is short. */
	async killProcesses({ metadata }: KubernetesObject): Promise<void> {
		const processes = await processesOf((groups) => groups.includes(`pod${metadata.uid}`));
		for (const { pid, program } of processes) {
			if (program !== 'pause') process.kill(pid, 'SIGKILL');
		}
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#processes[Symbol.asyncDispose]();
		await killContainers(this.#machine.cgroup);
		await this.cluster[Symbol.asyncDispose]();
		await unmountBelow(this.#machine.folder);
	}

	#path(name: string): string {
		return join(this.#machine.folder, name);
	}

	async #prepare(): Promise<void> {
		await mkdir(this.#path('cni'), { recursive: true });
		await writeFile(this.#path('cni/pods.conflist'), JSON.stringify(podNetwork));
		await writeFile(this.#path('containerd.toml'), containerdConfiguration(this.#machine));
		await writeFile(this.#path('resolv.conf'), '');
		const { keys } = this.cluster;
		await writeFile(this.#path('kubelet.yaml'), kubeletConfiguration(this.#machine, keys));
		await writeFile(this.#path('Corefile'), corefile(this.#machine, this.hostName, keys));
		await keys.writeKubeconfig('kubelet.conf', {
			name: `system:node:${nodeName}`,
			group: 'system:nodes',
		});
		for (const component of ['kube-controller-manager', 'kube-scheduler', 'kube-proxy']) {
			await keys.writeKubeconfig(`${component}.conf`, { name: `system:${component}` });
		}
	}

	async #startAll(): Promise<void> {
		this.#startControllers();
		this.#processes.start('containerd', 'containerd', [
			`--config=${this.#path('containerd.toml')}`,
		]);
		const ctr = ['--address', socket, '--namespace', 'k8s.io'];
		await this.#processes.untilReady('containerd', async () => {
			await run('ctr', [...ctr, 'version']);
			return true;
		});
		// After a power cut they are on the disk.
		if (!this.#hasImages) await run('ctr', [...ctr, 'images', 'import', this.#machine.images]);
		this.#hasImages = true;
		this.#processes.start('coredns', this.#programs.coredns, [`-conf=${this.#path('Corefile')}`]);
		await this.#processes.untilReady('coredns', async () => {
			return (await fetch('http://127.0.0.1:8181/ready')).ok;
		});
		this.#startProxy();
		this.#startKubelet();
		await this.#untilNodeIsReady();
	}

	#startControllers(): void {
		const { keys } = this.cluster;
		this.#processes.start('kube-controller-manager', this.#programs['kube-controller-manager'], [
			`--kubeconfig=${keys.path('kube-controller-manager.conf')}`,
			'--bind-address=127.0.0.1',
			'--leader-elect=false',
			'--use-service-account-credentials=true',
			`--service-account-private-key-file=${keys.path('accounts.key')}`,
			`--root-ca-file=${keys.path('ca.pem')}`,
		]);
		this.#processes.start('kube-scheduler', this.#programs['kube-scheduler'], [
			`--kubeconfig=${keys.path('kube-scheduler.conf')}`,
			'--bind-address=127.0.0.1',
			'--leader-elect=false',
		]);
	}

	#startProxy(): void {
		this.#processes.start('kube-proxy', this.#programs['kube-proxy'], [
			`--kubeconfig=${this.cluster.keys.path('kube-proxy.conf')}`,
			`--hostname-override=${nodeName}`,
			`--cluster-cidr=${podBlock}`,
			'--proxy-mode=iptables',
			// The machine’s limits are not its own to set.
			'--conntrack-max-per-core=0',
			'--conntrack-tcp-timeout-established=0s',
			'--conntrack-tcp-timeout-close-wait=0s',
			'--oom-score-adj=0',
		]);
	}

	#startKubelet(): void {
		this.#processes.start('kubelet', this.#programs.kubelet, [
			`--config=${this.#path('kubelet.yaml')}`,
			`--kubeconfig=${this.cluster.keys.path('kubelet.conf')}`,
			`--root-dir=${this.#path('kubelet')}`,
			`--hostname-override=${nodeName}`,
			`--node-ip=${this.#machine.address}`,
		]);
	}

	async #untilNodeIsReady(): Promise<void> {
		const client = connect(this.config);
		const since = Date.now() - 1000;
		try {
			await until(
				async () => {
					const node = await client.get({ apiVersion: 'v1', kind: 'Node', name: nodeName });
					return isReady(node, since);
				},
				'a node that is ready',
				patience,
			);
		} catch (error) {
			throw new Error(`${error}\n${await this.#processes.logTail('kubelet')}`);
		} finally {
			client.close();
		}
	}

	/** Disks of the node for claims, of the default class, which binds when a pod comes. */
	async #addVolumes(): Promise<void> {
		const client = connect(this.config);
		const options = { fieldManager: 'tests' };
		await client.apply(storageClass, options);
		for (let index = 0; index < localVolumes; index += 1) {
			const path = this.#path(`volumes/${index}`);
			await mkdir(path, { recursive: true });
			await client.apply(localVolume(index, path), options);
		}
		client.close();
	}
}

const className = 'node-local';

const storageClass: KubernetesObject = {
	apiVersion: 'storage.k8s.io/v1',
	kind: 'StorageClass',
	metadata: {
		name: className,
		annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
	},
	...{ provisioner: 'kubernetes.io/no-provisioner', volumeBindingMode: 'WaitForFirstConsumer' },
};

function localVolume(index: number, path: string): KubernetesObject {
	const values = [nodeName];
	const matchExpressions = [{ key: 'kubernetes.io/hostname', operator: 'In', values }];
	return {
		apiVersion: 'v1',
		kind: 'PersistentVolume',
		metadata: { name: `local-${index}` },
		spec: {
			capacity: { storage: '10Gi' },
			accessModes: ['ReadWriteOnce'],
			persistentVolumeReclaimPolicy: 'Retain',
			storageClassName: className,
			local: { path },
			nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
		},
	};
}

/** Each pod by a pair of interfaces and a route: no bridge, whose packets a firewall might not see. */
const podNetwork = {
	cniVersion: '0.4.0',
	name: 'pods',
	plugins: [
		{
			type: 'ptp',
			ipMasq: false,
			ipam: {
				type: 'host-local',
				dataDir: '/run/pod-addresses',
				ranges: [[{ subnet: podBlock }]],
				routes: [{ dst: '0.0.0.0/0' }],
			},
		},
		{ type: 'portmap', capabilities: { portMappings: true } },
	],
};

function containerdConfiguration({ folder }: Machine): string {
	return `version = 2
root = "${folder}/containerd"
state = "/run/containerd"
[grpc]
address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "docker.io/iotedge-k8s/pause:1"
# A machine that may not lower the score of a process.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${folder}/cni"
`;
}

function kubeletConfiguration({ address, cgroup, folder }: Machine, keys: ClusterKeys): string {
	return stringify({
		apiVersion: 'kubelet.config.k8s.io/v1beta1',
		kind: 'KubeletConfiguration',
		address,
		authentication: {
			anonymous: { enabled: false },
			webhook: { enabled: true },
			x509: { clientCAFile: keys.path('ca.pem') },
		},
		authorization: { mode: 'Webhook' },
		containerRuntimeEndpoint: `unix://${socket}`,
		cgroupDriver: 'cgroupfs',
		cgroupRoot: cgroup,
		failCgroupV1: false,
		failSwapOn: false,
		clusterDNS: [address],
		clusterDomain: 'cluster.local',
		resolvConf: join(folder, 'resolv.conf'),
		// A machine whose disk is nearly full runs tests, too.
		evictionHard: {
			'memory.available': '0%',
			'nodefs.available': '0%',
			'nodefs.inodesFree': '0%',
			'imagefs.available': '0%',
		},
		imageGCHighThresholdPercent: 100,
		localStorageCapacityIsolation: false,
		oomScoreAdj: 0,
		// As kubelets of edge devices are told, where a module that fails should come back soon.
		crashLoopBackOff: { maxContainerRestartPeriod: '5s' },
	});
}

function corefile({ address }: Machine, hostName: string, keys: ClusterKeys): string {
	return `.:53 {
	bind ${address}
	ready 127.0.0.1:8181
	errors
	hosts {
		${address} ${hostName}
		fallthrough
	}
	kubernetes cluster.local {
		kubeconfig ${keys.path('kubeconfig')}
	}
}
`;
}

/** How the API server asks the kubelet for logs. */
async function kubeletClient(keys: ClusterKeys): Promise<string[]> {
	await keys.writeClient('kubelet-client', { name: 'kube-apiserver', group: 'system:masters' });
	return [
		`--kubelet-client-certificate=${keys.path('kubelet-client.pem')}`,
		`--kubelet-client-key=${keys.path('kubelet-client.key')}`,
		'--kubelet-preferred-address-types=InternalIP',
	];
}

/** @param since Unix milliseconds; what was said before does not count. */
function isReady(node: KubernetesObject | undefined, since: number): boolean {
	const conditions = (node?.status?.['conditions'] ?? []) as JsonObject[];
	return conditions.some(({ type, status, lastHeartbeatTime }) => {
		const isNew = Date.parse(String(lastHeartbeatTime)) >= since - 1000;
		return type === 'Ready' && status === 'True' && isNew;
	});
}

/** Processes of which the names of their control groups fulfil a condition. */
async function processesOf(
	isWanted: (groups: string) => boolean,
): Promise<{ readonly pid: number; readonly program: string }[]> {
	const found: { pid: number; program: string }[] = [];
	for (const name of await readdir('/proc')) {
		if (!/^\d+$/.test(name)) continue;
		// A process may end while it is looked at.
		const groups = await readFile(`/proc/${name}/cgroup`, 'utf8').catch(() => '');
		if (!isWanted(groups)) continue;
		const program = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '');
		found.push({ pid: Number(name), program: program.trim() });
	}
	return found;
}

async function killContainers(cgroup: string): Promise<void> {
	await until(async () => {
		const contained = await processesOf((groups) => groups.includes(`${cgroup}/`));
		const shims = await processesOf(() => true);
		const left = [
			...contained,
			...shims.filter(({ program }) => program.startsWith('containerd-shim')),
		];
		for (const { pid } of left) {
			try {
				process.kill(pid, 'SIGKILL');
			} catch {
				// It has ended.
			}
		}
		return left.length === 0;
	}, 'the end of all containers');
}

/** Unmounts what is mounted below a folder, the innermost first. */
async function unmountBelow(folder: string): Promise<void> {
	const text = await readFile('/proc/self/mountinfo', 'utf8');
	const points = text.split('\n').map((line) => line.split(' ')[4] ?? '');
	const below = points.filter((point) => point.startsWith(folder) && point !== folder);
	for (const point of below.reverse()) {
		await run('umount', ['--lazy', point.replaceAll('\\040', ' ')]).catch(() => {});
	}
}
