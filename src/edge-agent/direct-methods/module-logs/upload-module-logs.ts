import type { HubNetwork } from '../../../iot-hub-client/hub-network.ts';
import { EdgeError } from '../../../runtime/edge-error.ts';
import { type AgentMethod, versionedPayload } from '../agent-methods.ts';
import { BlobContainer, blobTime, parseSasUrl } from '../tasks/blob-container.ts';
import type { TaskTable } from '../tasks/task-table.ts';
import { collected, logDocument, logExtension } from './log-document.ts';
import { LogReader } from './log-reader.ts';
import { itemsByModule, parseLogRequest } from './log-request.ts';
import type { ModuleLogsOptions } from './module-logs.ts';

/** How logs are uploaded. */
export interface UploadModuleLogsOptions extends ModuleLogsOptions {
	readonly tasks: TaskTable;
	/** The way to the storage. */
	readonly network: HubNetwork;
}

/** One blob is held in memory until it is sent. */
const maxBlobBytes = 48 * 1024 * 1024;

/**
 * `UploadModuleLogs`: as `GetModuleLogs` with a `sasUrl`; one blob a module, named
 * `<hub>/<device>/<module>-yyyy-MM-dd--HH-mm-ss.<form>`.
 */
export function uploadModuleLogs(options: UploadModuleLogsOptions): AgentMethod {
	const { tasks, network, clock, hubHostName, deviceId } = options;
	const reader = new LogReader(options);
	return async (payload) => {
		const request = parseLogRequest(payload, clock.now());
		const sasUrl = parseSasUrl(versionedPayload(payload)['sasUrl']);
		const container = new BlobContainer({ sasUrl, network, clock });
		const time = blobTime(clock.now());
		return tasks.begin('upload logs', async (signal) => {
			const podsByModule = await reader.pods(signal);
			const wanted = itemsByModule(request.items, [...podsByModule.keys()]);
			for (const [module, { filter }] of wanted) {
				const lines = reader.lines(podsByModule.get(module) ?? [], filter, signal);
				const document = logDocument(lines, { hubHostName, deviceId, module }, request);
				const content = await collected(document, maxBlobBytes, () => tooLarge(module));
				signal.throwIfAborted();
				const name = `${hubHostName}/${deviceId}/${module}-${time}.${logExtension(request)}`;
				await container.put(name, Buffer.from(content), contentTypeOf(request), signal);
			}
		});
	};
}

function contentTypeOf({ encoding, contentType }: { encoding: string; contentType: string }) {
	if (encoding === 'gzip') return 'application/gzip';
	return contentType === 'text' ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
}

function tooLarge(module: string): EdgeError {
	return new EdgeError(
		'EDGE_UPLOAD_FAILED',
		`The log of ${module} is larger than ${maxBlobBytes / 1024 / 1024} MiB: ask with since, tail or gzip.`,
	);
}
