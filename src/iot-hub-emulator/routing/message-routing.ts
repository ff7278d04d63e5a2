import type { Condition } from '../../conditions/condition.ts';
import { MessageScope } from '../../conditions/message-scope.ts';
import type { Identity } from '../../protocol/identity.ts';
import { maxMessageSize } from '../../protocol/message.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { KeyValueStore } from '../../storage/key-value-store.ts';
import { IotHubError } from '../iot-hub-error.ts';
import { meteredSize } from '../message-size.ts';
import { StoredJson } from '../stored-json.ts';
import type { NewTelemetryEvent } from '../telemetry/telemetry-event.ts';
import type { TelemetryLog } from '../telemetry/telemetry-log.ts';
import type { Twins } from '../twin/twins.ts';
import { builtInEndpoint } from './endpoint-document.ts';
import { enrichedValue } from './enrichment.ts';
import { RoutedMessage, routingSourceOf } from './routed-message.ts';
import {
	defaultRouting,
	type RouteDocument,
	type RoutingDocument,
	type RoutingSource,
	requireCondition,
	routingFrom,
} from './routing-document.ts';

/** What routing is made from. */
export interface MessageRoutingParts {
	readonly store: KeyValueStore;
	readonly telemetry: TelemetryLog;
	readonly twins: Twins;
	/** What enrichments know as `$iothubname`. */
	readonly hubName: string;
	readonly logger: Logger;
}

interface CompiledRoute {
	readonly document: RouteDocument;
	readonly condition: Condition;
}

/** Names that event hubs have ever had: each has partitions of its own in the log. */
const maxEventHubs = 60;

/**
 * Message routing: which endpoints get what devices send and what the hub tells, and what is added on
 * the way. An endpoint gets a message once, however many routes lead there; what no route wants takes
 * the fallback route, or is lost (IoT Hub documentation, "Use IoT Hub message routing").
 */
export class MessageRouting {
	readonly #parts: MessageRoutingParts;
	readonly #stored: StoredJson<RoutingDocument>;
	readonly #storedNames: StoredJson<readonly string[]>;
	/** Lower-case names of event hubs by their number less one; the built-in one is number 0. */
	#names: readonly string[] = [];
	#document = defaultRouting;
	#routes: readonly CompiledRoute[] = [];
	#fallback: CompiledRoute | undefined;
	#alsoSent: ReadonlySet<RoutingSource> = new Set();

	constructor(parts: MessageRoutingParts) {
		this.#parts = parts;
		this.#stored = new StoredJson(parts.store, 'routing');
		this.#storedNames = new StoredJson(parts.store, 'routing-event-hubs');
		this.#apply(defaultRouting);
	}

	/** @param given in the place of what the last run has had. @throws IotHubError ArgumentInvalid */
	load(given: unknown): void {
		this.#names = this.#storedNames.get('names') ?? [];
		if (given === undefined) this.#apply(this.#stored.get('current') ?? defaultRouting);
		else this.put(given);
	}

	get document(): RoutingDocument {
		return this.#document;
	}

	/** Takes the place of all routing. @throws IotHubError ArgumentInvalid */
	put(body: unknown): RoutingDocument {
		const document = routingFrom(body);
		this.#numberEventHubs(document);
		this.#stored.set('current', document);
		this.#apply(document);
		return document;
	}

	/** Back to what a new hub does. */
	reset(): void {
		this.#stored.delete('current');
		this.#apply(defaultRouting);
	}

	/** Sends what comes from these sources to the built-in endpoint, whatever the routes say. */
	alsoSend(sources: readonly RoutingSource[]): void {
		this.#alsoSent = new Set(sources);
	}

	/** Whether anybody wants what comes from a source. */
	listensTo(source: RoutingSource): boolean {
		if (this.#alsoSent.has(source)) return true;
		return this.#routes.some(({ document }) => document.source === source);
	}

	/** Number of the event hub of a custom endpoint, for `TelemetryLog`. */
	eventHubOf(endpoint: string): number | undefined {
		const lowerCase = endpoint.toLowerCase();
		const exists = this.#document.endpoints.eventHubs.some(
			({ name }) => name.toLowerCase() === lowerCase,
		);
		return exists ? this.#names.indexOf(lowerCase) + 1 : undefined;
	}

	/**
	 * Writes an event to every endpoint that wants it.
	 *
	 * @returns once it is durable everywhere
	 */
	async accept(event: NewTelemetryEvent): Promise<void> {
		const source = routingSourceOf(event.systemProperties['iothub-message-source'] ?? '');
		const scope = new MessageScope(new RoutedMessage(event), () => this.#twinOf(event.identity));
		const routes = this.matches(scope, source);
		const endpoints = new Set(routes.flatMap(({ endpointNames }) => endpointNames));
		if (this.#alsoSent.has(source)) endpoints.add(builtInEndpoint);
		await Promise.all([...endpoints].map((endpoint) => this.#write(event, endpoint)));
	}

	/** Routes that a message takes; the fallback route where it takes no other. */
	matches(scope: MessageScope, source: RoutingSource): RouteDocument[] {
		const wants = ({ document, condition }: CompiledRoute) =>
			document.source === source && condition.test(scope) === true;
		const taken = this.#routes.filter(wants);
		if (taken.length === 0 && this.#fallback !== undefined && wants(this.#fallback)) {
			return [this.#fallback.document];
		}
		return taken.map(({ document }) => document);
	}

	async #write(event: NewTelemetryEvent, endpoint: string): Promise<void> {
		const enriched = this.#enriched(event, endpoint);
		if (enriched !== event && sizeOf(enriched) > maxMessageSize) {
			const fields = { endpoint, deviceId: event.identity.deviceId };
			this.#parts.logger.warn('a message is too large with its enrichments and is lost', fields);
			return;
		}
		const eventHub = endpoint === builtInEndpoint ? 0 : this.eventHubOf(endpoint);
		if (eventHub !== undefined) await this.#parts.telemetry.append(enriched, eventHub);
	}

	#enriched(event: NewTelemetryEvent, endpoint: string): NewTelemetryEvent {
		const wanted = this.#document.enrichments.filter(({ endpointNames }) =>
			endpointNames.includes(endpoint),
		);
		if (wanted.length === 0) return event;
		const known = { hubName: this.#parts.hubName, twin: this.#twinOf(event.identity) };
		const stamped = wanted.map(({ key, value }) => [key, enrichedValue(value, known)]);
		return { ...event, properties: { ...event.properties, ...Object.fromEntries(stamped) } };
	}

	/** The twin of the sender itself: modules do not have their device's tags. */
	#twinOf(identity: Identity): JsonObject | undefined {
		const twin = this.#parts.twins.find(identity);
		if (twin === undefined) return undefined;
		const { tags, desired, reported } = twin;
		return { tags, properties: { desired: desired.values, reported: reported.values } };
	}

	#apply(document: RoutingDocument): void {
		this.#document = document;
		const compile = (route: RouteDocument) => ({
			document: route,
			condition: requireCondition(route),
		});
		this.#routes = document.routes.filter(({ isEnabled }) => isEnabled).map(compile);
		const { fallbackRoute } = document;
		this.#fallback = fallbackRoute.isEnabled ? compile(fallbackRoute) : undefined;
	}

	#numberEventHubs({ endpoints }: RoutingDocument): void {
		const names = endpoints.eventHubs.map(({ name }) => name.toLowerCase());
		const all = [...new Set([...this.#names, ...names])];
		if (all.length > maxEventHubs) {
			const message = `This hub has had ${maxEventHubs} event hubs of different names, use one of them.`;
			throw new IotHubError('ArgumentInvalid', message);
		}
		this.#names = all;
		this.#storedNames.set('names', all);
	}
}

function sizeOf({ body, properties }: NewTelemetryEvent): number {
	return meteredSize({
		body,
		properties: new Map(Object.entries(properties)),
		systemProperties: new Map(),
	});
}
