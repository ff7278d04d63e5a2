import { randomUUID } from 'node:crypto';
import { Counter, Gauge, Registry } from 'prom-client';
import { type CountedNetwork, countTraffic } from '../../iot-hub-client/traffic-counter.ts';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { QueueLength } from '../delivery/delivery.ts';
import type { DeliveryMetrics, DropReason, MessageOrigin } from '../delivery/delivery-metrics.ts';
import { MessageCounters, targetOf } from './message-counters.ts';
import { RecentSummary } from './recent-summary.ts';

const quantiles = [0.1, 0.5, 0.9, 0.99];
/** Milliseconds that a value counts in a summary. */
const summaryAge = 3_600_000;

export interface HubMetricsOptions {
	readonly hubHostName: string;
	readonly edgeDeviceId: string;
	/** Read when the page is asked for. */
	readonly queueLengths: () => readonly QueueLength[];
	readonly connectedClients: () => number;
	/** Whose bytes are counted. Default: none. */
	readonly network?: CountedNetwork;
	readonly clock: Clock;
}

/**
 * The hub's metrics under the names and labels of Azure IoT Edge ("Access built-in metrics"), so
 * that its dashboards work.
 */
export class HubMetrics implements DeliveryMetrics {
	readonly #registry = new Registry();
	readonly #summaries: RecentSummary<string>[] = [];
	readonly #options: HubMetricsOptions;
	/** Labels of every metric. */
	readonly #common: Readonly<Record<string, string>>;
	readonly #received = this.#counter('messages_received_total', 'Messages received from clients.', [
		'route_output',
		'id',
	]);
	readonly #sent = this.#counter('messages_sent_total', 'Messages sent to clients or upstream.', [
		'from',
		'to',
		'from_route_output',
		'to_route_input',
		'priority',
	]);
	readonly #size = this.#summary('message_size_bytes', 'Size of messages from clients.', ['id']);
	readonly #sendSeconds = this.#summary(
		'message_send_duration_seconds',
		'Time to send a message.',
		['from', 'to', 'from_route_output', 'to_route_input'],
	);
	readonly #processSeconds = this.#summary(
		'message_process_duration_seconds',
		'Time from the arrival of a message until it is sent.',
		['from', 'to', 'priority'],
	);
	readonly #messages: MessageCounters;
	readonly #dropped = this.#counter('messages_dropped_total', 'Messages removed before delivery.', [
		'reason',
		'from',
		'from_route_output',
	]);
	readonly #unacknowledged = this.#counter(
		'messages_unack_total',
		'Messages that were not acknowledged to their sender.',
		['reason', 'from', 'from_route_output'],
	);
	readonly #retries = this.#counter('operation_retry_total', 'Operations that were repeated.', [
		'id',
		'operation',
	]);
	readonly #twinGets = this.#counter('gettwin_total', 'Requests for twins.', ['source', 'id']);
	readonly #twinGetSeconds = this.#summary('gettwin_duration_seconds', 'Time to get a twin.', [
		'source',
		'id',
	]);
	readonly #reports = this.#counter(
		'reported_properties_total',
		'Patches of reported properties.',
		['target', 'id'],
	);
	readonly #reportSeconds = this.#summary(
		'reported_properties_update_duration_seconds',
		'Time to take in or push reported properties.',
		['target', 'id'],
	);
	readonly #methods = this.#counter('direct_methods_total', 'Direct methods called.', [
		'from',
		'to',
	]);
	readonly #methodSeconds = this.#summary(
		'direct_method_duration_seconds',
		'Time of a direct method.',
		['from', 'to'],
	);
	readonly #connects = this.#counter('client_connect_success_total', 'Clients connected.', ['id']);
	readonly #connectFailures = this.#counter(
		'client_connect_failed_total',
		'Clients that were refused.',
		['id', 'reason'],
	);
	readonly #offline = this.#counter('offline_count_total', 'Losses of the connection upstream.', [
		'id',
	]);
	readonly #offlineSeconds = this.#summary(
		'offline_duration_seconds',
		'Time without a connection upstream.',
		['id'],
	);
	readonly #keyless = this.#counter(
		'upstream_keyless_total',
		'Attempts to speak to IoT Hub for a client without a key, such as a leaf device with a certificate.',
		['id'],
	);
	readonly #heldBack = this.#counter(
		'client_held_back_seconds_total',
		'Time for which a client was held back because it sends more messages than it may.',
		['id'],
	);
	readonly #disconnects = this.#counter('client_disconnect_total', 'Clients disconnected.', ['id']);

	constructor(options: HubMetricsOptions) {
		this.#options = options;
		this.#messages = new MessageCounters(
			{
				received: this.#received,
				size: this.#size,
				sent: this.#sent,
				sendSeconds: this.#sendSeconds,
				processSeconds: this.#processSeconds,
			},
			options.clock,
		);
		this.#common = {
			iothub: options.hubHostName,
			edge_device: options.edgeDeviceId,
			instance_number: randomUUID(),
			ms_telemetry: 'True',
		};
		this.#registry.setDefaultLabels(this.#common);
		this.#gauges();
		if (options.network === undefined) return;
		countTraffic('edgehub_upstream_bytes_total', this.#registry, options.network);
	}

	/** The page in Prometheus text format. */
	async page(): Promise<string> {
		this.#messages.flush();
		const now = this.#options.clock.monotonic();
		const summaries = this.#summaries.map((summary) => summary.text(this.#common, now));
		return `${await this.#registry.metrics()}\n${summaries.join('\n\n')}\n`;
	}

	received(origin: MessageOrigin, bytes: number): void {
		this.#messages.received(origin, bytes);
	}

	sent(
		origin: MessageOrigin,
		endpoint: string,
		priority: number,
		sendSeconds: number,
		processSeconds: number,
	): void {
		this.#messages.sent(origin, endpoint, priority, sendSeconds, processSeconds);
	}

	dropped(reason: DropReason, { sender, output }: MessageOrigin): void {
		this.#dropped.inc({ reason, from: sender, from_route_output: output });
	}

	unacknowledged({ sender, output }: MessageOrigin): void {
		this.#unacknowledged.inc({
			reason: 'storage_failure',
			from: sender,
			from_route_output: output,
		});
	}

	retried(endpoint: string): void {
		this.#retries.inc({ id: targetOf(endpoint).to, operation: 'SendMessage' });
	}

	/** A client has got its twin, or the hub has asked IoT Hub for it. */
	twinGot(source: 'edge_hub' | 'upstream', identity: Identity, seconds: number): void {
		const labels = { source, id: identityKey(identity) };
		this.#twinGets.inc(labels);
		this.#twinGetSeconds.observe(labels, seconds, this.#options.clock.monotonic());
	}

	/** Reported properties have been taken in from a client, or pushed to IoT Hub. */
	reported(target: 'edge_hub' | 'upstream', identity: Identity, seconds: number): void {
		const labels = { target, id: identityKey(identity) };
		this.#reports.inc(labels);
		this.#reportSeconds.observe(labels, seconds, this.#options.clock.monotonic());
	}

	methodCalled(from: string, target: Identity, seconds: number): void {
		const labels = { from, to: identityKey(target) };
		this.#methods.inc(labels);
		this.#methodSeconds.observe(labels, seconds, this.#options.clock.monotonic());
	}

	/** A client that the hub knows has tried to connect; strangers would make up labels without end. */
	connectAttempted(identity: Identity, accepted: boolean, known: boolean): void {
		const id = known ? identityKey(identity) : 'unknown';
		if (accepted) this.#connects.inc({ id });
		else this.#connectFailures.inc({ id, reason: 'not_authenticated' });
	}

	/** An identity has lost its connection to IoT Hub. */
	offline(identity: Identity): void {
		this.#offline.inc({ id: identityKey(identity) });
	}

	/** There is no key to speak to IoT Hub for an identity. */
	keyless(identity: Identity): void {
		this.#keyless.inc({ id: identityKey(identity) });
	}

	onlineAgain(identity: Identity, seconds: number): void {
		this.#offlineSeconds.observe(
			{ id: identityKey(identity) },
			seconds,
			this.#options.clock.monotonic(),
		);
	}

	disconnected(identity: Identity): void {
		this.#disconnects.inc({ id: identityKey(identity) });
	}

	/** A client is held back for so many seconds. */
	heldBack(identity: Identity, seconds: number): void {
		this.#heldBack.inc({ id: identityKey(identity) }, seconds);
	}

	#gauges(): void {
		const { queueLengths, connectedClients } = this.#options;
		const registers = [this.#registry];
		new Gauge({
			name: 'edgehub_connected_clients',
			help: 'Clients connected now.',
			registers,
			collect() {
				this.set(connectedClients());
			},
		});
		new Gauge({
			name: 'edgehub_queue_length',
			help: 'Messages that wait for an endpoint.',
			labelNames: ['endpoint', 'priority'],
			registers,
			collect() {
				this.reset();
				for (const { endpoint, priority, length } of queueLengths()) {
					this.set({ endpoint, priority }, length);
				}
			},
		});
	}

	#counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
		return new Counter({ name: `edgehub_${name}`, help, labelNames, registers: [this.#registry] });
	}

	#summary<Label extends string>(
		name: string,
		help: string,
		labelNames: Label[],
	): RecentSummary<Label> {
		const summary = new RecentSummary({
			name: `edgehub_${name}`,
			help,
			labelNames,
			quantiles,
			maxAge: summaryAge,
		});
		this.#summaries.push(summary);
		return summary;
	}
}
