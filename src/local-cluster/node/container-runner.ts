import { join } from 'node:path';
import { messageOf } from '../../runtime/edge-error.ts';
import { timestamp } from '../event-recorder.ts';
import type {
	Container,
	ContainerState,
	ContainerStatus,
	RestartPolicy,
	TerminatedState,
} from '../workloads/pod.ts';
import { MissingReference } from './container-environment.ts';
import { ContainerLog, type ContainerLogSettings, removeLog } from './container-log.ts';
import { ContainerProcess, type Launch, type ProcessEnd } from './container-process.ts';
import { CrashBackoff, type CrashBackoffSettings } from './crash-backoff.ts';
import { ImageMissing, ImagePull, type ImagePullSettings } from './image-pull.ts';
import type { FoundImage } from './image-store.ts';
import { type ActionTarget, runAction } from './probe-action.ts';
import { Prober } from './prober.ts';
import type { ProcessRecord } from './process-record.ts';
import { terminationMessage } from './termination-message.ts';

/** A container that can be started. */
export interface Preparation {
	readonly image: FoundImage;
	readonly launch: Launch;
	readonly target: ActionTarget;
	/** The file into which the program may write why it ends. */
	readonly terminationFile: string;
}

/** What the containers of a pod share. */
export interface RunnerSettings extends ImagePullSettings {
	readonly record: ProcessRecord;
	/** The folder of the pod. */
	readonly folder: string;
	/** `name_namespace(uid)`, for messages. */
	readonly podText: string;
	readonly log: ContainerLogSettings;
	readonly crashBackoff: CrashBackoffSettings;
	readonly graceMs: number;
	/** @throws ImageMissing, MissingReference */
	readonly prepare: (container: Container, restartCount: number) => Promise<Preparation>;
	/** Called after every change of the status. */
	readonly onChange: () => void;
}

/** Milliseconds between two looks at a configuration that is missing. */
const configurationInterval = 5000;
/** One container of a pod over all its runs. */
export class ContainerRunner {
	readonly container: Container;
	/** `undefined` until the first start. */
	log: ContainerLog | undefined;
	previousLog: ContainerLog | undefined;
	readonly #settings: RunnerSettings;
	readonly #crash: CrashBackoff;
	readonly #pull: ImagePull;
	#state: ContainerState = { waiting: { reason: 'ContainerCreating' } };
	#lastState: ContainerState = {};
	#restarts = 0;
	#run: { readonly process: ContainerProcess; readonly preparation: Preparation } | undefined;
	#containerId: string | undefined;
	#imageId = '';
	#prober: Prober | undefined;
	#started = false;
	#ready = false;
	#endedAt: number | undefined;

	constructor(container: Container, settings: RunnerSettings) {
		this.container = container;
		this.#settings = settings;
		this.#crash = new CrashBackoff(settings.crashBackoff);
		this.#pull = new ImagePull(container, settings);
	}

	get isRunning(): boolean {
		return this.#run !== undefined;
	}

	/** Whether it runs and its startup probe, if any, has succeeded. */
	get isStarted(): boolean {
		return this.#started;
	}

	/** How the last run ended, when the container does not run now and was not reset. */
	get terminated(): TerminatedState | undefined {
		if (this.#run !== undefined) return undefined;
		const inBackOff = this.#endedAt !== undefined ? this.#lastState.terminated : undefined;
		return this.#state.terminated ?? inBackOff;
	}

	/** Takes over the status that a former life of the node has left. */
	async restore(status: ContainerStatus, policy: RestartPolicy): Promise<void> {
		const { state, lastState, restartCount, imageID, containerID } = status;
		this.#restarts = restartCount;
		this.#imageId = imageID;
		this.#containerId = containerID;
		this.#lastState = lastState;
		if (state.terminated !== undefined) this.#state = state;
		if (state.running === undefined) return;
		const lost = this.#lostRun(state.running.startedAt, policy);
		this.#state = { terminated: lost };
		this.log = new ContainerLog(this.#logFile(restartCount), this.#settings.log);
		await this.log.openEnded();
	}

	/** Lets a container that has ended run again from the beginning, without delay. */
	forgetEnd(): void {
		if (this.#state.terminated === undefined) return;
		this.#lastState = { terminated: this.#state.terminated };
		this.#state = { waiting: { reason: 'PodInitializing' } };
	}

	status(): ContainerStatus {
		const { name, image } = this.container;
		return {
			name,
			image,
			imageID: this.#imageId,
			...(this.#containerId === undefined ? {} : { containerID: this.#containerId }),
			ready: this.#ready,
			started: this.#started,
			restartCount: this.#restarts,
			state: this.#state,
			lastState: this.#lastState,
		};
	}

	/** Says why a container that was never tried does not run. */
	setCreating(reason: 'ContainerCreating' | 'PodInitializing'): void {
		const waiting = this.#state.waiting?.reason;
		if (waiting === 'ContainerCreating' || waiting === 'PodInitializing') {
			this.#state = { waiting: { reason } };
		}
	}

	/**
	 * Starts the container when it does not run and may be started now.
	 *
	 * @returns milliseconds after which to try again, when it could not be started.
	 */
	async ensureStarted(): Promise<number | undefined> {
		if (this.#run !== undefined) return undefined;
		const wait = this.#crashWait() ?? this.#pullWait();
		if (wait !== undefined) return wait;
		try {
			const preparation = await this.#settings.prepare(this.container, this.#nextRestart());
			this.#pull.succeeded();
			await this.#start(preparation);
			return undefined;
		} catch (error) {
			return this.#failedStart(error);
		}
	}

	/** Ends the container: `preStop`, SIGTERM, and SIGKILL after the grace period. */
	async stop(graceMs: number): Promise<void> {
		const run = this.#run;
		this.#prober?.stop();
		if (run === undefined) return;
		const { clock, event } = this.#settings;
		event('Normal', 'Killing', `Stopping container ${this.container.name}`, this.container);
		const before = clock.monotonic();
		const hook = this.container.lifecycle?.preStop;
		if (hook !== undefined && graceMs > 0) {
			const { success, message } = await runAction(hook, run.preparation.target, graceMs);
			if (!success) event('Warning', 'FailedPreStopHook', message, this.container);
		}
		const left = Math.max(0, graceMs - (clock.monotonic() - before));
		await run.process.stop(left, clock);
	}

	/** Ends the container at once. */
	kill(): void {
		this.#run?.process.signal('SIGKILL');
	}

	#crashWait(): number | undefined {
		if (this.#endedAt === undefined) return undefined;
		const { clock, event, podText } = this.#settings;
		const wait = this.#crash.remaining(this.#endedAt, clock.monotonic());
		if (wait === 0) return undefined;
		if (this.#state.terminated !== undefined) {
			const { name } = this.container;
			const delay = `${Math.round(this.#crash.delay / 100) / 10}s`;
			const message = `back-off ${delay} restarting failed container=${name} pod=${podText}`;
			this.#lastState = { terminated: this.#state.terminated };
			this.#state = { waiting: { reason: 'CrashLoopBackOff', message } };
			const text = `Back-off restarting failed container ${name} in pod ${podText}`;
			event('Warning', 'BackOff', text, this.container);
		}
		return wait;
	}

	#pullWait(): number | undefined {
		const wait = this.#pull.wait();
		if (wait?.state !== undefined) this.#state = wait.state;
		return wait?.again;
	}

	/** The number of restarts that the next start makes. */
	#nextRestart(): number {
		return this.#containerId === undefined ? 0 : this.#restarts + 1;
	}

	async #start(preparation: Preparation): Promise<void> {
		const { clock, event } = this.#settings;
		const { name } = this.container;
		const restarts = this.#nextRestart();
		const log = new ContainerLog(this.#logFile(restarts), this.#settings.log);
		await log.open();
		this.previousLog = this.log;
		this.log = log;
		await removeLog(this.#logFile(restarts - 2));
		if (this.#endedAt !== undefined) this.#crash.restarted(this.#endedAt, clock.monotonic());
		const ended = this.terminated;
		if (ended !== undefined) this.#lastState = { terminated: ended };
		this.#restarts = restarts;
		this.#imageId = preparation.image.id;
		this.#containerId = `process://${crypto.randomUUID()}`;
		event('Normal', 'Created', `Created container: ${name}`, this.container);
		const process = await this.#spawn(preparation.launch, log);
		this.#run = { process, preparation };
		this.#state = { running: { startedAt: timestamp(clock.now()) } };
		event('Normal', 'Started', `Started container ${name}`, this.container);
		this.#follow(process, preparation);
	}

	async #spawn(launch: Launch, log: ContainerLog): Promise<ContainerProcess> {
		const { clock, record } = this.#settings;
		try {
			return await ContainerProcess.start(launch, log, record, clock);
		} catch (error) {
			await log.end();
			throw error;
		}
	}

	#follow(process: ContainerProcess, preparation: Preparation): void {
		const { event, onChange } = this.#settings;
		const { name, lifecycle } = this.container;
		const startedAt = this.#state.running?.startedAt;
		const prober = new Prober(preparation.target, {
			onChange: ({ started, ready }) => {
				this.#started = started;
				this.#ready = ready;
				onChange();
			},
			onFailure: (kind, message) => {
				const label = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
				event('Warning', 'Unhealthy', `${label} probe failed: ${message}`, this.container);
			},
			onDead: (kind) => this.#restartBecause(`failed ${kind} probe`),
		});
		this.#prober = prober;
		process.ended
			.then((end) => this.#onEnd(end, startedAt, preparation))
			.catch((error: unknown) => event('Warning', 'Failed', messageOf(error), this.container));
		const hook = lifecycle?.postStart;
		if (hook === undefined) {
			prober.start();
			return;
		}
		runAction(hook, preparation.target, this.#settings.graceMs)
			.then(({ success, message }) => {
				if (success) return prober.start();
				event('Warning', 'FailedPostStartHook', `${name}: ${message}`, this.container);
				return this.#restartBecause('failed its postStart hook');
			})
			.catch(() => {});
	}

	#restartBecause(why: string): void {
		const { event, clock, graceMs } = this.#settings;
		const { name, livenessProbe } = this.container;
		const text = `Container ${name} ${why}, will be restarted`;
		event('Normal', 'Killing', text, this.container);
		const own = livenessProbe?.terminationGracePeriodSeconds;
		const grace = own === undefined ? graceMs : own * 1000;
		this.#prober?.stop();
		this.#run?.process.stop(grace, clock).catch(() => {});
	}

	async #onEnd(
		end: ProcessEnd,
		startedAt: string | undefined,
		{ terminationFile }: Preparation,
	): Promise<void> {
		this.#prober?.stop();
		const message = await terminationMessage(this.container, terminationFile, this.log, end);
		this.#run = undefined;
		this.#started = false;
		this.#ready = false;
		this.#endedAt = this.#settings.clock.monotonic();
		this.#state = {
			terminated: {
				exitCode: end.exitCode,
				...(end.signal === undefined ? {} : { signal: end.signal }),
				reason: end.exitCode === 0 ? 'Completed' : 'Error',
				...(message === '' ? {} : { message }),
				...(startedAt === undefined ? {} : { startedAt }),
				finishedAt: timestamp(end.at),
				...(this.#containerId === undefined ? {} : { containerID: this.#containerId }),
			},
		};
		this.#settings.onChange();
	}

	#failedStart(error: unknown): number {
		if (error instanceof ImageMissing) {
			const { state, again } = this.#pull.failed(error.message);
			this.#state = state;
			return again;
		}
		const { clock, event } = this.#settings;
		const message = messageOf(error);
		if (error instanceof MissingReference) {
			this.#state = { waiting: { reason: 'CreateContainerConfigError', message } };
			event('Warning', 'Failed', `Error: ${message}`, this.container);
			return configurationInterval;
		}
		this.#endedAt = clock.monotonic();
		const finishedAt = timestamp(clock.now());
		this.#state = {
			terminated: { exitCode: 128, reason: 'StartError', message, finishedAt },
		};
		event('Warning', 'Failed', `Error: failed to start container: ${message}`, this.container);
		return 0;
	}

	/** The run that ended with the node itself. */
	#lostRun(startedAt: string, policy: RestartPolicy): TerminatedState {
		const finishedAt = timestamp(this.#settings.clock.now());
		const reason = policy === 'Never' ? 'ContainerStatusUnknown' : 'Unknown';
		const message = 'The node was stopped while the container ran.';
		return { exitCode: policy === 'Never' ? 137 : 255, reason, message, startedAt, finishedAt };
	}

	#logFile(restarts: number): string {
		return join(this.#settings.folder, 'containers', this.container.name, `${restarts}.log`);
	}
}
