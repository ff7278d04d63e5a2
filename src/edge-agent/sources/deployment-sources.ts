import type { JsonObject } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';
import type { DeploymentSource, SourceFault } from './deployment-source.ts';

/** Which source rules and what it says; `waiting` while a source before it may have a deployment. */
export type Ruling =
	| { readonly kind: 'waiting' }
	| { readonly kind: 'none' }
	| { readonly kind: 'ruling'; readonly source: DeploymentSource };

/** Which sources there are, and who is told. */
export interface DeploymentSourcesOptions {
	/** The most important first. */
	readonly sources: readonly DeploymentSource[];
	/** Takes desired properties of `$edgeAgent`. */
	readonly take: (desired: JsonObject) => void;
	/** Told that what should run cannot be told: what runs goes on. */
	readonly refuse: (fault: SourceFault) => void;
	/** Told when another source rules, and what it says is taken next. */
	readonly onRuling: (source: DeploymentSource) => void;
	/** Told after every change of any source. */
	readonly onChange: () => void;
}

/** The first source that has a deployment rules, were it a wrong one: nobody wants to fall back unawares. */
export function rulingOf(sources: readonly DeploymentSource[]): Ruling {
	for (const source of sources) {
		const { kind } = source.state;
		if (kind === 'unknown') return { kind: 'waiting' };
		if (kind !== 'absent') return { kind: 'ruling', source };
	}
	return { kind: 'none' };
}

/** The places that a deployment may come from, in their order. */
export class DeploymentSources implements Lifecycle {
	readonly #options: DeploymentSourcesOptions;
	#ruling: DeploymentSource | undefined;
	/** What was handed on last: the same is not handed on again. */
	#handed: unknown;

	constructor(options: DeploymentSourcesOptions) {
		this.#options = options;
	}

	/** The most important first. */
	get all(): readonly DeploymentSource[] {
		return this.#options.sources;
	}

	/** The source that rules; undefined before it is known, and where none has a deployment. */
	get ruling(): DeploymentSource | undefined {
		return this.#ruling;
	}

	async start(): Promise<void> {
		for (const source of this.#options.sources) {
			source.onChange(() => this.#changed());
			await source.start();
		}
		this.#changed();
	}

	async stop(): Promise<void> {
		for (const source of this.#options.sources.toReversed()) await source.stop();
	}

	#changed(): void {
		const ruling = rulingOf(this.#options.sources);
		if (ruling.kind === 'ruling') this.#rule(ruling.source);
		else if (ruling.kind === 'none') this.#missing();
		this.#options.onChange();
	}

	#rule(source: DeploymentSource): void {
		const { take, refuse, onRuling } = this.#options;
		if (source !== this.#ruling) {
			this.#ruling = source;
			onRuling(source);
		}
		const { state } = source;
		if (state.kind === 'present' && this.#isNews(state.desired)) take(state.desired);
		if (state.kind === 'faulty' && this.#isNews(state.fault)) refuse(state.fault);
		// What comes after it is taken, even if it is what was taken before.
		if (state.kind === 'held') this.#handed = undefined;
	}

	/** An empty twin is taken, and refused, like any other: its version is reported. */
	#missing(): void {
		const { sources, take, refuse } = this.#options;
		this.#ruling = undefined;
		const states = sources.map(({ state }) => state);
		const [only] = states.length === 1 ? states : [];
		if (only?.kind === 'absent' && only.desired !== undefined) {
			if (this.#isNews(only.desired)) take(only.desired);
			return;
		}
		const places = sources.map(({ place }) => place).join(', nor ');
		const description = `There is no deployment: neither ${places}. What ran before goes on.`;
		if (this.#isNews('missing')) refuse({ code: 417, description });
	}

	#isNews(content: unknown): boolean {
		const isNew = this.#handed !== content;
		this.#handed = content;
		return isNew;
	}
}
