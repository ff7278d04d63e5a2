import { dirname, resolve } from 'node:path';
import { telemetryDocument } from '../../iot-hub-emulator/telemetry/telemetry-event.ts';
import { parseHubSize } from '../../iot-hub-emulator/throttles.ts';
import { systemClock } from '../../runtime/clock.ts';
import { createLogger } from '../../runtime/logger.ts';
import { DevelopmentEdge, developmentNamespace } from '../dev/development-edge.ts';
import { developmentPolicy } from '../dev/development-policy.ts';
import { formatSummary, summarize } from '../dev/edge-snapshot.ts';
import { chooseView } from '../dev/edge-view.ts';
import { exitCode } from '../exit-code.ts';
import { interruption } from '../interruption.ts';
import { checkManifestFile, exampleTarget } from '../manifest-check.ts';
import type { OutputForm } from '../output-form.ts';
import { countProblems, formatProblems } from '../problem-list.ts';
import type { Terminal } from '../terminal.ts';

/** Options of `dev`. */
export interface DevOptions {
	readonly modules?: readonly string[];
	/** Milliseconds. */
	readonly duration?: number;
	readonly state: string;
	readonly device: string;
	/** `S1`, `S1:2`. */
	readonly throttle?: string;
	readonly output: OutputForm;
}

/** Milliseconds between two looks at the edge. */
const refresh = 500;

/** Runs a whole edge on this machine until it is interrupted or its time is over. */
export async function dev(file: string, options: DevOptions, terminal: Terminal): Promise<number> {
	const hubSize = options.throttle === undefined ? undefined : parseHubSize(options.throttle);
	const { content, problems } = await checkManifestFile(file, exampleTarget, developmentPolicy());
	const errors = problems.filter(({ severity }) => severity === 'error');
	if (problems.length > 0)
		terminal.note(`${formatProblems(file, problems, terminal).join('\n')}\n`);
	if (content === undefined || errors.length > 0) {
		terminal.note(`${file}: ${countProblems(problems)}; nothing was started.\n`);
		return exitCode.badInput;
	}
	const view = chooseView(options.output, terminal);
	const edge = new DevelopmentEdge({
		deviceId: options.device,
		folder: resolve(options.state),
		content,
		...(hubSize === undefined ? {} : { hubSize }),
		moduleRoots: moduleRoots(file, options.modules ?? []),
		logger: createLogger('warn', 'dev'),
		progress: (step) => view.progress(step),
	});
	const interrupted = interruption();
	try {
		await edge.start();
		edge.onTelemetry((event) => view.telemetry(telemetryDocument(event)));
		view.ready({
			hubHostName: edge.hubHostName,
			deviceId: options.device,
			namespace: developmentNamespace,
			kubeconfig: edge.kubeconfig,
			env: edge.environmentFile,
		});
		const ended = await run(edge, options.duration, view, interrupted.signal);
		const summary = summarize(await edge.snapshot(), edge.upstreamByModule);
		view.summary(summary, formatSummary(summary));
		return ended === 'interrupted' || summary.succeeded ? exitCode.ok : exitCode.failed;
	} finally {
		view.progress('Stopping');
		await edge.stop();
		interrupted[Symbol.dispose]();
	}
}

/** Shows the edge until its time is over or the user ends it. */
async function run(
	edge: DevelopmentEdge,
	duration: number | undefined,
	view: ReturnType<typeof chooseView>,
	signal: AbortSignal,
): Promise<'interrupted' | 'over'> {
	for (;;) {
		const snapshot = await edge.snapshot();
		view.snapshot(snapshot);
		const left = duration === undefined ? refresh : duration - snapshot.uptime;
		if (left <= 0) return 'over';
		try {
			await systemClock.sleep(Math.min(refresh, left), signal);
		} catch {
			return 'interrupted';
		}
	}
}

/** Beside the manifest, in folders called `modules`, where the user says, and our samples. */
function moduleRoots(file: string, more: readonly string[]): string[] {
	const beside = dirname(resolve(file));
	const samples = resolve(import.meta.dirname, '../../modules');
	return [...more.map((folder) => resolve(folder)), beside, resolve('.'), samples];
}
