/** Messages of one module since the edge was started. */
export interface MessageCount {
	/** Delivered to its inputs. */
	in: number;
	/** Taken from it. */
	out: number;
}

/** What the edge hub has counted. */
export interface HubCounts {
	/** Module id → its messages. */
	readonly modules: ReadonlyMap<string, MessageCount>;
	/** Messages delivered along routes, to modules and to IoT Hub. */
	readonly routed: number;
	/** Messages delivered to IoT Hub. */
	readonly upstream: number;
}

const received = 'edgehub_messages_received_total';
const sent = 'edgehub_messages_sent_total';

/**
 * Reads the counters of the edge hub's metrics page (Prometheus text format). Counts go on when the
 * hub restarts and its own counters begin at zero again.
 */
export class HubCounters {
	readonly #last = new Map<string, number>();
	readonly #modules = new Map<string, MessageCount>();
	#routed = 0;
	#upstream = 0;

	/** Takes in a metrics page. */
	update(page: string): void {
		for (const line of page.split('\n')) {
			if (line.startsWith(received) || line.startsWith(sent)) this.#take(line);
		}
	}

	get counts(): HubCounts {
		return { modules: this.#modules, routed: this.#routed, upstream: this.#upstream };
	}

	#take(line: string): void {
		const space = line.lastIndexOf(' ');
		const series = line.slice(0, space);
		const value = Number(line.slice(space + 1));
		const last = this.#last.get(series) ?? 0;
		const growth = value >= last ? value - last : value;
		this.#last.set(series, value);
		if (series.startsWith(received)) this.#module(label(series, 'id')).out += growth;
		else this.#delivered(label(series, 'to'), growth);
	}

	#delivered(to: string, growth: number): void {
		this.#routed += growth;
		if (to === 'upstream') this.#upstream += growth;
		else this.#module(to).in += growth;
	}

	#module(id: string): MessageCount {
		const name = id.slice(id.indexOf('/') + 1);
		const known = this.#modules.get(name);
		if (known !== undefined) return known;
		const count = { in: 0, out: 0 };
		this.#modules.set(name, count);
		return count;
	}
}

function label(series: string, name: string): string {
	const match = new RegExp(`[{,]${name}="([^"]*)"`).exec(series);
	return match?.[1] ?? '';
}
