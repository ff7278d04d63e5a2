import { sameJson } from '../../protocol/twin.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { OutputForm } from '../output-form.ts';
import type { Terminal } from '../terminal.ts';
import {
	type EdgeSnapshot,
	formatSnapshot,
	type ModuleSnapshot,
	type RunSummary,
} from './edge-snapshot.ts';
import { LiveScreen } from './live-screen.ts';

/** A message that IoT Hub has received, as JSON. */
export interface TelemetryDocument {
	readonly deviceId: string;
	readonly moduleId: string | null;
	readonly body?: JsonValue;
	readonly bodyBase64?: string;
	readonly [member: string]: unknown;
}

/** Where a running edge can be reached. */
export interface ReadyEdge {
	readonly hubHostName: string;
	readonly deviceId: string;
	readonly namespace: string;
	readonly kubeconfig: string;
	readonly env: string;
}

/** How a run is shown. */
export interface EdgeView {
	progress(step: string): void;
	ready(edge: ReadyEdge): void;
	snapshot(snapshot: EdgeSnapshot): void;
	telemetry(message: TelemetryDocument): void;
	summary(summary: RunSummary, lines: readonly string[]): void;
}

/** JSON lines for scripts, a live table on a terminal, plain lines elsewhere. */
export function chooseView(output: OutputForm, terminal: Terminal): EdgeView {
	if (output === 'json') return new JsonView(terminal);
	return terminal.columns === undefined ? new PlainView(terminal) : new LiveView(terminal);
}

/** Tells a change from the state before. */
class Change<Value extends JsonValue | undefined> {
	#last: Value | undefined;

	occurred(value: Value): boolean {
		if (sameJson(this.#last, value)) return false;
		this.#last = value;
		return true;
	}
}

/** What counts as a change of modules: not their counters. */
function statesOf(snapshot: EdgeSnapshot): JsonValue {
	return snapshot.modules.map(({ name, status, restarts }) => ({ name, status, restarts }));
}

class JsonView implements EdgeView {
	readonly #terminal: Terminal;
	readonly #deployment = new Change<JsonValue>();
	readonly #modules = new Change<JsonValue>();

	constructor(terminal: Terminal) {
		this.#terminal = terminal;
	}

	progress(): void {}

	ready(edge: ReadyEdge): void {
		this.#print('ready', edge);
	}

	snapshot(snapshot: EdgeSnapshot): void {
		const { deployment, modules } = snapshot;
		if (deployment !== undefined && this.#deployment.occurred({ ...deployment })) {
			this.#print('deployment', deployment);
		}
		if (this.#modules.occurred(statesOf(snapshot))) this.#print('modules', { modules });
	}

	telemetry(message: TelemetryDocument): void {
		this.#print('telemetry', message);
	}

	summary(summary: RunSummary): void {
		this.#print('summary', summary);
	}

	#print(event: string, members: object): void {
		this.#terminal.write(`${JSON.stringify({ event, ...members })}\n`);
	}
}

class PlainView implements EdgeView {
	readonly #terminal: Terminal;
	readonly #deployment = new Change<JsonValue>();
	readonly #states = new Map<string, string>();

	constructor(terminal: Terminal) {
		this.#terminal = terminal;
	}

	progress(step: string): void {
		this.#print(`${step} …`);
	}

	ready(edge: ReadyEdge): void {
		for (const line of introduction(edge)) this.#print(line);
	}

	snapshot({ deployment, modules }: EdgeSnapshot): void {
		if (deployment !== undefined && this.#deployment.occurred({ ...deployment })) {
			const { version, code, description } = deployment;
			this.#print(`deployment ${version}: ${code} ${description}`.trimEnd());
		}
		for (const module of modules) {
			// Before the agent has reported there is nothing to say.
			if (module.status === 'unknown' && module.description === '') continue;
			const state = describeState(module);
			if (this.#states.get(module.name) === state) continue;
			this.#states.set(module.name, state);
			const reason = module.status === 'running' ? '' : ` ${module.description}`;
			this.#print(`module ${module.name}: ${state}${reason}`.trimEnd());
		}
	}

	telemetry(message: TelemetryDocument): void {
		this.#print(describeTelemetry(message));
	}

	summary(_summary: RunSummary, lines: readonly string[]): void {
		for (const line of lines) this.#print(line);
	}

	#print(line: string): void {
		this.#terminal.write(`${line}\n`);
	}
}

class LiveView implements EdgeView {
	readonly #terminal: Terminal;
	readonly #screen: LiveScreen;

	constructor(terminal: Terminal) {
		this.#terminal = terminal;
		this.#screen = new LiveScreen(terminal);
	}

	progress(step: string): void {
		this.#screen.draw([this.#terminal.style('dim', `${step} …`)]);
	}

	ready(edge: ReadyEdge): void {
		for (const line of introduction(edge)) this.#screen.print(this.#terminal.style('dim', line));
	}

	snapshot(snapshot: EdgeSnapshot): void {
		const lines = formatSnapshot(snapshot, (style, text) => this.#terminal.style(style, text));
		this.#screen.draw(['', ...lines]);
	}

	telemetry(message: TelemetryDocument): void {
		this.#screen.print(describeTelemetry(message));
	}

	summary(_summary: RunSummary, lines: readonly string[]): void {
		this.#screen.draw([]);
		for (const line of lines) this.#screen.print(line);
	}
}

/** `running`, `backoff, 2 restarts`. */
function describeState({ status, restarts }: ModuleSnapshot): string {
	if (restarts === 0) return status;
	return `${status}, ${restarts} restart${restarts === 1 ? '' : 's'}`;
}

function introduction(edge: ReadyEdge): string[] {
	return [
		`IoT Hub emulator  ${edge.hubHostName}, device ${edge.deviceId}; for Azure SDKs: ${edge.env}`,
		`Local cluster     kubectl --kubeconfig ${edge.kubeconfig} -n ${edge.namespace} get pods`,
		'Both are for development only. Ctrl-C stops everything; the next start continues.',
	];
}

function describeTelemetry({ moduleId, deviceId, body, bodyBase64 }: TelemetryDocument): string {
	const text = body === undefined ? `${bodyBase64} (base64)` : JSON.stringify(body);
	return `IoT Hub ◄ ${moduleId ?? deviceId}  ${text}`;
}
