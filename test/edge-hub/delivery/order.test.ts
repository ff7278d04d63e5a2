import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { telemetrySource } from '../../../src/edge-hub/routing/message-source.ts';
import { parseIdentityKey } from '../../../src/protocol/identity.ts';
import { MemoryMessageLog } from '../../../src/storage/memory-message-log.ts';
import { DeliveryFixture, messageOf } from '../../support/delivery-fixture.ts';
import type { FakeEndpoint } from '../../support/fake-endpoint.ts';

const routes = {
	urgent: { route: "FROM /messages/* WHERE kind = '0' INTO $upstream", priority: 0 },
	normal: { route: "FROM /messages/* WHERE kind = '5' INTO $upstream", priority: 5 },
	rest: 'FROM /messages/* INTO $upstream',
	filter: 'FROM /messages/* INTO BrokeredEndpoint("/modules/filter/inputs/in1")',
};

type Step =
	| { readonly ingest: number; readonly sender: number; readonly kind: number }
	| { readonly wait: number }
	| { readonly ready: boolean }
	| 'restart';

const step = fc.oneof(
	{
		weight: 5,
		arbitrary: fc.record({
			ingest: fc.integer({ min: 1, max: 15 }),
			sender: fc.nat(2),
			kind: fc.constantFrom(0, 5, 9),
		}),
	},
	{ weight: 2, arbitrary: fc.record({ wait: fc.constantFrom(0, 500, 3000, 70_000) }) },
	{ weight: 1, arbitrary: fc.record({ ready: fc.boolean() }) },
	{ weight: 1, arbitrary: fc.constant('restart' as const) },
);

test('whatever fails and restarts, every message arrives, in order per sender and priority', async (t) => {
	await fc.assert(
		fc.asyncProperty(
			fc.array(step, { maxLength: 25 }),
			fc.infiniteStream(fc.nat(12)),
			async (steps, cuts) => {
				const scenario = new Scenario(t, cuts);
				await scenario.run(steps);
			},
		),
		{ numRuns: 40 },
	);
});

/** A hub that is used and restarted; endpoints take the beginning of each batch only. */
class Scenario {
	readonly #t: ExecutionContext;
	readonly #cuts: Iterator<number>;
	readonly #log = new MemoryMessageLog();
	readonly #sent: string[] = [];
	readonly #got = new Map<string, string[]>();
	#hub: DeliveryFixture | undefined;
	#honest = false;

	constructor(t: ExecutionContext, cuts: Iterable<number>) {
		this.#t = t;
		this.#cuts = cuts[Symbol.iterator]();
	}

	async run(steps: readonly Step[]): Promise<void> {
		await this.#restart();
		for (const current of steps) await this.#take(current);
		this.#honest = true;
		await this.#take({ ready: true });
		await this.#take({ wait: 120_000 });
		for (const [endpoint, bodies] of this.#got) {
			for (const stream of new Set(this.#sent.map(streamOf))) {
				this.#t.deepEqual(
					bodies.filter((body) => streamOf(body) === stream),
					this.#sent.filter((body) => streamOf(body) === stream),
					`${endpoint}, sender and kind ${stream}`,
				);
			}
		}
		this.#t.is(this.#log.size.records, 0);
		await this.#hub?.delivery.stop();
	}

	async #take(current: Step): Promise<void> {
		if (current === 'restart') await this.#restart();
		else if ('wait' in current) await this.#hub?.clock.advance(current.wait);
		else if ('ready' in current) {
			for (const endpoint of this.#hub?.endpoints.values() ?? []) {
				if (current.ready) endpoint.becomeReady();
				else endpoint.ready = false;
			}
		} else await this.#ingest(current.ingest, `leaf${current.sender}`, current.kind);
	}

	async #ingest(count: number, sender: string, kind: number): Promise<void> {
		const source = telemetrySource(parseIdentityKey(sender));
		const bodies = Array.from({ length: count }, () => this.#body(sender, kind));
		const messages = bodies.map((body) => messageOf(sender, body, { kind: `${kind}` }));
		await Promise.all(messages.map((message) => this.#hub?.delivery.ingest(message, source)));
	}

	#body(sender: string, kind: number): string {
		const body = `${sender} ${kind} ${this.#sent.length}`;
		this.#sent.push(body);
		return body;
	}

	async #restart(): Promise<void> {
		await this.#hub?.delivery.stop();
		const hub = new DeliveryFixture(this.#log, { cacheBytes: 500 });
		hub.prepare = (endpoint) => this.#prepare(endpoint);
		this.#hub = hub;
		await hub.start(this.#t, routes, -1);
	}

	#prepare(endpoint: FakeEndpoint): void {
		const upstream = endpoint.id === 'iothub';
		endpoint.ordering = upstream ? 'sender' : 'endpoint';
		endpoint.concurrency = upstream ? 2 : 1;
		endpoint.answer = (messages) => {
			const cut = this.#honest ? messages.length : (this.#cuts.next().value as number);
			const got = this.#got.get(endpoint.id) ?? [];
			this.#got.set(endpoint.id, got);
			for (const { message } of messages.slice(0, cut)) {
				got.push(new TextDecoder().decode(message.body));
			}
			return messages.map((_, index) => (index < cut ? 'delivered' : 'retry'));
		};
	}
}

/** Messages of one sender and priority: what must keep its order. */
function streamOf(body: string): string {
	return body.slice(0, body.lastIndexOf(' '));
}
