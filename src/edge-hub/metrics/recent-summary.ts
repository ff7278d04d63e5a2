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
interface Series<Label extends string> {
	readonly labels: Labels<Label>;
	values: Float64Array;
	times: Float64Array;
	sum: number;
	count: number;
}

/**
 * A Prometheus summary whose quantiles come from the latest observations. Observing costs a few
 * writes to memory, as it happens several times for every message; the work is done when somebody
 * asks.
 */
export class RecentSummary<Label extends string> {
	readonly #options: RecentSummaryOptions<Label>;
	readonly #series = new Map<string, Series<Label>>();

	constructor(options: RecentSummaryOptions<Label>) {
		this.#options = options;
	}

	/** @param now milliseconds on a clock that never goes back */
	observe(labels: Labels<Label>, value: number, now: number): void {
		const series = this.#seriesOf(labels);
		const size = series.values.length;
		if (series.count === size && size < maxSamples) grow(series);
		const place = series.count % series.values.length;
		series.values[place] = value;
		series.times[place] = now;
		series.sum += value;
		series.count += 1;
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
			const sorted = recentValues(series, now - maxAge).sort();
			for (const quantile of quantiles) {
				const index = Math.min(Math.floor(sorted.length * quantile), sorted.length - 1);
				lines.push(`${name}${labelText({ quantile, ...all })} ${sorted[index] ?? Number.NaN}`);
			}
			lines.push(`${name}_sum${labelText(all)} ${sum}`, `${name}_count${labelText(all)} ${count}`);
		}
		return lines.join('\n');
	}

	#seriesOf(labels: Labels<Label>): Series<Label> {
		let key = '';
		for (const label of this.#options.labelNames) key += `${labels[label]}\n`;
		const known = this.#series.get(key);
		if (known !== undefined) return known;
		const [values, times] = [new Float64Array(firstSamples), new Float64Array(firstSamples)];
		const series: Series<Label> = { labels, values, times, sum: 0, count: 0 };
		this.#series.set(key, series);
		return series;
	}
}

/** Makes room, before the oldest observation would be overwritten for the first time. */
function grow<Label extends string>(series: Series<Label>): void {
	const { values, times } = series;
	series.values = new Float64Array(values.length * 2);
	series.values.set(values);
	series.times = new Float64Array(times.length * 2);
	series.times.set(times);
}

function recentValues<Label extends string>(
	{ values, times, count }: Series<Label>,
	since: number,
): Float64Array {
	const kept = Math.min(count, values.length);
	return values.slice(0, kept).filter((_, index) => (times[index] ?? 0) >= since);
}

function labelText(labels: Readonly<Record<string, string | number>>): string {
	const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
	return `{${parts.join(',')}}`;
}

function escaped(value: string | number): string {
	return String(value).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('"', '\\"');
}
