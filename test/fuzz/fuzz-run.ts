import { Worker } from 'node:worker_threads';
import { systemClock } from '../../src/runtime/clock.ts';
import { EdgeError } from '../../src/runtime/edge-error.ts';
import { SeededRandom } from '../faults/seeded-random.ts';
import type { FuzzTarget } from './fuzz-target.ts';
import { HostileInput } from './hostile-input.ts';

export interface FuzzOptions {
	/** Cases of all targets together. */
	readonly cases: number;
	readonly seed: number;
	/** Runs one case only, to look at it. */
	readonly only?: number;
	readonly progress: (target: string) => void;
}

/** What one target did. */
export interface FuzzReport {
	readonly target: string;
	readonly cases: number;
	/** Inputs that were refused with an error of the catalogue. */
	readonly refused: number;
	/** Errors that should not have been, the first few with their case. */
	readonly findings: number;
	readonly examples: readonly string[];
	readonly slowestMs: number;
	/** Growth of the heap over the second half of the cases, in bytes; undefined without `gc`. */
	readonly heapGrowth: number | undefined;
	readonly seconds: number;
}

/** Milliseconds that one case may take; a busy machine may need some of them for something else. */
export const slowestCase = 2000;
/** Bytes that the heap may grow by while half of the cases run. */
export const mostGrowth = 8 * 1024 * 1024;

/** Whether a target kept all its promises. */
export function passed({ findings, slowestMs, heapGrowth = 0 }: FuzzReport): boolean {
	return findings === 0 && slowestMs < slowestCase && heapGrowth < mostGrowth;
}

export async function fuzz(
	targets: readonly FuzzTarget[],
	{ cases, seed, only, progress }: FuzzOptions,
): Promise<FuzzReport[]> {
	const shares = targets.reduce((sum, { share }) => sum + share, 0);
	const current = new Int32Array(new SharedArrayBuffer(8)).fill(-1);
	const names = targets.map(({ name }) => name);
	const watchdog = new Worker(new URL('fuzz-watchdog.ts', import.meta.url), {
		workerData: { current: current.buffer, names },
	});
	const reports: FuzzReport[] = [];
	try {
		for (const [index, target] of targets.entries()) {
			progress(target.name);
			Atomics.store(current, 1, index);
			const count = Math.max(1, Math.round((cases * target.share) / shares));
			const range = only === undefined ? { from: 0, to: count } : { from: only, to: only + 1 };
			reports.push(await fuzzTarget(target, range, seed, (at) => Atomics.store(current, 0, at)));
			Atomics.store(current, 0, -1);
		}
	} finally {
		await watchdog.terminate();
		for (const target of targets) await target.close?.();
	}
	return reports;
}

async function fuzzTarget(
	{ name, run }: FuzzTarget,
	{ from, to }: { readonly from: number; readonly to: number },
	seed: number,
	begin: (at: number) => void,
): Promise<FuzzReport> {
	const examples: string[] = [];
	let refused = 0;
	let findings = 0;
	let slowestMs = 0;
	let heapHalfway: number | undefined;
	const began = systemClock.monotonic();
	for (let at = from; at < to; at += 1) {
		if (at === from + Math.floor((to - from) / 2)) heapHalfway = await heapSize();
		begin(at);
		const input = new HostileInput(new SeededRandom(Math.imul(seed, 1_000_003) + at));
		const start = systemClock.monotonic();
		const running = outcomeOf(run, input);
		const outcome = running instanceof Promise ? await running : running;
		slowestMs = Math.max(slowestMs, systemClock.monotonic() - start);
		if (outcome === 'refused') refused += 1;
		if (typeof outcome !== 'object') continue;
		findings += 1;
		if (examples.length < 3) examples.push(`case ${at}: ${describe(outcome.error)}`);
	}
	const heap = await heapSize();
	return {
		target: name,
		cases: to - from,
		refused,
		findings,
		examples,
		slowestMs,
		heapGrowth: heap === undefined || heapHalfway === undefined ? undefined : heap - heapHalfway,
		seconds: (systemClock.monotonic() - began) / 1000,
	};
}

type Outcome = 'taken' | 'refused' | { readonly error: unknown };

/** Runs a case; waits only where there is something to wait for, as most cases take microseconds. */
function outcomeOf(run: FuzzTarget['run'], input: HostileInput): Outcome | Promise<Outcome> {
	try {
		return run(input)?.then(() => 'taken' as const, judge) ?? 'taken';
	} catch (error) {
		return judge(error);
	}
}

function judge(error: unknown): Outcome {
	return error instanceof EdgeError ? 'refused' : { error };
}

/** The heap without garbage; undefined where Node.js runs without `--expose-gc`. */
async function heapSize(): Promise<number | undefined> {
	const { gc } = globalThis;
	if (gc === undefined) return undefined;
	await new Promise((resolve) => setImmediate(resolve));
	await gc();
	return process.memoryUsage().heapUsed;
}

function describe(error: unknown): string {
	return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
