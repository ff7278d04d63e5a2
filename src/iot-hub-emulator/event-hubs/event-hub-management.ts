import type { Typed } from 'rhea';
import { type AmqpMessage, int, long, stringArray, timestamp } from '../../amqp/amqp-message.ts';
import { partitionCount, partitionInLog } from '../telemetry/event-partition.ts';
import type { TelemetryLog } from '../telemetry/telemetry-log.ts';

/**
 * Answers a request to `$management`: properties of the event hub, or of one of its partitions.
 */
export function answerManagement(
	request: AmqpMessage,
	{ eventHubs, createdAt, telemetry }: EventHubDescription,
): AmqpMessage {
	const property = (key: string) => String(request.properties?.get(key) ?? '');
	if (property('operation') !== 'READ') return failure(400, 'amqp:not-implemented');
	const name = property('name');
	const eventHub = eventHubs(name);
	if (eventHub === undefined) return failure(404, 'amqp:not-found');
	const type = property('type');
	if (type === 'com.microsoft:eventhub') {
		return success({
			name,
			type,
			created_at: timestamp(createdAt),
			partition_count: int(partitionCount),
			partition_ids: stringArray([...Array(partitionCount).keys()].map(String)),
		});
	}
	const partition = Number(property('partition') || Number.NaN);
	if (type !== 'com.microsoft:partition' || !isPartition(partition)) {
		return failure(404, 'amqp:not-found');
	}
	const state = telemetry.partition(partitionInLog(eventHub, partition));
	return success({
		name,
		type,
		partition: String(partition),
		begin_sequence_number: long(state.firstSequenceNumber),
		last_enqueued_sequence_number: long(state.lastSequenceNumber),
		last_enqueued_offset: String(state.lastSequenceNumber),
		last_enqueued_time_utc: timestamp(state.lastEnqueuedTime),
		is_partition_empty: state.isEmpty,
	});
}

export interface EventHubDescription {
	/** The number that the log knows an event hub by; undefined where there is none of that name. */
	readonly eventHubs: (name: string) => number | undefined;
	/** Milliseconds since the epoch. */
	readonly createdAt: number;
	readonly telemetry: TelemetryLog;
}

/** Whether there is such a partition. */
export function isPartition(partition: number): boolean {
	return Number.isInteger(partition) && partition >= 0 && partition < partitionCount;
}

function success(value: object): AmqpMessage {
	return { properties: status(200, 'OK'), value };
}

function failure(code: number, condition: string): AmqpMessage {
	const properties = new Map([
		...status(code, 'The event hub cannot tell that.'),
		['error-condition', condition] as const,
	]);
	return { properties, value: '' };
}

function status(code: number, description: string): NonNullable<AmqpMessage['properties']> {
	return new Map<string, string | Typed>([
		['status-code', int(code)],
		['status-description', description],
	]);
}
