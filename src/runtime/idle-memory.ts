import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock, Timer } from './clock.ts';
import type { Lifecycle } from './lifecycle.ts';

/** Milliseconds between looks. */
const interval = 10_000;

/**
 * Part of a processor below which the program counts as idle: an edge hub that passes on some hundred
 * messages a second is not, and keeps its compiled code.
 */
const idleShare = 0.02;

/** Bytes by which the heap must have grown to be worth a collection. */
const worthwhile = 6 * 1024 * 1024;

/** What is known of this process, and what gives its memory back. */
export interface ProcessMemory {
	/** Microseconds of processor time that were used. */
	processorTime(): number;
	/** Bytes of the heap, used or not. */
	heapBytes(): number;
	/** Collects garbage and gives free pages to the system; takes a tenth of a second. */
	giveBack(): void;
}

/**
 * Gives memory back while there is little to do. V8 takes as much as a busy time needs, at the start
 * above all, and keeps it: an idle edge hub would hold twice the memory that it uses.
 */
export class IdleMemory implements Lifecycle {
	readonly #clock: Clock;
	readonly #memory: ProcessMemory;
	#timer: Timer | undefined;
	#usedBefore = 0;
	/** After the last collection. */
	#heapBefore = 0;

	constructor(clock: Clock, memory: ProcessMemory = ownMemory) {
		this.#clock = clock;
		this.#memory = memory;
	}

	async start(): Promise<void> {
		this.#usedBefore = this.#memory.processorTime();
		this.#timer = this.#clock.every(interval, () => this.#look());
	}

	async stop(): Promise<void> {
		this.#timer?.[Symbol.dispose]();
	}

	#look(): void {
		const used = this.#memory.processorTime();
		const idle = used - this.#usedBefore < interval * 1000 * idleShare;
		if (idle && this.#memory.heapBytes() - this.#heapBefore >= worthwhile) {
			this.#memory.giveBack();
			this.#heapBefore = this.#memory.heapBytes();
		}
		this.#usedBefore = this.#memory.processorTime();
	}
}

/** The memory of this process. */
export const ownMemory: ProcessMemory = {
	processorTime: () => {
		const { user, system } = process.cpuUsage();
		return user + system;
	},
	heapBytes: () => process.memoryUsage().heapTotal,
	giveBack: () => collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
};

type Collect = (options: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/**
 * While garbage is collected here: compiled code goes too unless it ran since the last collection, also
 * that of the baseline compiler, which V8 else keeps for ever. What is called again is compiled again.
 * The first makes `gc` known to every context that begins.
 */
const forgetful = ['--expose-gc', '--flush-baseline-code', '--bytecode-old-age=1'];
/** As V8 has them by default. */
const usual = ['--no-expose-gc', '--no-flush-baseline-code', '--bytecode-old-age=6'];

function collect(options: Parameters<Collect>[0]): void {
	for (const flag of forgetful) setFlagsFromString(flag);
	const gc = runInNewContext('gc') as Collect;
	gc(options);
	for (const flag of usual) setFlagsFromString(flag);
}
