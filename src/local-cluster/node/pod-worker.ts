import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Timer } from '../../runtime/clock.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { EventRecorder } from '../event-recorder.ts';
import { timestamp } from '../event-recorder.ts';
import { type Container, isPodFinished, type Pod, type PodStatus } from '../workloads/pod.ts';
import { MissingReference } from './container-environment.ts';
import type { ContainerLogSettings } from './container-log.ts';
import { type PreparationSources, prepareContainer } from './container-preparation.ts';
import type { ContainerRunner, RunnerSettings } from './container-runner.ts';
import type { CrashBackoffSettings } from './crash-backoff.ts';
import { podConditions } from './pod-conditions.ts';
import { PodContainers } from './pod-containers.ts';
import { type PodView, podPhase, qosClass } from './pod-phase.ts';
import { PodVolumes, type PodVolumesSettings } from './pod-volumes.ts';
import type { ProcessRecord } from './process-record.ts';
import { withServiceAccountVolume } from './service-account-volume.ts';

/** What a worker needs from its node. */
export interface PodWorkerSettings {
	readonly clock: Clock;
	readonly logger: Logger;
	readonly events: EventRecorder;
	readonly record: ProcessRecord;
	/** The folder for everything of this pod. */
	readonly folder: string;
	readonly servicesFile: string;
	/** Beside whose `node_modules` packages are looked for that modules lack. */
	readonly importBase: string;
	readonly hostAddress: string;
	/** The pod's own address; the machine's for a pod with `hostNetwork`. */
	readonly address: string;
	readonly log: ContainerLogSettings;
	readonly crashBackoff: CrashBackoffSettings;
	readonly imageBackoff: CrashBackoffSettings;
	readonly sources: PreparationSources;
	readonly volumes: Omit<PodVolumesSettings, 'folder'>;
	/** Writes the status; resolves with the pod as stored. */
	readonly report: (pod: Pod, status: PodStatus) => Promise<Pod>;
	/** Removes the object of a pod that has been ended. */
	readonly finish: (pod: Pod) => Promise<void>;
}

/** Milliseconds between two tries to mount volumes; a change of what is missing comes sooner. */
const mountInterval = 2000;
/** Milliseconds between two tries to write a status. */
const reportInterval = 500;
const defaultGraceSeconds = 30;

/**
 * Runs one pod: brings its containers to what the spec says whenever something has changed, and
 * reports what they are.
 */
export class PodWorker {
	readonly #settings: PodWorkerSettings;
	readonly #volumes: PodVolumes;
	readonly #containers: PodContainers;
	readonly #abort = new AbortController();
	/** The pod as the server last told it. */
	#pod: Pod;
	/** The same with what the node adds to it. */
	#spec: Pod;
	#syncing: Promise<void> | undefined;
	#dirty = false;
	/** Whether its containers were started, or could not be. */
	#tried = false;
	#timer: Timer | undefined;
	#written: PodStatus | undefined;
	#ended: { reason?: string; message?: string } | undefined;
	#stopping: Promise<void> | undefined;
	#startTime: string;

	constructor(pod: Pod, settings: PodWorkerSettings) {
		this.#settings = settings;
		this.#pod = pod;
		this.#spec = this.#withAddresses(pod);
		this.#startTime = pod.status?.startTime ?? timestamp(settings.clock.now());
		this.#volumes = new PodVolumes({ ...settings.volumes, folder: settings.folder });
		this.#containers = new PodContainers(this.#spec, this.#runnerSettings());
	}

	get pod(): Pod {
		return this.#pod;
	}

	get address(): string {
		return this.#settings.address;
	}

	/** Whether a container of it may become ready that is not yet. */
	get isComingUp(): boolean {
		if (this.#stopping !== undefined) return false;
		const { init, main } = this.#view();
		const isOnItsWay = [...init, ...main].some(({ state, ready }) => state.running && !ready);
		return !this.#tried || isOnItsWay;
	}

	/** The container of a name. */
	container(name: string): ContainerRunner | undefined {
		return this.#containers.find(name);
	}

	/** Takes over what a former life of the node left in the status, and begins. */
	async start(): Promise<void> {
		const { folder, servicesFile, importBase, address } = this.#settings;
		const { status, metadata, spec } = this.#pod;
		if (status !== undefined) await this.#containers.restore(status);
		await mkdir(folder, { recursive: true });
		const network = {
			namespace: metadata.namespace ?? '',
			address,
			hostName: spec.hostname ?? metadata.name,
			hostNetwork: spec.hostNetwork === true,
			servicesFile,
			importBase,
		};
		await writeFile(this.#networkFile, JSON.stringify(network));
		this.#watchDeadline();
		this.sync();
	}

	/** Takes a newer state of the pod's object. */
	update(pod: Pod): void {
		this.#pod = pod;
		this.#spec = this.#withAddresses(pod);
		if (pod.metadata.deletionTimestamp !== undefined) {
			this.#terminate().catch((error: unknown) => this.#warn('cannot end pod', error));
		} else {
			this.sync();
		}
	}

	/** Looks at the pod now, or again when that is under way. */
	sync(): void {
		if (this.#stopping !== undefined) return;
		this.#dirty = true;
		this.#syncing ??= this.#syncWhileDirty();
	}

	/** Ends all containers but leaves the pod's object: it starts again with the node. */
	async stop(): Promise<void> {
		await this.#end(this.#graceMs());
	}

	/** Ends all containers at once: the object is gone already. */
	async kill(): Promise<void> {
		this.#containers.kill();
		await this.#end(0);
		await rm(this.#settings.folder, { recursive: true, force: true });
	}

	/** A start that is under way must have happened before everything is ended. */
	async #end(graceMs: number): Promise<void> {
		if (this.#stopping === undefined) {
			this.#abort.abort();
			this.#timer?.[Symbol.dispose]();
			const { clock } = this.#settings;
			const syncing = this.#syncing ?? Promise.resolve();
			this.#stopping = syncing
				.then(() => this.#containers.stop(graceMs, clock))
				.then(() => this.#volumes.clearMemory());
		}
		await this.#stopping;
	}

	async #syncWhileDirty(): Promise<void> {
		while (this.#dirty && this.#stopping === undefined) {
			this.#dirty = false;
			try {
				const again = await this.#syncOnce();
				this.#tried = true;
				if (again !== undefined) this.#syncIn(again);
				await this.#report();
			} catch (error) {
				this.#warn('cannot synchronise pod', error);
				this.#syncIn(reportInterval);
			}
		}
		this.#syncing = undefined;
	}

	#syncIn(ms: number): void {
		this.#timer?.[Symbol.dispose]();
		this.#timer = this.#settings.clock.after(ms, () => this.sync());
	}

	/** @returns milliseconds after which to look again. */
	async #syncOnce(): Promise<number | undefined> {
		if (this.#isOver()) {
			// Sidecars, and everything when a deadline is the end.
			await this.#containers.stop(this.#graceMs(), this.#settings.clock);
			return undefined;
		}
		return (await this.#mount()) ? this.#containers.advance() : mountInterval;
	}

	/** Brings the files of volumes up to date, and tells why a pod cannot have them. */
	async #mount(): Promise<boolean> {
		try {
			await this.#volumes.prepare(this.#spec);
			return true;
		} catch (error) {
			const failure = `MountVolume.SetUp failed: ${messageOf(error)}`;
			if (!(error instanceof MissingReference)) this.#warn('cannot mount volumes', error);
			// Running containers keep the files that they have.
			if (this.#containers.isRunning) return true;
			this.#settings.events.record(this.#pod, 'Warning', 'FailedMount', failure);
			return false;
		}
	}

	/** Whether the pod has come to its end by itself or by its deadline. */
	#isOver(): boolean {
		if (this.#ended !== undefined || isPodFinished(this.#pod)) return true;
		const phase = podPhase(this.#view());
		return phase === 'Succeeded' || phase === 'Failed';
	}

	#watchDeadline(): void {
		const { activeDeadlineSeconds } = this.#spec.spec;
		if (activeDeadlineSeconds === undefined) return;
		const { clock } = this.#settings;
		const end = Date.parse(this.#startTime) + activeDeadlineSeconds * 1000;
		const late = async () => {
			await clock.sleep(Math.max(0, end - clock.now()), this.#abort.signal);
			const message = 'Pod was active on the node longer than the specified deadline';
			this.#ended = { reason: 'DeadlineExceeded', message };
			this.sync();
		};
		late().catch(() => {});
	}

	async #terminate(): Promise<void> {
		if (this.#stopping !== undefined) return;
		const grace = this.#pod.metadata['deletionGracePeriodSeconds' as keyof Pod['metadata']];
		await this.#end(typeof grace === 'number' ? grace * 1000 : this.#graceMs());
		await this.#report().catch((error: unknown) => this.#warn('cannot report pod', error));
		await rm(this.#settings.folder, { recursive: true, force: true });
		await this.#settings.finish(this.#pod);
	}

	async #report(): Promise<void> {
		const status = this.#status();
		if (isDeepStrictEqual(status, this.#written)) return;
		const stored = await this.#settings.report(this.#pod, status);
		this.#written = status;
		const known = Number(this.#pod.metadata.resourceVersion ?? 0);
		if (Number(stored.metadata.resourceVersion ?? 0) >= known) this.#pod = stored;
	}

	#status(): PodStatus {
		const { address, hostAddress, clock } = this.#settings;
		const view = this.#view();
		const phase = podPhase(view);
		const { init, main } = view;
		return {
			phase,
			...(this.#ended ?? {}),
			conditions: podConditions(view, phase, timestamp(clock.now())),
			hostIP: hostAddress,
			hostIPs: [{ ip: hostAddress }],
			podIP: address,
			podIPs: [{ ip: address }],
			startTime: this.#startTime,
			qosClass: qosClass(this.#pod),
			...(init.length === 0 ? {} : { initContainerStatuses: [...init] }),
			containerStatuses: [...main],
		};
	}

	#view(): PodView {
		const view = this.#containers.view(this.#pod);
		return this.#ended === undefined ? view : { ...view, ended: this.#ended };
	}

	#runnerSettings(): RunnerSettings {
		const { clock, record, folder, log, crashBackoff, imageBackoff, events } = this.#settings;
		const { name, namespace, uid } = this.#pod.metadata;
		return {
			clock,
			record,
			folder,
			podText: `${name}_${namespace}(${uid})`,
			log,
			crashBackoff,
			imageBackoff,
			graceMs: this.#graceMs(),
			prepare: (container) => this.#prepare(container),
			event: (type, reason, message, container) => {
				events.record(this.#pod, type, reason, message, this.#fieldPath(container));
			},
			onChange: () => this.sync(),
		};
	}

	async #prepare(container: Container) {
		const { folder, address, sources, events } = this.#settings;
		const prepared = await prepareContainer(
			container,
			{
				pod: this.#spec,
				folder,
				networkFile: this.#networkFile,
				address,
				volumes: this.#volumes,
			},
			sources,
		);
		const always = container.imagePullPolicy === 'Always';
		const message = always
			? `Successfully pulled image "${container.image}"`
			: `Container image "${container.image}" already present on machine`;
		events.record(this.#pod, 'Normal', 'Pulled', message, this.#fieldPath(container));
		return prepared;
	}

	#fieldPath({ name }: Container): string {
		const isInit = this.#pod.spec.initContainers?.some((container) => container.name === name);
		return `spec.${isInit ? 'initContainers' : 'containers'}{${name}}`;
	}

	get #networkFile(): string {
		return join(this.#settings.folder, 'network.json');
	}

	#graceMs(): number {
		return (this.#pod.spec.terminationGracePeriodSeconds ?? defaultGraceSeconds) * 1000;
	}

	/** Fields that the container may refer to before the status is stored. */
	#withAddresses(pod: Pod): Pod {
		const { address, hostAddress } = this.#settings;
		const status = { ...pod.status, podIP: address, hostIP: hostAddress };
		return withServiceAccountVolume({ ...pod, status });
	}

	#warn(text: string, error: unknown): void {
		const { namespace, name } = this.#pod.metadata;
		this.#settings.logger.warn(text, { pod: `${namespace}/${name}`, error: messageOf(error) });
	}
}
