import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { FileMessageLog } from '../storage/file-message-log.ts';
import type { KeyValueStore } from '../storage/key-value-store.ts';
import { MemoryKeyValueStore } from '../storage/memory-key-value-store.ts';
import { MemoryMessageLog } from '../storage/memory-message-log.ts';
import type { MessageLog } from '../storage/message-log.ts';
import { SqliteKeyValueStore } from '../storage/sqlite-key-value-store.ts';
import { type BlobBytes, FileBlobBytes, MemoryBlobBytes } from './files/blob-bytes.ts';

/** Where a hub keeps what it knows. */
export interface HubStorage {
	readonly store: KeyValueStore;
	readonly log: MessageLog;
	readonly blobBytes: BlobBytes;
}

/** Storage in a folder, which is made when missing, or in memory where there is none. */
export async function openHubStorage(
	folder: string | undefined,
	maxTelemetryBytes: number,
	runtime: { readonly clock: Clock; readonly logger: Logger },
): Promise<HubStorage> {
	if (folder === undefined) {
		return {
			store: new MemoryKeyValueStore(),
			log: new MemoryMessageLog(),
			blobBytes: new MemoryBlobBytes(),
		};
	}
	// Keys of identities and of the authority are in there.
	await mkdir(folder, { recursive: true, mode: 0o700 });
	const log = new FileMessageLog({
		folder: join(folder, 'telemetry'),
		// Retention counts what lives; space of what it drops comes back by whole segments.
		maxBytes: maxTelemetryBytes * 2,
		...runtime,
	});
	return {
		store: SqliteKeyValueStore.open(join(folder, 'hub.sqlite')),
		log,
		blobBytes: new FileBlobBytes(join(folder, 'blobs')),
	};
}
