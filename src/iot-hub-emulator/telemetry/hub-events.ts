import type { Identity } from '../../protocol/identity.ts';
import { messageOf } from '../../runtime/edge-error.ts';
import type { DeviceConnections } from '../connections/device-connections.ts';
import type { HubSurroundings } from '../hub-surroundings.ts';
import type { IdentityRegistry } from '../registry/identity-registry.ts';
import type { MessageRouting } from '../routing/message-routing.ts';
import { routingSourceOf } from '../routing/routed-message.ts';
import { StoredJson } from '../stored-json.ts';
import { sectionWithMetadata } from '../twin/twin-section.ts';
import type { Twins } from '../twin/twins.ts';
import type { NewTelemetryEvent } from './telemetry-event.ts';

/** Parts of the hub where something happens, and where it is told. */
interface EventfulHub extends HubSurroundings {
	readonly registry: IdentityRegistry;
	readonly twins: Twins;
	readonly connections: DeviceConnections;
	readonly routing: MessageRouting;
}

/** What the hub itself sends (IoT Hub documentation, "Non-telemetry events"). */
export type EventSource =
	| 'twinChangeEvents'
	| 'deviceLifecycleEvents'
	| 'deviceConnectionStateEvents';

interface HubEvent {
	readonly source: EventSource;
	readonly schema: string;
	readonly operation: string;
	readonly body: object;
}

/** Every source that there is besides telemetry. */
export const eventSources: readonly EventSource[] = [
	'twinChangeEvents',
	'deviceLifecycleEvents',
	'deviceConnectionStateEvents',
];

/** Makes events of what happens in the hub, where somebody wants them. */
export class HubEvents {
	readonly #hub: EventfulHub;
	readonly #stored: StoredJson<readonly EventSource[]>;
	readonly #wanted = new Set<EventSource>();
	readonly #given: readonly EventSource[] | undefined;

	/** @param given what is wanted, whatever the last run has had */
	constructor(hub: EventfulHub, given: readonly EventSource[] | undefined) {
		this.#hub = hub;
		this.#given = given;
		this.#stored = new StoredJson(hub.store, 'event-sources');
	}

	/** To be called once. */
	load(): void {
		this.want(this.#given ?? this.#stored.get('wanted') ?? []);
		listen(this.#hub);
	}

	/** Sources whose events the built-in endpoint gets, whatever the routes say. */
	get wanted(): EventSource[] {
		return [...this.#wanted];
	}

	/** Sends events of these sources to the built-in endpoint from now on, of others as routes say. */
	want(sources: readonly EventSource[]): void {
		this.#wanted.clear();
		for (const source of sources) this.#wanted.add(source);
		this.#hub.routing.alsoSend(sources.map(routingSourceOf));
		this.#stored.set('wanted', this.wanted);
	}
}

function listen(hub: EventfulHub): void {
	const { registry, twins, connections, routing } = hub;
	const wanted = (source: EventSource) => routing.listensTo(routingSourceOf(source));
	twins.onChange((identity, update) => {
		if (!wanted('twinChangeEvents')) return;
		write(hub, identity, {
			source: 'twinChangeEvents',
			schema: 'twinChangeNotification',
			operation: 'updateTwin',
			body: update,
		});
	});
	registry.onChange((identity, change) => {
		if (change === 'updated' || !wanted('deviceLifecycleEvents')) return;
		// The transaction that this is called in ends first.
		queueMicrotask(() => lifecycle(hub, identity, change));
	});
	const sequenceNumber = growing(() => hub.clock.now());
	connections.onState((identity, connected) => {
		if (!wanted('deviceConnectionStateEvents')) return;
		write(hub, identity, {
			source: 'deviceConnectionStateEvents',
			schema: `${kindOf(identity)}ConnectionStateNotification`,
			operation: `${kindOf(identity)}${connected ? 'Connected' : 'Disconnected'}`,
			body: { sequenceNumber: sequenceNumber() },
		});
	});
}

function lifecycle(hub: EventfulHub, identity: Identity, change: 'created' | 'deleted'): void {
	const { deviceId, moduleId } = identity;
	const exists =
		moduleId === undefined
			? hub.registry.findDevice(deviceId) !== undefined
			: hub.registry.findModule({ deviceId, moduleId }) !== undefined;
	// A transaction that failed has not happened.
	if (exists !== (change === 'created')) return;
	const kind = moduleId === undefined ? 'Device' : 'Module';
	write(hub, identity, {
		source: 'deviceLifecycleEvents',
		schema: `${kindOf(identity)}LifecycleNotification`,
		operation: `${change === 'created' ? 'create' : 'delete'}${kind}Identity`,
		body: exists ? { ...identity, ...twinOf(hub, identity) } : identity,
	});
}

function twinOf(hub: EventfulHub, identity: Identity): object {
	const { version, tags, desired, reported } = hub.twins.get(identity);
	return {
		version,
		tags,
		properties: {
			desired: sectionWithMetadata(desired),
			reported: sectionWithMetadata(reported),
		},
	};
}

function write(hub: EventfulHub, identity: Identity, event: HubEvent): void {
	hub.routing.accept(eventOf(hub, identity, event)).catch((error: unknown) => {
		const reason = messageOf(error);
		hub.logger.error('an event of the hub was not written', { source: event.source, reason });
	});
}

function eventOf(
	hub: EventfulHub,
	identity: Identity,
	{ source, schema, operation, body }: HubEvent,
): NewTelemetryEvent {
	const now = hub.clock.now();
	const time = new Date(now).toISOString();
	const { deviceId, moduleId } = identity;
	return {
		enqueuedTime: now,
		identity,
		systemProperties: {
			'content-type': 'application/json',
			'content-encoding': 'utf-8',
			'iothub-connection-device-id': deviceId,
			...(moduleId === undefined ? {} : { 'iothub-connection-module-id': moduleId }),
			'iothub-enqueuedtime': time,
			'iothub-message-source': source,
		},
		properties: {
			deviceId,
			...(moduleId === undefined ? {} : { moduleId }),
			opType: operation,
			operationTimestamp: time,
			'iothub-message-schema': schema,
		},
		body: Buffer.from(JSON.stringify(body)),
	};
}

function kindOf({ moduleId }: Identity): 'device' | 'module' {
	return moduleId === undefined ? 'device' : 'module';
}

/** Numbers that grow with time, never the same twice: they tell which of two states is newer. */
function growing(now: () => number): () => string {
	let last = 0n;
	return () => {
		const wanted = BigInt(Math.trunc(now())) * 1_000n;
		last = wanted > last ? wanted : last + 1n;
		return last.toString(16).toUpperCase().padStart(64, '0');
	};
}
