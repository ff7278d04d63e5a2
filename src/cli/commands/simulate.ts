import { systemClock } from '../../runtime/clock.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { exitCode } from '../exit-code.ts';
import { type HubOptions, readText } from '../hub/hub-access.ts';
import { openHub } from '../hub/hub-session.ts';
import { interruption } from '../interruption.ts';
import type { OutputForm } from '../output-form.ts';
import { countProblems, formatProblems } from '../problem-list.ts';
import { readFleets } from '../simulate/fleet.ts';
import { fleetDevices } from '../simulate/fleet-devices.ts';
import { type FleetCounts, FleetRun } from '../simulate/fleet-run.ts';
import { type FleetSnapshot, FleetView } from '../simulate/fleet-view.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `simulate`. */
export interface SimulateOptions extends HubOptions {
	/** `host` or `host:port` of an edge hub. */
	readonly gateway?: string;
	/** PEM file of the authorities behind the edge hub's certificate. */
	readonly gatewayCa?: string;
	/** The edge device above devices that are created. */
	readonly parent?: string;
	/** Milliseconds. */
	readonly duration?: number;
	readonly output: OutputForm;
}

/** Milliseconds between two looks. */
const refresh = 1000;

/** Plays fleets of devices until the time is over or the user ends it. */
export async function simulate(
	file: string,
	options: SimulateOptions,
	terminal: Terminal,
): Promise<number> {
	const { fleets, problems } = readFleets(await readText(file));
	if (fleets === undefined) {
		terminal.note(`${formatProblems(file, problems, terminal).join('\n')}\n`);
		terminal.note(`${countProblems(problems)}\n`);
		return exitCode.badInput;
	}
	requireParent(options);
	const view = new FleetView(options.output, terminal);
	using interrupted = interruption();
	const hub = await openHub(options);
	const deviceIds = fleets.flatMap((fleet) => fleet.deviceIds);
	view.progress(`Looking for ${deviceIds.length} devices`);
	const connectionStrings = await fleetDevices(hub, { ...options, deviceIds });
	const authority =
		options.gatewayCa === undefined
			? (hub.access.authority ?? '')
			: await readText(options.gatewayCa);
	const run = new FleetRun({ fleets, connectionStrings, authority, clock: systemClock });
	try {
		view.progress(`Connecting ${deviceIds.length} devices`);
		await run.connect(interrupted.signal);
		const began = systemClock.monotonic();
		const last = await show(run, view, { began, duration: options.duration }, interrupted.signal);
		view.progress('Waiting for acknowledgements');
		await run.drain();
		const { counts } = run;
		const succeeded = counts.unconnected === 0 && counts.acknowledged === counts.sent;
		view.summary(snapshotOf(counts, last, systemClock.monotonic() - began), succeeded);
		return succeeded ? exitCode.ok : exitCode.failed;
	} finally {
		await run.stop();
	}
}

/** Devices of an edge must be its children, or it does not let them in. */
function requireParent({ gateway, parent }: SimulateOptions): void {
	if (gateway === undefined || parent !== undefined) return;
	throw new EdgeError('EDGE_OPTION_MISSING', 'A --gateway needs the --parent it belongs to.');
}

async function show(
	run: FleetRun,
	view: FleetView,
	{ began, duration }: { readonly began: number; readonly duration: number | undefined },
	signal: AbortSignal,
): Promise<FleetCounts> {
	let last: FleetCounts = { ...run.counts };
	for (;;) {
		const elapsed = systemClock.monotonic() - began;
		const left = duration === undefined ? refresh : duration - elapsed;
		if (left <= 0 || signal.aborted) return last;
		await systemClock.sleep(Math.min(refresh, left), signal).catch(() => {});
		const counts = { ...run.counts };
		view.snapshot(snapshotOf(counts, last, systemClock.monotonic() - began));
		last = counts;
	}
}

function snapshotOf(counts: FleetCounts, last: FleetCounts, elapsed: number): FleetSnapshot {
	return {
		...counts,
		elapsed: Math.round(elapsed),
		sentPerSecond: counts.sent - last.sent,
		acknowledgedPerSecond: counts.acknowledged - last.acknowledged,
		failedPerSecond: counts.failed - last.failed,
	};
}
