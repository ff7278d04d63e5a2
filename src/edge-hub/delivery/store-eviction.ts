import type { DeliveryQueue } from './delivery-queue.ts';
import type { EndpointPump } from './endpoint-pump.ts';

/**
 * What becomes of messages when the store is full: a new one is not acknowledged (`refuse`), or
 * waiting ones make room for it, the oldest ones of all or of the least urgent priority.
 */
export type StoreFullPolicy = 'refuse' | 'drop-oldest' | 'drop-lowest-priority';

interface Candidate {
	readonly pump: EndpointPump;
	readonly queue: DeliveryQueue;
}

/**
 * Drops waiting messages of about so many bytes. Those that are on their way to an endpoint stay.
 *
 * @returns whether there were any.
 */
export function evict(
	pumps: Iterable<EndpointPump>,
	policy: StoreFullPolicy,
	bytes: number,
): boolean {
	if (policy === 'refuse') return false;
	const touched = new Set<EndpointPump>();
	const candidates = candidatesOf([...pumps], policy);
	for (let freed = 0; freed < bytes; ) {
		const oldest = candidates.reduce<Candidate | undefined>(older, undefined);
		const entry = oldest?.queue.take();
		if (oldest === undefined || entry === undefined) break;
		freed += entry.size;
		touched.add(oldest.pump);
		oldest.pump.evicted(entry);
	}
	for (const pump of touched) pump.relist();
	return touched.size > 0;
}

function candidatesOf(
	pumps: readonly EndpointPump[],
	policy: 'drop-oldest' | 'drop-lowest-priority',
): readonly Candidate[] {
	const all = pumps.flatMap((pump) => [...pump.queues()].map((queue) => ({ pump, queue })));
	if (policy === 'drop-oldest') return all;
	const lowest = all.reduce((number, { queue }) => Math.max(number, queue.priority), 0);
	return all.filter(({ queue }) => queue.priority === lowest);
}

function older(one: Candidate | undefined, other: Candidate): Candidate {
	return one === undefined || other.queue.firstOffset < one.queue.firstOffset ? other : one;
}
