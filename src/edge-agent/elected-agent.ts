import type { LeaderElection, Leadership } from '../cluster/leader-election.ts';
import { Backoff } from '../runtime/backoff.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import type { EdgeAgent } from './agent.ts';

/** An agent as this needs it. */
export type AgentOfATerm = Pick<EdgeAgent, 'start' | 'stop' | 'fault' | 'ready' | 'progress'>;

export interface ElectedAgentOptions {
	/** Absent: this agent alone is responsible for the device. */
	readonly election?: Pick<LeaderElection, 'acquire'>;
	/** Makes the agent of one term, which tells when it is being uninstalled. */
	readonly createAgent: (onUninstallation: () => void) => AgentOfATerm;
	readonly clock: Clock;
	readonly logger: Logger;
}

const alwaysLeading: Leadership = {
	lost: new AbortController().signal,
	release: async () => {},
	abandon: () => {},
};

/**
 * An edge agent that acts only while it is the leader of those of its device: two would both be
 * `$edgeAgent`, and IoT Hub would disconnect each for the other. Whoever loses the leadership stops
 * acting and stands for election again.
 */
export class ElectedAgent implements Lifecycle {
	readonly #options: ElectedAgentOptions;
	readonly #abort = new AbortController();
	#agent: AgentOfATerm | undefined;
	#terms: Promise<void> | undefined;

	constructor(options: ElectedAgentOptions) {
		this.#options = options;
	}

	/** Resolves when the agent serves for the first time, or when it is stopped before. */
	async start(): Promise<void> {
		const first = Promise.withResolvers<void>();
		this.#terms ??= this.#serve(first.resolve).catch(first.reject);
		await Promise.race([first.promise, this.#terms]);
		await first.promise;
	}

	async stop(): Promise<void> {
		this.#abort.abort();
		await this.#terms;
	}

	/** Why the program should be started anew; undefined while it works or stands by. */
	get fault(): string | undefined {
		return this.#agent?.fault;
	}

	/** Whether it is the leader and serves modules. */
	get ready(): boolean {
		return this.#agent?.ready ?? false;
	}

	/** Of the agent that acts; undefined while another one does. */
	get progress(): AgentOfATerm['progress'] {
		return this.#agent?.progress;
	}

	async #serve(onFirst: () => void): Promise<void> {
		const { election, logger, clock } = this.#options;
		const { signal } = this.#abort;
		const backoff = new Backoff({ initial: 1000, max: 30_000 });
		for (let term = 1; !signal.aborted; term += 1) {
			const leadership = await (election?.acquire(signal) ?? Promise.resolve(alwaysLeading)).catch(
				() => undefined,
			);
			if (leadership === undefined) break;
			try {
				await this.#term(leadership, onFirst);
				backoff.reset();
			} catch (error) {
				if (term === 1) throw error;
				logger.error('The agent could not be started again.', { reason: messageOf(error) });
				await clock.sleep(backoff.next(), signal).catch(() => {});
			}
		}
		onFirst();
	}

	/** Ends with the leadership or with this agent. */
	async #term({ lost, release, abandon }: Leadership, onStarted: () => void): Promise<void> {
		const end = AbortSignal.any([lost, this.#abort.signal]);
		// With the agent its right to the Lease goes.
		const agent = this.#options.createAgent(abandon);
		this.#agent = agent;
		try {
			await Promise.race([agent.start().then(onStarted), aborted(end)]);
			await aborted(end);
		} finally {
			this.#agent = undefined;
			// The next leader speaks for the device by then.
			await agent.stop({ report: !lost.aborted });
			await release();
		}
	}
}

function aborted(signal: AbortSignal): Promise<void> {
	if (signal.aborted) return Promise.resolve();
	return new Promise((resolve) =>
		signal.addEventListener('abort', () => resolve(), { once: true }),
	);
}
