import { join } from 'node:path';
import type { FileSystem } from './file-system.ts';
import { scanRecords } from './log-record.ts';
import { LogSegment } from './log-segment.ts';
import type { LogRecord } from './message-log.ts';
import {
	checkSegmentHeader,
	readFileIfAny,
	recordPath,
	releasePath,
	type SegmentIdentity,
	segmentHeaderBytes,
	segmentsAmong,
} from './segment-file.ts';
import { decodeReleases } from './segment-releases.ts';

/** What a folder of segments holds. */
export interface Recovery {
	/** By base; the last is the one that was written to. */
	readonly segments: LogSegment[];
	/** Whether the last segment can be written on, behind its last good record. */
	readonly lastUsable: boolean;
	/** No record has this offset or a higher one, nor ever had. */
	readonly nextOffset: number;
	readonly damaged: number;
}

/** Reads all segments, and calls `recover` for every live record in order of offset. */
export async function recoverSegments(
	files: FileSystem,
	folder: string,
	recover: (record: LogRecord) => void,
): Promise<Recovery> {
	const names = await files.list(folder);
	const identities = segmentsAmong(folder, names);
	await removeStrays(files, folder, names, identities);
	const segments: LogSegment[] = [];
	let nextOffset = 0;
	let damaged = 0;
	let lastUsable = false;
	for (const identity of identities) {
		const last = identity === identities.at(-1);
		const loaded = await loadSegment(files, identity, nextOffset, !last, recover);
		nextOffset = loaded.nextOffset;
		damaged += loaded.damaged + (loaded.torn && !last ? 1 : 0);
		lastUsable = loaded.headerGood;
		if (last || loaded.segment.liveRecords > 0) segments.push(loaded.segment);
		else await loaded.segment.remove();
	}
	return { segments, lastUsable, nextOffset, damaged };
}

interface LoadedSegment {
	readonly segment: LogSegment;
	readonly nextOffset: number;
	readonly damaged: number;
	readonly torn: boolean;
	readonly headerGood: boolean;
}

async function loadSegment(
	files: FileSystem,
	identity: SegmentIdentity,
	firstOffset: number,
	sealed: boolean,
	recover: (record: LogRecord) => void,
): Promise<LoadedSegment> {
	const releases = decodeReleases(await readFileIfAny(files, releasePath(identity)));
	const path = recordPath(identity);
	const bytes = await readFileIfAny(files, path);
	const headerGood = checkSegmentHeader(bytes, path);
	const segment = new LogSegment(files, identity, 0);
	let nextOffset = Math.max(identity.base, firstOffset);
	const scan = scanRecords(bytes, segmentHeaderBytes, identity.salt, sealed, (record) => {
		const { offset, header, position, length } = record;
		// A source of a compaction that a crash has left: the compacted segment was read before it.
		if (offset < nextOffset) return;
		nextOffset = offset + 1;
		const released = releases.parts.get(offset - identity.base) ?? 0;
		const pending = (record.pending & ~released) >>> 0;
		segment.add(offset, position, length, pending);
		if (pending !== 0) recover({ offset, header, pending });
	});
	segment.trim();
	nextOffset = Math.max(nextOffset, identity.end);
	segment.bytes = scan.end;
	segment.releaseBytes = releases.end;
	// A release is proof of an offset, even where its record has become unreadable.
	for (const delta of releases.parts.keys()) {
		nextOffset = Math.max(nextOffset, identity.base + delta + 1);
	}
	return { segment, nextOffset, damaged: scan.damaged, torn: scan.torn, headerGood };
}

/** Removes what a crash has left: of a compaction, spares, and releases without their segment. */
async function removeStrays(
	files: FileSystem,
	folder: string,
	names: readonly string[],
	identities: readonly SegmentIdentity[],
): Promise<void> {
	const known = new Set(
		identities.flatMap((identity) => [recordPath(identity), releasePath(identity)]),
	);
	for (const name of names) {
		const path = join(folder, name);
		if (/\.(draft|spare|segment|released)$/.test(name) && !known.has(path))
			await files.remove(path);
	}
}
