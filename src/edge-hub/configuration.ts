import type { Compatibility } from '../conditions/compatibility.ts';
import { describeProblems } from '../conditions/route-problem.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../runtime/json.ts';
import { type CompiledRoute, compileRoute } from './routing/route.ts';
import { RouteSet } from './routing/route-set.ts';

/** What `$edgeHub`'s desired properties ask for. */
export interface HubConfiguration {
	readonly schemaVersion: string;
	readonly routes: RouteSet;
	/** Default time to live of stored messages in seconds; negative for no end. */
	readonly timeToLiveSecs: number;
	/** Bytes that stored messages may take; absent for the limit of the hub's settings only. */
	readonly maxSizeBytes?: number;
}

/** Why desired properties cannot be used. */
export interface ConfigurationRejection {
	/** At least one. */
	readonly problems: readonly ConfigurationProblem[];
}

export interface ConfigurationProblem {
	/** JSON path below the desired properties, e.g. `$.routes.r1`. */
	readonly path: string;
	/** One sentence. */
	readonly message: string;
}

/** What `$edgeHub` reports about the desired properties. */
export interface DesiredStatus {
	readonly code: 200 | 400;
	readonly description: string;
}

export interface ConfigurationOptions {
	/** The edge device's id, part of the ids of module inputs. */
	readonly edgeDeviceId: string;
	/** How to read conditions. Default `standard`. */
	readonly compatibility?: Compatibility;
	/** Names of routes whose newest messages go first. */
	readonly newestFirstRoutes?: ReadonlySet<string>;
}

/** Time to live where the deployment names none: what the Azure portal writes into new deployments. */
const defaultTimeToLiveSecs = 7200;

/** Of schema version 1. */
const newestMinor = 3;

const maxPriority = 9;
const maxRouteTimeToLive = 4_294_967_295;
const maxTimeToLive = 2_147_483_647;

/**
 * Reads desired properties of `$edgeHub`, schema versions 1.0 to 1.3. One bad route, type errors of
 * its condition included, fails the whole configuration; members of other purposes are ignored
 * (Azure IoT Edge documentation, "Properties of the IoT Edge agent and IoT Edge hub module twins").
 *
 * @returns the configuration, or all problems.
 */
export function readConfiguration(
	desired: JsonObject,
	options: ConfigurationOptions,
): HubConfiguration | ConfigurationRejection {
	const problems: ConfigurationProblem[] = [];
	const minor = readSchemaVersion(desired['schemaVersion'], problems);
	const routes = readRoutes(desired['routes'], minor ?? newestMinor, options, problems);
	const store = readStoreAndForward(desired['storeAndForwardConfiguration'], problems);
	if (problems.length > 0) return { problems };
	return {
		schemaVersion: jsonText(desired['schemaVersion']),
		routes: new RouteSet(routes, options.edgeDeviceId),
		...store,
	};
}

/** What to report after `readConfiguration`, in the words that operators know from Azure IoT Edge. */
export function desiredStatus(outcome: HubConfiguration | ConfigurationRejection): DesiredStatus {
	if (!('problems' in outcome)) return { code: 200, description: '' };
	const text = outcome.problems.map(({ message }) => message).join(' ');
	return { code: 400, description: `Error while parsing desired properties - ${text}` };
}

/** @returns the minor version, 0 to 3. */
function readSchemaVersion(
	version: JsonValue | undefined,
	problems: ConfigurationProblem[],
): number | undefined {
	const match =
		typeof version === 'string' ? /^(\d+)\.(\d+)(?:\.\d+){0,2}$/.exec(version.trim()) : null;
	const minor = Number(match?.[2]);
	if (match !== null && Number(match[1]) === 1 && minor <= newestMinor) return minor;
	const shown = version === undefined ? 'is missing' : `is ${JSON.stringify(version)}`;
	problems.push({
		path: '$.schemaVersion',
		message: `Invalid schema version: it ${shown}, expected "1.0" to "1.3".`,
	});
	return undefined;
}

function readRoutes(
	routes: JsonValue | undefined,
	minor: number,
	options: ConfigurationOptions,
	problems: ConfigurationProblem[],
): CompiledRoute[] {
	if (routes == null && minor === 0) return [];
	if (!isJsonObject(routes)) {
		const message = 'The routes must be an object of route names and routes.';
		problems.push({ path: '$.routes', message });
		return [];
	}
	const compiled: CompiledRoute[] = [];
	for (const [name, value] of Object.entries(routes)) {
		const route = new RouteReader(name, minor, options, problems).read(value);
		if (route !== undefined) compiled.push(route);
	}
	return compiled;
}

/** Reads one member of `routes`: a string, or from schema version 1.1 on an object. */
class RouteReader {
	readonly #name: string;
	readonly #minor: number;
	readonly #options: ConfigurationOptions;
	readonly #problems: ConfigurationProblem[];

	constructor(
		name: string,
		minor: number,
		options: ConfigurationOptions,
		problems: ConfigurationProblem[],
	) {
		this.#name = name;
		this.#minor = minor;
		this.#options = options;
		this.#problems = problems;
	}

	read(value: JsonValue | undefined): CompiledRoute | undefined {
		// In schema version 1.0 a route is switched off by emptying its text.
		const blank = value == null || (typeof value === 'string' && value.trim() === '');
		if (this.#minor === 0 && blank) return undefined;
		if (this.#name.trim() === '') return this.#reject('a route must have a name.');
		if (typeof value === 'string') return this.#compile(value, {});
		if (!isJsonObject(value) || this.#minor === 0) {
			const expected = this.#minor === 0 ? 'a string' : 'a string or an object';
			return this.#reject(`a route must be ${expected}.`);
		}
		const { route } = value;
		const priority = this.#integer(value, 'priority', maxPriority);
		const timeToLiveSecs = this.#integer(value, 'timeToLiveSecs', maxRouteTimeToLive);
		if (typeof route !== 'string') return this.#reject('the member "route" must be a string.');
		return this.#compile(route, {
			...(priority === undefined ? {} : { priority }),
			...(timeToLiveSecs === undefined ? {} : { timeToLiveSecs }),
		});
	}

	#compile(
		text: string,
		place: { readonly priority?: number; readonly timeToLiveSecs?: number },
	): CompiledRoute | undefined {
		const { compatibility = 'standard', newestFirstRoutes } = this.#options;
		const newestFirst = newestFirstRoutes?.has(this.#name) ?? false;
		const route = compileRoute(this.#name, text, { ...place, newestFirst, compatibility });
		if (!('problems' in route)) return route;
		return this.#reject(describeProblems(route.problems));
	}

	#integer(route: JsonObject, member: string, max: number): number | undefined {
		if (route[member] == null) return undefined;
		const value = integerOf(route[member]);
		if (value !== undefined && value >= 0 && value <= max) return value;
		this.#reject(`the member "${member}" must be an integer from 0 to ${max}.`);
		return undefined;
	}

	#reject(detail: string): undefined {
		const path = `$.routes[${JSON.stringify(this.#name)}]`;
		this.#problems.push({ path, message: `Error parsing route ${this.#name} - ${detail}` });
		return undefined;
	}
}

interface StoreAndForward {
	readonly timeToLiveSecs: number;
	readonly maxSizeBytes?: number;
}

/**
 * Time to live and size of the store. Where the time is missing Azure IoT Edge takes 0 seconds, which
 * loses every message; here it is two hours.
 */
function readStoreAndForward(
	configuration: JsonValue | undefined,
	problems: ConfigurationProblem[],
): StoreAndForward {
	const path = '$.storeAndForwardConfiguration';
	const fallback = { timeToLiveSecs: defaultTimeToLiveSecs };
	if (!isJsonObject(configuration)) {
		problems.push({ path, message: 'The storeAndForwardConfiguration must be an object.' });
		return fallback;
	}
	const timeToLiveSecs = integerOf(configuration['timeToLiveSecs'] ?? defaultTimeToLiveSecs);
	if (timeToLiveSecs === undefined || Math.abs(timeToLiveSecs) > maxTimeToLive) {
		const message = `The timeToLiveSecs must be an integer up to ${maxTimeToLive}; negative for no end.`;
		problems.push({ path: `${path}.timeToLiveSecs`, message });
		return fallback;
	}
	const limits = configuration['storeLimits'] ?? {};
	if (isJsonObject(limits) && limits['maxSizeBytes'] == null) return { timeToLiveSecs };
	const maxSizeBytes = isJsonObject(limits) ? integerOf(limits['maxSizeBytes']) : undefined;
	if (maxSizeBytes !== undefined && maxSizeBytes > 0) return { timeToLiveSecs, maxSizeBytes };
	const message = 'The storeLimits must be an object whose maxSizeBytes is a positive integer.';
	problems.push({ path: `${path}.storeLimits`, message });
	return fallback;
}

/** A whole number, also one that a manifest has as text, like those of `$edgeAgent`. */
function integerOf(value: JsonValue | undefined): number | undefined {
	const isText = typeof value === 'string' && /^\s*-?\d{1,16}\s*$/.test(value);
	const number = isText ? Number(value) : value;
	return Number.isInteger(number) ? (number as number) : undefined;
}
