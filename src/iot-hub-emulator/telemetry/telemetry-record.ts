import { identityKey, parseIdentityKey } from '../../protocol/identity.ts';
import { partitionInLog, partitionOf } from './event-partition.ts';
import type { NewTelemetryEvent, TelemetryEvent } from './telemetry-event.ts';

/** What is kept in memory of a record while it lives. */
export interface RecordSummary {
	readonly offset: number;
	/** Milliseconds since the epoch. */
	readonly enqueuedTime: number;
	/** Bytes of the record's body. */
	readonly length: number;
	/** As `partitionInLog` counts them. */
	readonly partition: number;
}

const headerLength = 13;

interface Metadata {
	readonly key: string;
	readonly system: Record<string, string>;
	readonly properties: Record<string, string>;
}

/**
 * The stored form of an event. Header: time (double), length (u32), partition (u8). Body: length of the metadata
 * (u32), metadata as JSON, the message's bytes. Numbers are big-endian.
 */
export function encodeRecord(
	event: NewTelemetryEvent,
	eventHub = 0,
): { header: Uint8Array; body: Uint8Array } {
	const metadata: Metadata = {
		key: identityKey(event.identity),
		system: event.systemProperties,
		properties: event.properties,
	};
	const json = Buffer.from(JSON.stringify(metadata));
	const body = Buffer.allocUnsafe(4 + json.length + event.body.length);
	body.writeUInt32BE(json.length, 0);
	json.copy(body, 4);
	body.set(event.body, 4 + json.length);
	const header = Buffer.allocUnsafe(headerLength);
	header.writeDoubleBE(event.enqueuedTime, 0);
	header.writeUInt32BE(body.length, 8);
	header.writeUInt8(partitionInLog(eventHub, partitionOf(event.identity.deviceId)), 12);
	return { header, body };
}

export function summaryOf(offset: number, header: Uint8Array): RecordSummary {
	const view = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
	return {
		offset,
		enqueuedTime: view.readDoubleBE(0),
		length: view.readUInt32BE(8),
		// Records of the first version have no partition.
		partition: view.length < headerLength ? 0 : view.readUInt8(12),
	};
}

export function decodeRecord(summary: RecordSummary, record: Uint8Array): TelemetryEvent {
	const view = Buffer.from(record.buffer, record.byteOffset, record.byteLength);
	const end = 4 + view.readUInt32BE(0);
	const { key, system, properties } = JSON.parse(view.toString('utf8', 4, end)) as Metadata;
	return {
		sequenceNumber: summary.offset,
		enqueuedTime: summary.enqueuedTime,
		identity: parseIdentityKey(key),
		systemProperties: system,
		properties,
		body: view.subarray(end),
	};
}
