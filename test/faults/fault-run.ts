import { systemClock } from '../../src/runtime/clock.ts';
import type { EndpointTally } from './delivery-tally.ts';
import { FaultedEdge } from './faulted-edge.ts';
import { SeededRandom } from './seeded-random.ts';

export interface FaultRunOptions {
	/** How often the hub is killed. */
	readonly kills: number;
	/** Decides what goes wrong, and when. */
	readonly seed: number;
	readonly senders: number;
	/** Messages a second and sender. */
	readonly rate: number;
	readonly storeBytes: number;
	readonly diskBytes?: number;
	/** Longest life of a hub between two kills, in milliseconds. */
	readonly longestLife: number;
	/** Called before every kill. */
	readonly progress: (kills: number, acknowledged: number) => void;
}

/** What was broken how often. */
export interface FaultCounts {
	kills: number;
	/** Kills before the hub listened. */
	killsDuringStart: number;
	upstreamCuts: number;
	clockJumps: number;
	receiverKills: number;
	/** The hub ended by itself. */
	crashes: number;
}

export interface FaultReport {
	readonly seed: number;
	readonly faults: FaultCounts;
	readonly acknowledged: number;
	readonly endpoints: readonly EndpointTally[];
	readonly seconds: number;
	/** Seconds that the rest took to arrive when nothing was broken any more. */
	readonly drainSeconds: number;
	/** Nothing lost, nothing out of order. */
	readonly passed: boolean;
	/** For whoever looks for the cause: empty when passed. */
	readonly diagnosis: readonly string[];
}

/** Without an arrival for so long the rest counts as lost. Milliseconds. */
const drainPatience = 60_000;

/** Runs an edge under load, breaks it again and again, and counts what arrived. */
export async function runFaults(options: FaultRunOptions): Promise<FaultReport> {
	const run = new FaultRun(options);
	return run.run();
}

class FaultRun {
	readonly #options: FaultRunOptions;
	readonly #random: SeededRandom;
	readonly #counts: FaultCounts = {
		kills: 0,
		killsDuringStart: 0,
		upstreamCuts: 0,
		clockJumps: 0,
		receiverKills: 0,
		crashes: 0,
	};

	/** Log of the hub that crashed last. */
	#lastWords: readonly string[] = [];

	constructor(options: FaultRunOptions) {
		this.#options = options;
		this.#random = new SeededRandom(options.seed);
	}

	async run(): Promise<FaultReport> {
		const { kills, progress } = this.#options;
		const began = systemClock.monotonic();
		const edge = await FaultedEdge.start({
			...this.#options,
			random: new SeededRandom(this.#options.seed + 1),
		});
		try {
			await edge.restartReceiver();
			edge.startSenders();
			for (; this.#counts.kills < kills; this.#counts.kills += 1) {
				await this.#live(edge);
				progress(this.#counts.kills, edge.tally.acknowledged);
				if (edge.hubEnded) this.#crashed(edge);
				await edge.killHub();
			}
			const drainSeconds = await this.#drain(edge);
			return this.#report(edge, (systemClock.monotonic() - began) / 1000, drainSeconds);
		} finally {
			await edge.stop();
		}
	}

	#crashed(edge: FaultedEdge): void {
		this.#counts.crashes += 1;
		this.#lastWords = edge.hubLog.slice(-20);
	}

	/** One life of the hub, with what goes wrong during it. */
	async #live(edge: FaultedEdge): Promise<void> {
		const hub = edge.startHub();
		if (this.#random.chance(0.15)) {
			this.#counts.killsDuringStart += 1;
			await systemClock.sleep(this.#random.between(0, 800));
			return;
		}
		await hub.listening();
		const life = this.#random.between(50, this.#options.longestLife);
		const faults = this.#random.below(3);
		for (let fault = 0; fault < faults; fault += 1) {
			await systemClock.sleep(life / (faults + 1));
			await this.#break(edge);
		}
		await systemClock.sleep(life / (faults + 1));
	}

	async #break(edge: FaultedEdge): Promise<void> {
		const random = this.#random;
		const { faults } = edge.emulator;
		const fault = random.pick(['cut', 'away', 'back', 'back', 'clock', 'receiver'] as const);
		switch (fault) {
			case 'cut':
				this.#counts.upstreamCuts += 1;
				faults.dropConnections();
				return;
			case 'away':
				this.#counts.upstreamCuts += 1;
				faults.goAway(random.pick(['reset', 'silent', 'unavailable']));
				return;
			case 'back':
				faults.comeBack();
				return;
			case 'clock':
				this.#counts.clockJumps += 1;
				edge.setClock(random.between(-1_800_000, 1_800_000));
				return;
			case 'receiver':
				this.#counts.receiverKills += 1;
				await edge.restartReceiver();
				return;
		}
	}

	/** Lets everything arrive that is owed. @returns the seconds it took. */
	async #drain(edge: FaultedEdge): Promise<number> {
		const began = systemClock.monotonic();
		edge.emulator.faults.comeBack();
		edge.setClock(0);
		edge.startHub();
		edge.askSendersToStop();
		let owed = Number.POSITIVE_INFINITY;
		let lastProgress = systemClock.monotonic();
		for (;;) {
			const missing = edge.tally.endpoints.reduce((sum, { lost }) => sum + lost, 0);
			if (missing === 0 && edge.sendersStopped) break;
			if (missing !== owed) lastProgress = systemClock.monotonic();
			owed = missing;
			if (systemClock.monotonic() - lastProgress > drainPatience) break;
			await systemClock.sleep(100);
		}
		return (systemClock.monotonic() - began) / 1000;
	}

	#report(edge: FaultedEdge, seconds: number, drainSeconds: number): FaultReport {
		const { tally } = edge;
		const { endpoints } = tally;
		const faultless = endpoints.every(({ lost, disorder }) => lost === 0 && disorder === 0);
		const alive = this.#counts.crashes === 0;
		const passed = faultless && alive && edge.sendersStopped && tally.acknowledged > 0;
		const found = endpoints.flatMap(({ endpoint }) => [
			...tally
				.missing(endpoint)
				.slice(0, 5)
				.map((id) => `${endpoint} lacks ${id}`),
			...tally.disorderExamples(endpoint).map((example) => `${endpoint} got ${example}`),
		]);
		const unfinished = edge.sendersStopped ? [] : ['a sender is still not acknowledged'];
		return {
			seed: this.#options.seed,
			faults: this.#counts,
			acknowledged: tally.acknowledged,
			endpoints,
			seconds,
			drainSeconds,
			passed,
			diagnosis: passed
				? []
				: [...found, ...unfinished, ...this.#lastWords, edge.moduleErrors, ...edge.hubLog].filter(
						(line) => line !== '',
					),
		};
	}
}
