import type { ExecutionContext } from 'ava';
import { type HubConfiguration, readConfiguration } from '../../src/edge-hub/configuration.ts';
import { Delivery, type DeliveryOptions } from '../../src/edge-hub/delivery/delivery.ts';
import type { DeliveryMetrics } from '../../src/edge-hub/delivery/delivery-metrics.ts';
import type { StoredMessage } from '../../src/edge-hub/delivery/endpoint.ts';
import { telemetrySource } from '../../src/edge-hub/routing/message-source.ts';
import { parseIdentityKey } from '../../src/protocol/identity.ts';
import type { Message } from '../../src/protocol/message.ts';
import type { JsonValue } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { MemoryMessageLog } from '../../src/storage/memory-message-log.ts';
import type { MessageLog } from '../../src/storage/message-log.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeEndpoint } from './fake-endpoint.ts';

/** Configuration with these routes, on the edge device `edge1`. */
export function configurationOf(
	routes: Record<string, JsonValue>,
	timeToLiveSecs = 3600,
	more: Record<string, JsonValue> = {},
	newestFirstRoutes: readonly string[] = [],
): HubConfiguration {
	const storeAndForwardConfiguration = { timeToLiveSecs, ...more };
	const outcome = readConfiguration(
		{ schemaVersion: '1.1', routes, storeAndForwardConfiguration },
		{ edgeDeviceId: 'edge1', newestFirstRoutes: new Set(newestFirstRoutes) },
	);
	if ('problems' in outcome) throw new Error(JSON.stringify(outcome.problems));
	return outcome;
}

/** A message of a client, by its identity key. */
export function messageOf(sender: string, body: string, properties = {}): Message {
	const { deviceId, moduleId } = parseIdentityKey(sender);
	const systemProperties = new Map([['connectionDeviceId', deviceId]]);
	if (moduleId !== undefined) systemProperties.set('connectionModuleId', moduleId);
	return {
		body: new TextEncoder().encode(body),
		properties: new Map(Object.entries(properties)),
		systemProperties,
	};
}

/** A delivery core between a log and fake endpoints. */
export class DeliveryFixture {
	readonly clock = new FakeClock();
	readonly endpoints = new Map<string, FakeEndpoint>();
	readonly poison: { readonly body: string; readonly endpoint: string }[] = [];
	/** What the metrics were told, e.g. `dropped no_route edge1/sensor`. */
	readonly counted: string[] = [];
	readonly log: MessageLog;
	readonly delivery: Delivery;
	/** Prepares an endpoint before its first message. */
	prepare: (endpoint: FakeEndpoint) => void = () => {};
	/** Set to let messages not be set aside. */
	poisonFault: Error | undefined;

	constructor(log: MessageLog = new MemoryMessageLog(), options: Partial<DeliveryOptions> = {}) {
		this.log = log;
		this.delivery = new Delivery({
			log,
			clock: this.clock,
			logger: silentLogger,
			metrics: this.#metrics(),
			createEndpoint: (_sink, id) => {
				const endpoint = new FakeEndpoint(id);
				this.endpoints.set(id, endpoint);
				this.prepare(endpoint);
				return endpoint;
			},
			poison: { setAside: (stored, endpoint) => this.#setAside(stored, endpoint) },
			random: () => 0,
			...options,
		});
	}

	async start(t: ExecutionContext, routes: Record<string, JsonValue>, seconds?: number) {
		await this.delivery.start();
		this.delivery.configure(configurationOf(routes, seconds));
		t.teardown(() => this.delivery.stop());
	}

	async ingest(sender: string, body: string, properties = {}): Promise<void> {
		const message = messageOf(sender, body, properties);
		await this.delivery.ingest(message, telemetrySource(parseIdentityKey(sender)));
	}

	endpoint(id: string): FakeEndpoint {
		const endpoint = this.endpoints.get(id);
		if (endpoint === undefined) throw new Error(`No endpoint ${id}.`);
		return endpoint;
	}

	#setAside(stored: StoredMessage, endpoint: string): void {
		if (this.poisonFault !== undefined) throw this.poisonFault;
		this.poison.push({ body: new TextDecoder().decode(stored.message.body), endpoint });
	}

	#metrics(): DeliveryMetrics {
		return {
			received: ({ sender }) => this.counted.push(`received ${sender}`),
			sent: ({ sender }, endpoint, priority, _seconds, process) =>
				this.counted.push(`sent ${sender} ${endpoint} ${priority} ${process}`),
			dropped: (reason, { sender }) => this.counted.push(`dropped ${reason} ${sender}`),
			unacknowledged: ({ sender }) => this.counted.push(`unacknowledged ${sender}`),
			retried: (endpoint) => this.counted.push(`retried ${endpoint}`),
		};
	}
}
