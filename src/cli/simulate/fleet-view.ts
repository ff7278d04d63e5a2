import { LiveScreen } from '../dev/live-screen.ts';
import { formatDuration } from '../duration.ts';
import type { OutputForm } from '../output-form.ts';
import { plainText } from '../plain-text.ts';
import type { Terminal } from '../terminal.ts';
import type { FleetCounts } from './fleet-run.ts';

/** Counts with what has happened in the last second. */
export interface FleetSnapshot extends FleetCounts {
	/** Milliseconds since all devices are connected. */
	readonly elapsed: number;
	readonly sentPerSecond: number;
	readonly acknowledgedPerSecond: number;
	readonly failedPerSecond: number;
}

/** Snapshots between two lines where there is no screen to draw on. */
const plainEvery = 5;

/** Shows a run: JSON lines for scripts, a live table on a terminal, now and then a line elsewhere. */
export class FleetView {
	readonly #terminal: Terminal;
	readonly #output: OutputForm;
	readonly #screen: LiveScreen | undefined;
	#shown = 0;

	constructor(output: OutputForm, terminal: Terminal) {
		this.#terminal = terminal;
		this.#output = output;
		const live = output === 'text' && terminal.columns !== undefined;
		this.#screen = live ? new LiveScreen(terminal) : undefined;
	}

	progress(step: string): void {
		if (this.#output === 'json') return;
		if (this.#screen !== undefined) this.#screen.draw([`${step} …`]);
		else this.#terminal.write(`${step} …\n`);
	}

	snapshot(snapshot: FleetSnapshot): void {
		this.#shown += 1;
		if (this.#output === 'json') this.#print('counts', snapshot);
		else if (this.#screen !== undefined) this.#screen.draw(this.#lines(snapshot));
		else if (this.#shown % plainEvery === 1) this.#terminal.write(`${oneLine(snapshot)}\n`);
	}

	summary(snapshot: FleetSnapshot, succeeded: boolean): void {
		if (this.#output === 'json') {
			this.#print('summary', { succeeded, ...snapshot });
			return;
		}
		this.#screen?.draw([]);
		const { lastFailure } = snapshot;
		const why = lastFailure === '' ? '' : `  last failure: ${plainText(lastFailure)}`;
		this.#terminal.write(`${oneLine(snapshot)}${why}\n`);
	}

	#lines(snapshot: FleetSnapshot): string[] {
		const { failed, unconnected, connected, elapsed, lastFailure } = snapshot;
		const bad = (count: number) => (count === 0 ? '0' : this.#terminal.style('red', String(count)));
		return [
			'',
			`${connected} devices connected, ${bad(unconnected)} not   ${formatDuration(elapsed)}`,
			`sent          ${snapshot.sent}   ${snapshot.sentPerSecond}/s`,
			`acknowledged  ${snapshot.acknowledged}   ${snapshot.acknowledgedPerSecond}/s`,
			`failed        ${bad(failed)}   ${snapshot.failedPerSecond}/s`,
			...(lastFailure === '' ? [] : [this.#terminal.style('dim', plainText(lastFailure))]),
		];
	}

	#print(event: string, members: object): void {
		this.#terminal.write(`${JSON.stringify({ event, ...members })}\n`);
	}
}

function oneLine(snapshot: FleetSnapshot): string {
	const { connected, sent, acknowledged, failed, elapsed } = snapshot;
	const devices = `${connected} of ${connected + snapshot.unconnected} devices`;
	const messages = `${sent} sent, ${acknowledged} acknowledged, ${failed} failed`;
	return `${formatDuration(elapsed)}  ${devices}  ${messages}`;
}
