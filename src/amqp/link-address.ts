import type { link as Link } from 'rhea';

/** The address of the end that belongs to this server. Empty when there is none. */
export function addressOf(link: Link): string {
	const terminus = link.is_receiver() ? link.target : link.source;
	return typeof terminus?.address === 'string' ? terminus.address : '';
}

/** The address of the peer's own end. */
export function peerAddressOf(link: Link): string | undefined {
	const terminus = link.is_receiver() ? link.source : link.target;
	return typeof terminus?.address === 'string' ? terminus.address : undefined;
}

/** Link properties as a map. */
export function propertiesOf(link: Link): ReadonlyMap<string, unknown> {
	return new Map(Object.entries(link.properties ?? {}));
}

/** Filters of the source; a described value [AMQP 1.0, 3.5.8] by its bare value. */
export function filtersOf(link: Link): ReadonlyMap<string, unknown> {
	const filters = Object.entries((link.source?.filter ?? {}) as Record<string, unknown>);
	return new Map(filters.map(([name, filter]) => [name, bare(filter)]));
}

function bare(filter: unknown): unknown {
	const described = filter as { value?: unknown; descriptor?: unknown } | null | undefined;
	const isDescribed = typeof described === 'object' && described !== null && 'value' in described;
	return isDescribed ? described.value : filter;
}

/** Answers an attach with the same ends, which is what accepts it [AMQP 1.0, 2.6.3]. */
export function confirmAttach(link: Link, maxMessageBytes: number): void {
	const local = (link as unknown as { local: { attach: Record<string, unknown> } }).local.attach;
	const peer = peerAddressOf(link);
	const own = addressOf(link);
	if (link.is_receiver()) {
		link.set_target({ address: own });
		link.set_source({ ...(peer === undefined ? {} : { address: peer }) } as { address: string });
		local['max_message_size'] = maxMessageBytes;
	} else {
		const { filter } = link.source;
		link.set_source({ address: own, ...(filter === undefined ? {} : { filter }) });
		link.set_target({ ...(peer === undefined ? {} : { address: peer }) } as { address: string });
	}
	local['snd_settle_mode'] = link.snd_settle_mode;
	local['rcv_settle_mode'] = link.rcv_settle_mode;
}
