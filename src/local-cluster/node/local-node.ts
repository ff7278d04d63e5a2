import { dirname, join } from 'node:path';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { KindCache } from '../controllers/kind-cache.ts';
import { EventRecorder } from '../event-recorder.ts';
import { isPodFinished, type Pod } from '../workloads/pod.ts';
import type { EndpointSlice, Service } from '../workloads/service.ts';
import { AddressPool } from './address-pool.ts';
import type { ContainerLog } from './container-log.ts';
import { exposedPorts } from './exposed-ports.ts';
import { hostAddress, type LocalNodeSettings } from './local-node-settings.ts';
import { NodeRegistration } from './node-registration.ts';
import { claimPodBlock, type PodBlock } from './pod-block.ts';
import { PodFolders } from './pod-folders.ts';
import { PodResumption } from './pod-resumption.ts';
import { PodWorker } from './pod-worker.ts';
import { podWorkerSettings } from './pod-worker-settings.ts';
import { PortExposure } from './port-exposure.ts';
import { copyPreload } from './preload-copy.ts';
import { ProcessReaper } from './process-reaper.ts';
import { ProcessRecord } from './process-record.ts';
import { serviceTable } from './service-table-entries.ts';
import { ServiceTableWriter } from './service-table-writer.ts';
import { inheritedEnvironment } from './settings.ts';

/** Milliseconds between two looks at every pod, for tokens that must be renewed. */
const resyncInterval = 60_000;

/** The node of the local cluster: runs the containers of its pods as processes of this machine. */
export class LocalNode implements Lifecycle {
	readonly #settings: LocalNodeSettings;
	readonly #events: EventRecorder;
	readonly #pods: KindCache<Pod>;
	readonly #services: KindCache<Service>;
	readonly #slices: KindCache<EndpointSlice>;
	readonly #workers = new Map<string, PodWorker>();
	readonly #ending = new Set<Promise<void>>();
	readonly #folders: PodFolders;
	readonly #record: ProcessRecord;
	readonly #reaper: ProcessReaper;
	readonly #registration: NodeRegistration;
	#running: RunningParts | undefined;

	/** The caches of the state must not have been started yet. */
	constructor(settings: LocalNodeSettings) {
		const { state, clock, logger, folder, name } = settings;
		this.#settings = settings;
		const { client } = state;
		this.#events = new EventRecorder({ client, clock, logger, component: 'kubelet', host: name });
		this.#pods = state.cache<Pod>('v1', 'Pod');
		this.#services = state.cache<Service>('v1', 'Service');
		this.#slices = state.cache<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice');
		this.#folders = new PodFolders(join(folder, 'pods'));
		this.#record = new ProcessRecord(join(folder, 'processes'));
		this.#reaper = new ProcessReaper(this.#record);
		const registration = { state, clock, logger, name, address: hostAddress, folder, labels: {} };
		this.#registration = new NodeRegistration(registration);
		this.#watch();
	}

	/** @throws EdgeError EDGE_POD_NETWORK_UNAVAILABLE where pods cannot have addresses. */
	async start(): Promise<void> {
		const { folder, clock, logger } = this.#settings;
		const left = await this.#record.killAll();
		if (left > 0) logger.info('ended processes of an earlier run', { count: left });
		const block = await claimPodBlock();
		try {
			const preload = await copyPreload(join(folder, 'preload'));
			const services = new ServiceTableWriter(
				join(folder, 'services.json'),
				() => this.#serviceTable(block),
				logger,
			);
			await services.update();
			const exposure = this.#portExposure(block);
			const timer = clock.every(resyncInterval, () => this.#syncAll());
			const addresses = new AddressPool(block.prefix);
			const resumption = new PodResumption(this.#pods.list(), clock);
			this.#running = { block, preload, services, exposure, timer, addresses, resumption };
			await this.#registration.start();
			this.#reaper.start();
		} catch (error) {
			await block.release();
			throw error;
		}
		const pods = this.#pods.list();
		await this.#folders.removeOthers(new Set(pods.map((pod) => pod.metadata.uid ?? '')));
		this.#updatePorts();
		this.#inBackground(this.#resume());
	}

	/** Ends all pods within their grace periods; they start again with the next start. */
	async stop(): Promise<void> {
		const running = this.#running;
		this.#running = undefined;
		if (running === undefined) return;
		running.resumption.stop();
		running.timer[Symbol.dispose]();
		await this.#registration.stop();
		await Promise.all([...this.#workers.values()].map((worker) => worker.stop()));
		await Promise.all(this.#ending);
		await this.#reaper.stop();
		await running.exposure.stop();
		await this.#events.flush();
		await running.block.release();
		this.#workers.clear();
	}

	/** What every pod address begins with: `127.70.1.`; empty while the node does not run. */
	get podAddressPrefix(): string {
		return this.#running?.block.prefix ?? '';
	}

	/** The log of a container's run. */
	async findLog(
		uid: string,
		container: string,
		previous: boolean,
	): Promise<ContainerLog | undefined> {
		const runner = this.#workers.get(uid)?.container(container);
		const live = previous ? runner?.previousLog : runner?.log;
		if (live !== undefined) return live;
		const { clock, maxLogBytes } = this.#settings;
		return this.#folders.findLog(uid, container, previous, { clock, maxBytes: maxLogBytes });
	}

	#watch(): void {
		const { state } = this.#settings;
		this.#pods.onChange((current, previous) => {
			this.#onPod(current, previous);
			this.#updatePorts();
		});
		this.#services.onChange(() => this.#onNetwork());
		this.#slices.onChange(() => this.#onNetwork());
		const kinds = ['ConfigMap', 'Secret', 'ServiceAccount', 'PersistentVolumeClaim'] as const;
		for (const kind of kinds) {
			state.cache<KubernetesObject>('v1', kind).onChange((current, previous) => {
				this.#syncAll((current ?? previous)?.metadata.namespace);
			});
		}
		state.cache<KubernetesObject>('v1', 'PersistentVolume').onChange(() => this.#syncAll());
	}

	#onPod(current: Pod | undefined, previous: Pod | undefined): void {
		if (this.#running === undefined) return;
		const uid = current?.metadata.uid;
		const gone = previous?.metadata.uid;
		if (previous !== undefined && gone !== undefined && gone !== uid) this.#forget(previous);
		if (current === undefined || current.spec.nodeName !== this.#settings.name) return;
		const worker = this.#workers.get(uid ?? '');
		if (worker !== undefined) worker.update(current);
		else if (current.metadata.deletionTimestamp !== undefined)
			this.#inBackground(this.#finish(current));
		else if (!isPodFinished(current) && !this.#running.resumption.holds(current)) {
			this.#run(current, this.#running);
		}
	}

	/** Pods whose object has changed while they waited start as they are now. */
	async #resume(): Promise<void> {
		const uidOf = ({ metadata }: Pod) => metadata.uid ?? '';
		await this.#running?.resumption.run(
			(pod) => {
				const current = this.#pods.list().find((one) => uidOf(one) === uidOf(pod));
				if (current !== undefined) this.#onPod(current, undefined);
			},
			(pod) => this.#workers.get(uidOf(pod))?.isComingUp === true,
		);
	}

	#run(pod: Pod, running: RunningParts): void {
		const { addresses, preload, services } = running;
		const address = pod.spec.hostNetwork === true ? hostAddress : addresses.allocate();
		const { metadata } = pod;
		const settings = podWorkerSettings(pod, address, {
			...this.#settings,
			events: this.#events,
			record: this.#record,
			podFolder: this.#folders.of(metadata.uid ?? ''),
			surroundings: {
				preload,
				inherited: withOwnNode(inheritedEnvironment()),
				apiServer: this.#settings.apiServer,
			},
			servicesFile: services.file,
			finish: (ended) => this.#finish(ended),
		});
		const worker = new PodWorker(pod, settings);
		this.#workers.set(metadata.uid ?? '', worker);
		this.#inBackground(worker.start());
	}

	/** The object of a pod is gone: nothing of it may stay. */
	#forget(pod: Pod): void {
		const uid = pod.metadata.uid ?? '';
		const worker = this.#workers.get(uid);
		this.#workers.delete(uid);
		const remove = async () => {
			await worker?.kill();
			if (worker !== undefined) this.#running?.addresses.release(worker.address);
			await this.#folders.remove(uid);
		};
		this.#inBackground(remove());
	}

	async #finish(pod: Pod): Promise<void> {
		await this.#settings.state.delete(pod, { gracePeriodSeconds: 0 });
	}

	#inBackground(work: Promise<void>): void {
		const { logger } = this.#settings;
		const watched = work
			.catch((error: unknown) => logger.warn('work on a pod failed', { error: messageOf(error) }))
			.finally(() => this.#ending.delete(watched));
		this.#ending.add(watched);
	}

	#syncAll(namespace?: string): void {
		for (const worker of this.#workers.values()) {
			if (namespace === undefined || worker.pod.metadata.namespace === namespace) worker.sync();
		}
	}

	#onNetwork(): void {
		if (this.#running === undefined) return;
		this.#inBackground(this.#running.services.update());
		this.#updatePorts();
	}

	#updatePorts(): void {
		if (this.#running === undefined) return;
		const mine = this.#pods.list().filter((pod) => pod.spec.nodeName === this.#settings.name);
		const wanted = exposedPorts(this.#services.list(), this.#slices.list(), mine);
		this.#inBackground(this.#running.exposure.update(wanted));
	}

	#serviceTable(block: PodBlock) {
		return serviceTable({
			block: block.prefix,
			hostPorts: [this.#settings.apiServer.port],
			services: this.#services.list(),
			slices: this.#slices.list(),
		});
	}

	#portExposure(block: PodBlock): PortExposure {
		const { clock, logger, state } = this.#settings;
		return new PortExposure({
			clock,
			logger,
			events: this.#events,
			block: block.prefix,
			report: async (service, open) => {
				if (service.spec.type !== 'LoadBalancer') return;
				const ports = open.map(({ port, protocol }) => ({ port, protocol }));
				const ingress = [{ ip: hostAddress, ports }];
				await state.patch(service, { status: { loadBalancer: { ingress } } }, 'status');
				const local = open.map(({ named, port }) => `${named}=${hostAddress}:${port}`).join(' ');
				const annotations = { [localPortsAnnotation]: local };
				await state.patch(service, { metadata: { annotations } });
			},
		});
	}
}

/** Where the ports of a LoadBalancer Service are on this machine: `443=127.0.0.1:30443`. */
export const localPortsAnnotation = 'local-cluster/ports';

/** What a node has while it runs. */
interface RunningParts {
	readonly block: PodBlock;
	readonly preload: URL;
	readonly services: ServiceTableWriter;
	readonly exposure: PortExposure;
	readonly timer: Timer;
	readonly addresses: AddressPool;
	readonly resumption: PodResumption;
}

/** `node` in scripts of modules is the Node that runs the cluster. */
function withOwnNode(env: Record<string, string>): Record<string, string> {
	return { ...env, PATH: `${dirname(process.execPath)}:${env['PATH'] ?? ''}` };
}
