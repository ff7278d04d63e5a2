import type { Counter } from 'prom-client';
import { type Identity, identityKey } from '../../protocol/identity.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { MessageOrigin } from '../delivery/delivery-metrics.ts';
import type { RecentSeries, RecentSummary } from './recent-summary.ts';

type RouteLabel = 'from' | 'to' | 'from_route_output' | 'to_route_input';

/** Metrics of messages that come and go. */
export interface MessageMetrics {
	readonly received: Counter<'route_output' | 'id'>;
	readonly size: RecentSummary<'id'>;
	readonly sent: Counter<RouteLabel | 'priority'>;
	readonly sendSeconds: RecentSummary<RouteLabel>;
	readonly processSeconds: RecentSummary<'from' | 'to' | 'priority'>;
}

/** Messages of one origin to one endpoint, of one priority. */
interface Sent {
	readonly endpoint: string;
	readonly priority: number;
	readonly labels: Readonly<Record<RouteLabel | 'priority', string | number>>;
	count: number;
	readonly sendSeconds: RecentSeries<RouteLabel>;
	readonly processSeconds: RecentSeries<'from' | 'to' | 'priority'>;
}

/** Messages of one origin. */
interface Traffic {
	readonly labels: Readonly<Record<'route_output' | 'id', string>>;
	received: number;
	readonly size: RecentSeries<'id'>;
	readonly sent: Sent[];
}

/** Origins that are known at once. */
const maxOrigins = 10_000;

/**
 * Counts messages. Labels are put together once for an origin, not for every message; counters of
 * the registry are brought up to date when somebody asks for them.
 */
export class MessageCounters {
	readonly #metrics: MessageMetrics;
	readonly #clock: Clock;
	readonly #traffic = new Map<MessageOrigin, Traffic>();

	constructor(metrics: MessageMetrics, clock: Clock) {
		this.#metrics = metrics;
		this.#clock = clock;
	}

	received(origin: MessageOrigin, bytes: number): void {
		const traffic = this.#of(origin);
		traffic.received += 1;
		traffic.size.observe(bytes, this.#clock.monotonic());
	}

	sent(
		origin: MessageOrigin,
		endpoint: string,
		priority: number,
		sendSeconds: number,
		processSeconds: number,
	): void {
		const sent = this.#sentTo(origin, endpoint, priority);
		const now = this.#clock.monotonic();
		sent.count += 1;
		sent.sendSeconds.observe(sendSeconds, now);
		sent.processSeconds.observe(processSeconds, now);
	}

	/** Brings the counters up to date. */
	flush(): void {
		for (const traffic of this.#traffic.values()) {
			this.#metrics.received.inc(traffic.labels, traffic.received);
			traffic.received = 0;
			for (const sent of traffic.sent) {
				this.#metrics.sent.inc(sent.labels, sent.count);
				sent.count = 0;
			}
		}
	}

	#of(origin: MessageOrigin): Traffic {
		const known = this.#traffic.get(origin);
		if (known !== undefined) return known;
		if (this.#traffic.size >= maxOrigins) {
			this.flush();
			this.#traffic.clear();
		}
		const { sender: id, output } = origin;
		const size = this.#metrics.size.of({ id });
		const traffic = { labels: { route_output: output, id }, received: 0, size, sent: [] };
		this.#traffic.set(origin, traffic);
		return traffic;
	}

	#sentTo(origin: MessageOrigin, endpoint: string, priority: number): Sent {
		const all = this.#of(origin).sent;
		for (const sent of all) {
			if (sent.priority === priority && sent.endpoint === endpoint) return sent;
		}
		const { to, input } = targetOf(endpoint);
		const from = origin.sender;
		const route = { from, to, from_route_output: origin.output, to_route_input: input };
		const sent = {
			endpoint,
			priority,
			labels: { ...route, priority },
			count: 0,
			sendSeconds: this.#metrics.sendSeconds.of(route),
			processSeconds: this.#metrics.processSeconds.of({ from, to, priority }),
		};
		all.push(sent);
		return sent;
	}
}

/** `iothub` → upstream; `edge1/filter/input1` → the module and its input. */
export function targetOf(endpoint: string): { readonly to: string; readonly input: string } {
	if (endpoint === 'iothub') return { to: 'upstream', input: '' };
	const [deviceId = '', moduleId = '', ...input] = endpoint.split('/');
	const target: Identity = { deviceId, moduleId };
	return { to: identityKey(target), input: input.join('/') };
}
