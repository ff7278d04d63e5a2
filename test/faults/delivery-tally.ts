/** A message of a fault run: which sender's how manyth it is, and on which lane it goes. */
export interface NumberedMessage {
	readonly sender: string;
	readonly number: number;
	/** Stands for the priority of its routes. */
	readonly lane: string;
}

/** What a fault run found at one endpoint. */
export interface EndpointTally {
	readonly endpoint: string;
	/** Different messages. */
	readonly arrived: number;
	/** Acknowledged to their sender, and never seen here. */
	readonly lost: number;
	/** Arrivals of what had arrived before. */
	readonly duplicates: number;
	/** First arrivals behind a later message of the same sender and lane. */
	readonly disorder: number;
}

interface Arrivals {
	readonly seen: Set<string>;
	/** Sender and lane → number of the latest. */
	readonly latest: Map<string, number>;
	duplicates: number;
	disorder: number;
	/** A few of those that came too late, for whoever looks for the cause. */
	readonly examples: string[];
}

/** The text of a message, padded to a size. */
export function textOf({ sender, number, lane }: NumberedMessage, bytes = 0): string {
	return `${sender} ${number} ${lane} `.padEnd(bytes, '.');
}

/** @throws RangeError for a text that `textOf` has not made. */
export function parseText(text: string): NumberedMessage {
	const [sender = '', number = '', lane = ''] = text.split(' ');
	if (!/^\d+$/.test(number) || lane === '') throw new RangeError(`No numbered message: ${text}`);
	return { sender, number: Number(number), lane };
}

/** Keeps account of what senders were promised and of what endpoints got. */
export class DeliveryTally {
	readonly #acknowledged = new Set<string>();
	readonly #endpoints = new Map<string, Arrivals>();

	/** @param endpoints each of them is owed every acknowledged message */
	constructor(endpoints: readonly string[]) {
		for (const endpoint of endpoints) {
			const arrivals = { seen: new Set<string>(), latest: new Map<string, number>() };
			this.#endpoints.set(endpoint, { ...arrivals, duplicates: 0, disorder: 0, examples: [] });
		}
	}

	get acknowledged(): number {
		return this.#acknowledged.size;
	}

	acknowledge({ sender, number }: Omit<NumberedMessage, 'lane'>): void {
		this.#acknowledged.add(`${sender} ${number}`);
	}

	arrive(endpoint: string, { sender, number, lane }: NumberedMessage): void {
		const arrivals = this.#of(endpoint);
		const id = `${sender} ${number}`;
		if (arrivals.seen.has(id)) {
			arrivals.duplicates += 1;
			return;
		}
		arrivals.seen.add(id);
		const flow = `${sender} ${lane}`;
		const latest = arrivals.latest.get(flow) ?? -1;
		if (number > latest) {
			arrivals.latest.set(flow, number);
			return;
		}
		arrivals.disorder += 1;
		if (arrivals.examples.length < 5) arrivals.examples.push(`${id} (${lane}) behind ${latest}`);
	}

	/** Messages that senders were promised and that an endpoint has not seen yet. */
	missing(endpoint: string): string[] {
		const { seen } = this.#of(endpoint);
		return [...this.#acknowledged].filter((id) => !seen.has(id));
	}

	disorderExamples(endpoint: string): readonly string[] {
		return this.#of(endpoint).examples;
	}

	get endpoints(): EndpointTally[] {
		return [...this.#endpoints].map(([endpoint, { seen, duplicates, disorder }]) => ({
			endpoint,
			arrived: seen.size,
			lost: this.missing(endpoint).length,
			duplicates,
			disorder,
		}));
	}

	#of(endpoint: string): Arrivals {
		const arrivals = this.#endpoints.get(endpoint);
		if (arrivals === undefined) throw new RangeError(`No endpoint ${endpoint}.`);
		return arrivals;
	}
}
