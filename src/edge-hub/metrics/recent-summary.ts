/** Observations that quantiles are taken from; of more, the latest. */
const maxSamples = 512;
const firstSamples = 16;

export interface RecentSummaryOptions<Label extends string> {
	/** Metric name, e.g. `edgehub_message_size_bytes`. */
	readonly name: string;
	readonly help: string;
	readonly labelNames: readonly Label[];
	/** From 0 to 1. */
	readonly quantiles: readonly number[];
	/** Milliseconds that an observation counts in quantiles. */
	readonly maxAge: number;
}

type Labels<Label extends string> = Readonly<Record<Label, string | number>>;

/** The observations of one set of labels. */
export class RecentSeries<Label extends string> {
	readonly labels: Labels<Label>;
	#values = new Float64Array(firstSamples);
	#times = new Float64Array(firstSamples);
	#sum = 0;
	#count = 0;

	constructor(labels: Labels<Label>) {
		this.labels = labels;
	}

	get sum(): number {
		return this.#sum;
	}

	get count(): number {
		return this.#count;
	}

	/** @param now milliseconds on a clock that never goes back */
	observe(value: number, now: number): void {
		const size = this.#values.length;
		if (this.#count === size && size < maxSamples) this.#grow();
		const place = this.#count % this.#values.length;
		this.#values[place] = value;
		this.#times[place] = now;
		this.#sum += value;
		this.#count += 1;
	}

	/** What was observed since then, as far as it is remembered. */
	valuesSince(since: number): Float64Array {
		const kept = Math.min(this.#count, this.#values.length);
		return this.#values.slice(0, kept).filter((_, index) => (this.#times[index] ?? 0) >= since);
	}

	/** Makes room, before the oldest observation would be overwritten for the first time. */
	#grow(): void {
		this.#values = doubled(this.#values);
		this.#times = doubled(this.#times);
	}
}

/**
 * A Prometheus summary whose quantiles come from the latest observations. Observing costs a few
 * writes to memory, as it happens several times for every message; the work is done when somebody
 * asks.
 */
export class RecentSummary<Label extends string> {
	readonly #options: RecentSummaryOptions<Label>;
	readonly #series = new Map<string, RecentSeries<Label>>();

	constructor(options: RecentSummaryOptions<Label>) {
		this.#options = options;
	}

	/** @param now milliseconds on a clock that never goes back */
	observe(labels: Labels<Label>, value: number, now: number): void {
		this.of(labels).observe(value, now);
	}

	/** The observations of a set of labels, for those who observe often. */
	of(labels: Labels<Label>): RecentSeries<Label> {
		let key = '';
		for (const label of this.#options.labelNames) key += `${labels[label]}\n`;
		const known = this.#series.get(key);
		if (known !== undefined) return known;
		const series = new RecentSeries(labels);
		this.#series.set(key, series);
		return series;
	}

	/**
	 * The metric in Prometheus text format. A quantile without recent observations is not a number.
	 * @param common labels that every line carries
	 */
	text(common: Readonly<Record<string, string>>, now: number): string {
		const { name, help, quantiles, maxAge } = this.#options;
		const lines = [`# HELP ${name} ${help}`, `# TYPE ${name} summary`];
		for (const series of this.#series.values()) {
			const { labels, sum, count } = series;
			const all = { ...labels, ...common };
			const sorted = series.valuesSince(now - maxAge).sort();
			for (const quantile of quantiles) {
				const index = Math.min(Math.floor(sorted.length * quantile), sorted.length - 1);
				lines.push(`${name}${labelText({ quantile, ...all })} ${sorted[index] ?? Number.NaN}`);
			}
			lines.push(`${name}_sum${labelText(all)} ${sum}`, `${name}_count${labelText(all)} ${count}`);
		}
		return lines.join('\n');
	}
}

function doubled(column: Float64Array): Float64Array<ArrayBuffer> {
	const larger = new Float64Array(column.length * 2);
	larger.set(column);
	return larger;
}

function labelText(labels: Readonly<Record<string, string | number>>): string {
	const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
	return `{${parts.join(',')}}`;
}

function escaped(value: string | number): string {
	return String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
