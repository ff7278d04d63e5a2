import type { ClusterClient } from '../../../cluster/cluster-client.ts';
import type { HubNetwork } from '../../../iot-hub-client/hub-network.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { EdgeError } from '../../../runtime/edge-error.ts';
import type { JsonValue } from '../../../runtime/json.ts';
import { type AgentMethod, methodFault, versionedPayload } from '../agent-methods.ts';
import { collected } from '../module-logs/log-document.ts';
import { parseLogTime } from '../module-logs/log-time.ts';
import { BlobContainer, blobTime, parseSasUrl } from '../tasks/blob-container.ts';
import type { TaskTable } from '../tasks/task-table.ts';
import { supportBundle } from './support-bundle.ts';
import { zipArchive } from './zip-archive.ts';

/** What bundles are made of. */
export interface UploadSupportBundleOptions {
	readonly client: Pick<ClusterClient, 'list' | 'logs'>;
	readonly namespace: string;
	readonly hubHostName: string;
	readonly deviceId: string;
	/** How the edge is now. */
	readonly status: () => JsonValue;
	readonly tasks: TaskTable;
	/** The way to the storage. */
	readonly network: HubNetwork;
	readonly clock: Clock;
}

/** It is held in memory until it is sent. */
const maxBundleBytes = 64 * 1024 * 1024;

/**
 * `UploadSupportBundle`: `{schemaVersion, sasUrl, since, until, edgeRuntimeOnly}`; one blob
 * `<hub>/<device>/support_bundle-yyyy-MM-dd--HH-mm-ss.zip`.
 */
export function uploadSupportBundle(options: UploadSupportBundleOptions): AgentMethod {
	const { client, namespace, network, hubHostName, deviceId, status, tasks, clock } = options;
	return async (payload) => {
		const { sasUrl, since, until, edgeRuntimeOnly } = versionedPayload(payload);
		const now = clock.now();
		const wanted = {
			...timeOf('since', since, now),
			...timeOf('until', until, now),
			edgeRuntimeOnly: flag('edgeRuntimeOnly', edgeRuntimeOnly),
		};
		const container = new BlobContainer({ sasUrl: parseSasUrl(sasUrl), network, clock });
		const name = `${hubHostName}/${deviceId}/support_bundle-${blobTime(now)}.zip`;
		return tasks.begin('upload support bundle', async (signal) => {
			const entries = supportBundle({ client, namespace, ...wanted, status: status(), signal });
			const archive = await collected(zipArchive(entries, now), maxBundleBytes, tooLarge);
			await container.put(name, Buffer.from(archive), 'application/zip', signal);
		});
	};
}

function timeOf(name: 'since' | 'until', value: JsonValue | undefined, now: number) {
	return value === undefined || value === null ? {} : { [name]: parseLogTime(`${value}`, now) };
}

function flag(name: string, value: JsonValue | undefined): boolean {
	if (value === undefined || value === null) return false;
	if (typeof value === 'boolean') return value;
	throw methodFault(`${name} is neither true nor false.`);
}

function tooLarge(): EdgeError {
	return new EdgeError('EDGE_UPLOAD_FAILED', 'The bundle is too large: ask with a later since.');
}
