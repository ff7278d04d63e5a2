import { AmqpError } from '../../amqp/amqp-error.ts';
import type { LinkRequest } from '../../amqp/amqp-server.ts';

/** Readers of one partition and consumer group that have no epoch (Event Hubs quotas). */
const maxReaders = 5;

/** Link property with the epoch, which Event Hubs also calls owner level. */
const epochProperty = 'com.microsoft:epoch';

interface Reader {
	readonly link: LinkRequest;
	readonly epoch: number | undefined;
}

/**
 * Who reads which partition. A reader with an epoch reads alone: it drives away readers with a
 * lower one or none, and is turned away by a higher one (Event Hubs documentation, "Consumers").
 */
export class ReaderEpochs {
	readonly #readers = new Map<string, Set<Reader>>();

	/** @param partition names the partition and the consumer group @throws AmqpError */
	enter(partition: string, link: LinkRequest): void {
		const epoch = epochOf(link);
		const readers = this.#readers.get(partition) ?? new Set<Reader>();
		const highest = Math.max(-1, ...[...readers].map((reader) => reader.epoch ?? -1));
		if (highest > (epoch ?? -1)) {
			throw stolen(`A reader with the higher epoch ${highest} is there.`);
		}
		if (epoch === undefined && readers.size >= maxReaders) {
			const message = `A partition has at most ${maxReaders} readers of a consumer group.`;
			throw new AmqpError('amqp:resource-limit-exceeded', message);
		}
		const reader = { link, epoch };
		this.#readers.set(partition, readers);
		const driven = epoch === undefined ? [] : [...readers];
		readers.add(reader);
		link.closed.addEventListener('abort', () => {
			readers.delete(reader);
			if (readers.size === 0) this.#readers.delete(partition);
		});
		for (const other of driven) other.link.close(stolen(`A reader with epoch ${epoch} has come.`));
	}
}

function epochOf({ properties }: LinkRequest): number | undefined {
	const epoch = properties.get(epochProperty);
	return epoch === undefined || epoch === null ? undefined : Number(epoch);
}

function stolen(message: string): AmqpError {
	return new AmqpError('amqp:link:stolen', message);
}
