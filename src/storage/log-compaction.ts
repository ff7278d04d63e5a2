import type { FileSystem } from './file-system.ts';
import { decodeRecord, encodeRecord, type FoundRecord } from './log-record.ts';
import { LogSegment } from './log-segment.ts';
import {
	draftPath,
	newSegmentIdentity,
	recordPath,
	segmentHeader,
	segmentHeaderBytes,
} from './segment-file.ts';

/** What a compaction must give back to be worth its work. */
export interface CompactionGain {
	readonly bytes: number;
	/** Bytes given back for each that is copied. Default 1: copying much to gain little costs time. */
	readonly share?: number;
}

/**
 * The neighbouring segments whose replacement by one gives most space back, or none where it would
 * give back less than `least`. The replacement is no larger than `segmentBytes`.
 */
export function segmentsToCompact(
	sealed: readonly LogSegment[],
	segmentBytes: number,
	least: CompactionGain,
): readonly LogSegment[] {
	let best: readonly LogSegment[] = [];
	const { share = 1 } = least;
	let bestGarbage = least.bytes - 1;
	let start = 0;
	let live = 0;
	let garbage = 0;
	for (const [end, segment] of sealed.entries()) {
		live += segment.liveBytes;
		garbage += segment.garbage;
		while (live > segmentBytes && start <= end) {
			live -= sealed[start]?.liveBytes ?? 0;
			garbage -= sealed[start]?.garbage ?? 0;
			start += 1;
		}
		if (garbage > bestGarbage && garbage >= live * share) {
			bestGarbage = garbage;
			best = sealed.slice(start, end + 1);
		}
	}
	return best;
}

/**
 * Writes the live records of neighbouring segments into one new segment, durably. The sources stay.
 * Records that turn out to be damaged are left out.
 */
export async function compact(
	files: FileSystem,
	sources: readonly LogSegment[],
): Promise<LogSegment> {
	const [first] = sources;
	if (first === undefined) throw new RangeError('Nothing to compact.');
	const { folder, base } = first.identity;
	const generation = Math.max(...sources.map((source) => source.identity.generation)) + 1;
	const end = Math.max(
		...sources.map((source) => Math.max(source.lastOffset + 1, source.identity.end)),
	);
	const identity = newSegmentIdentity(folder, base, end, generation);
	const target = new LogSegment(files, identity, segmentHeaderBytes);
	const path = draftPath(identity);
	const draft = await files.open(path, 'create');
	try {
		await draft.write(segmentHeader(), 0);
		for (const source of sources) {
			const records = encodeLive(await source.readAll(), source, target);
			await draft.write(records, target.bytes - records.byteLength);
		}
		target.trim();
		await draft.sync();
		await files.rename(path, recordPath(identity));
		await files.syncFolder(folder);
	} catch (error) {
		await files.remove(path).catch(() => {});
		throw error;
	} finally {
		await draft.close();
	}
	return target;
}

/** Encodes the live records of one source, and notes them in the target's index. */
function encodeLive(bytes: Buffer, source: LogSegment, target: LogSegment): Buffer {
	const records: FoundRecord[] = [];
	for (const position of source.livePositions()) {
		const record = decodeRecord(bytes, position, source.identity.salt);
		if (record !== undefined) records.push(record);
	}
	const size = records.reduce((sum, record) => sum + record.length, 0);
	const encoded = Buffer.allocUnsafeSlow(size);
	let position = 0;
	for (const { offset, header, body, length } of records) {
		const pending = source.pending(offset);
		if (pending === 0) continue;
		const record = { offset, pending, header, body, group: segmentHeaderBytes };
		encodeRecord(encoded, position, record, target.identity.salt);
		target.add(offset, target.bytes + position, length, pending);
		position += length;
	}
	target.bytes += position;
	return encoded.subarray(0, position);
}
