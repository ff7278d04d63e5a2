import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parseLogTime } from '../../edge-agent/direct-methods/module-logs/log-time.ts';
import { supportBundle } from '../../edge-agent/direct-methods/support-bundle/support-bundle.ts';
import { zipArchive } from '../../edge-agent/direct-methods/support-bundle/zip-archive.ts';
import { blobTime } from '../../edge-agent/direct-methods/tasks/blob-container.ts';
import { systemClock } from '../../runtime/clock.ts';
import { EdgeError, messageOf } from '../../runtime/edge-error.ts';
import type { JsonValue } from '../../runtime/json.ts';
import { connectToEdge, type EdgeOptions } from '../edge-cluster.ts';
import { readEdgeStatus } from '../edge-status.ts';
import { exitCode } from '../exit-code.ts';
import type { OutputForm } from '../output-form.ts';
import type { Terminal } from '../terminal.ts';
import { version } from '../version.ts';

/** Options of `support-bundle`. */
export interface SupportBundleCommandOptions extends EdgeOptions {
	readonly out?: string;
	readonly since?: string;
	readonly until?: string;
	readonly runtimeOnly?: boolean;
	readonly output: OutputForm;
}

/**
 * Writes a zip file with what others need to help: logs, objects, events and status, without secrets.
 *
 * @throws EdgeError EDGE_FILE_UNWRITABLE, EDGE_SETTING_INVALID
 */
export async function supportBundleCommand(
	options: SupportBundleCommandOptions,
	terminal: Terminal,
): Promise<number> {
	const { namespace, since, until, runtimeOnly = false } = options;
	const now = systemClock.now();
	const file = options.out ?? `support_bundle-${blobTime(now)}.zip`;
	const client = await connectToEdge(options);
	const entries = supportBundle({
		client,
		namespace,
		...(since === undefined ? {} : { since: momentOf('--since', since, now) }),
		...(until === undefined ? {} : { until: momentOf('--until', until, now) }),
		edgeRuntimeOnly: runtimeOnly,
		status: await describe(client, namespace, now),
	});
	const names: string[] = [];
	const noted = (async function* () {
		for await (const entry of entries) {
			names.push(entry.name);
			terminal.note(`  ${entry.name}\n`);
			yield entry;
		}
	})();
	await pipeline(zipArchive(noted, now), createWriteStream(file, { mode: 0o600 })).catch(
		(cause) => {
			if (cause instanceof EdgeError) throw cause;
			throw new EdgeError(
				'EDGE_FILE_UNWRITABLE',
				`The bundle cannot be written: ${messageOf(cause)}.`,
				{
					where: file,
					cause,
				},
			);
		},
	);
	terminal.write(
		options.output === 'json' ? `${JSON.stringify({ file, entries: names })}\n` : `${file}\n`,
	);
	return exitCode.ok;
}

function momentOf(where: string, text: string, now: number): number {
	try {
		return parseLogTime(text, now);
	} catch (cause) {
		throw new EdgeError('EDGE_SETTING_INVALID', messageOf(cause), { where, cause });
	}
}

/** A bundle is made when things are broken: what cannot be read is said instead. */
async function describe(
	client: Awaited<ReturnType<typeof connectToEdge>>,
	namespace: string,
	now: number,
): Promise<JsonValue> {
	const reader = { made: new Date(now).toISOString(), program: version };
	const [cluster, status] = await Promise.all([
		client.version().catch((error) => ({ error: messageOf(error) })),
		readEdgeStatus(client, namespace, now).catch((error) => ({ error: messageOf(error) })),
	]);
	return JSON.parse(JSON.stringify({ ...reader, cluster, status }));
}
