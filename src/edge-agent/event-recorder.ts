import type { ClusterClient } from '../cluster/cluster-client.ts';
import type { ObjectReference } from '../cluster/kubernetes-object.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';

/** What an Event says. */
export interface AgentEvent {
	readonly type: 'Normal' | 'Warning';
	/** CamelCase, for example `DriftRepaired`. */
	readonly reason: string;
	/** One or more sentences; cut at 1024 characters. */
	readonly note: string;
	/** The object it is about. */
	readonly regarding: ObjectReference & { readonly uid?: string };
}

/** What a recorder needs. */
export interface EventRecorderSettings {
	readonly client: ClusterClient;
	readonly namespace: string;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** Equal Events within this time count up one Event instead of making another. Milliseconds. */
const countedFor = 3_600_000;
/** The count of one Event is written at most so often. Milliseconds. */
const countedEvery = 60_000;
/** Different Events that are remembered, and that may wait to be written. */
const maxRemembered = 200;
/** Kubernetes takes no longer message. Characters. */
const maxNote = 1024;

interface Recorded {
	readonly name: string;
	count: number;
	readonly since: number;
	writtenAt: number;
}

/**
 * Tells people what the agent did, as Kubernetes Events (`kubectl describe`, `kubectl get events`).
 * Recording never waits and never fails: Events are news, not state.
 */
export class EventRecorder {
	readonly #settings: EventRecorderSettings;
	readonly #recorded = new Map<string, Recorded>();
	#waiting = 0;
	#last: Promise<void> = Promise.resolve();

	constructor(settings: EventRecorderSettings) {
		this.#settings = settings;
	}

	/** Writes an Event soon, or counts up an equal one. */
	record(event: AgentEvent): void {
		const now = this.#settings.clock.monotonic();
		const key = keyOf(event);
		const known = this.#recorded.get(key);
		if (known !== undefined && now - known.since < countedFor) {
			known.count += 1;
			if (now - known.writtenAt < countedEvery) return;
			known.writtenAt = now;
			this.#enqueue(() => this.#count(known));
			return;
		}
		const name = this.#nameOf(event, key);
		this.#recorded.delete(key);
		this.#recorded.set(key, { name, count: 1, since: now, writtenAt: now });
		const oldest = this.#recorded.keys().next();
		if (this.#recorded.size > maxRemembered && !oldest.done) this.#recorded.delete(oldest.value);
		this.#enqueue(() => this.#create(name, event));
	}

	/** Resolves when everything recorded so far is written or given up. */
	flush(): Promise<void> {
		return this.#last;
	}

	#enqueue(write: () => Promise<void>): void {
		if (this.#waiting >= maxRemembered) return;
		this.#waiting += 1;
		this.#last = this.#last.then(async () => {
			try {
				await write();
			} catch (error) {
				this.#settings.logger.debug('an Event was not written', { error: messageOf(error) });
			} finally {
				this.#waiting -= 1;
			}
		});
	}

	async #create(name: string, event: AgentEvent): Promise<void> {
		const { client, namespace } = this.#settings;
		const { type, reason, note, regarding } = event;
		const time = this.#time();
		await client.create({
			apiVersion: 'v1',
			kind: 'Event',
			metadata: { name, namespace },
			involvedObject: { ...regarding },
			type,
			reason,
			message: note.length > maxNote ? `${note.slice(0, maxNote - 1)}…` : note,
			source: { component: 'edge-agent' },
			reportingComponent: 'edge-agent',
			reportingInstance: 'edge-agent',
			firstTimestamp: time,
			lastTimestamp: time,
			count: 1,
		});
	}

	async #count({ name, count }: Recorded): Promise<void> {
		const { client, namespace } = this.#settings;
		const reference = { apiVersion: 'v1', kind: 'Event', name, namespace };
		await client.patch(reference, { count, lastTimestamp: this.#time() });
	}

	/** Unique by the object's name and the time, as is usual for Events. */
	#nameOf(event: AgentEvent, key: string): string {
		const moment = Math.floor(this.#settings.clock.now()).toString(16);
		let sum = 0;
		for (const letter of key) sum = (Math.imul(sum, 31) + (letter.codePointAt(0) ?? 0)) >>> 0;
		return `${event.regarding.name.slice(0, 200)}.${moment}${sum.toString(16).padStart(8, '0')}`;
	}

	/** `metav1.Time` has no fractions of a second. */
	#time(): string {
		return new Date(this.#settings.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
	}
}

function keyOf({ reason, note, regarding }: AgentEvent): string {
	return [regarding.kind, regarding.name, regarding.uid, reason, note].join('\n');
}
