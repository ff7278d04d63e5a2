import { MessageScope } from '../../conditions/message-scope.ts';
import type { Message } from '../../protocol/message.ts';
import type { CompiledRoute } from './route.ts';
import { endpointId, type Sink } from './sink.ts';

/** An endpoint that a message is owed to, once however many routes lead there. */
export interface RouteTarget {
	readonly endpoint: string;
	readonly sink: Sink;
	readonly priority: number;
	/** Whether messages go before those that came in earlier. */
	readonly newestFirst: boolean;
	/** Seconds; 0 for the configuration's. */
	readonly timeToLiveSecs: number;
}

interface Candidate {
	readonly route: CompiledRoute;
	readonly target: RouteTarget;
}

/** Sources whose candidates are remembered; a client could make up any number of output names. */
const rememberedSources = 1000;

/** All routes of a configuration. */
export class RouteSet {
	readonly routes: readonly CompiledRoute[];
	/** Smallest priority first, so that the first match of an endpoint is the one that counts. */
	readonly #candidates: readonly Candidate[];
	readonly #bySource = new Map<string, readonly Candidate[]>();

	constructor(routes: readonly CompiledRoute[], edgeDeviceId: string) {
		this.routes = routes;
		this.#candidates = routes
			.map((route) => {
				const { sink, priority, newestFirst, timeToLiveSecs } = route;
				const endpoint = endpointId(sink, edgeDeviceId);
				return { route, target: { endpoint, sink, priority, newestFirst, timeToLiveSecs } };
			})
			.sort((a, b) => a.target.priority - b.target.priority);
	}

	/** Every endpoint that a route leads to, by id. */
	get sinks(): ReadonlyMap<string, Sink> {
		return new Map(this.#candidates.map(({ target }) => [target.endpoint, target.sink]));
	}

	/**
	 * Where a message goes: of the routes that match, for each endpoint the one with the smallest
	 * priority number.
	 * @param source as `telemetrySource` makes it.
	 */
	targetsOf(message: Message, source: string): RouteTarget[] {
		const targets: RouteTarget[] = [];
		const scope = new MessageScope(message);
		for (const { route, target } of this.#candidatesOf(source)) {
			if (targets.some(({ endpoint }) => endpoint === target.endpoint)) continue;
			if (route.condition.test(scope) === true) targets.push(target);
		}
		return targets;
	}

	#candidatesOf(source: string): readonly Candidate[] {
		const known = this.#bySource.get(source);
		if (known !== undefined) return known;
		const matching = this.#candidates.filter(({ route }) => route.matchesSource(source));
		if (this.#bySource.size >= rememberedSources) this.#bySource.clear();
		this.#bySource.set(source, matching);
		return matching;
	}
}
