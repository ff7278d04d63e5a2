import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Broker, processorTime } from './broker.ts';
import type { Load, Measurement } from './load-process.ts';

/** What a load was, and what a broker made of it. */
export interface LoadResult extends Measurement {
	readonly perSecond: number;
	/** Microseconds of the broker's processor time for a message. */
	readonly used: number;
}

/** Puts a load on a broker, from a process of its own. */
export async function putLoad(
	broker: Broker,
	load: Omit<Load, 'port' | 'authority'>,
): Promise<LoadResult> {
	const { port, authority } = broker;
	const program = join(import.meta.dirname, 'load-process.ts');
	const child = spawn(process.execPath, [program, JSON.stringify({ ...load, port, authority })], {
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	// One line when the time that counts begins, one with the result when it has ended.
	const times: number[] = [];
	let last = '';
	for await (const line of createInterface(child.stdout)) {
		times.push(processorTime(broker));
		last = line;
	}
	const measurement: Measurement = JSON.parse(last);
	const [began = Number.NaN, ended = Number.NaN] = times;
	return {
		...measurement,
		perSecond: measurement.messages / measurement.seconds,
		used: (ended - began) / measurement.messages,
	};
}
