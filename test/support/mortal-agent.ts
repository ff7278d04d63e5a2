import type { InterceptedRequest, Interceptor } from './intercepted-client.ts';

/** At which write an agent is killed: before it is sent, or after it was done, unknown to the agent. */
export interface Death {
	/** Counted from 0. */
	readonly write: number;
	readonly moment: 'before' | 'after';
}

/** The life of one agent. After its death nothing of it reaches anybody. */
export class AgentLife {
	/** Its writes, in their order. */
	readonly writes: string[] = [];
	readonly #death: Death | undefined;
	#dead = false;

	constructor(death?: Death) {
		this.#death = death;
	}

	get isOver(): boolean {
		return this.#dead;
	}

	readonly intercept: Interceptor = async <Answer>(
		{ what, isWrite }: InterceptedRequest,
		send: () => Promise<Answer>,
	): Promise<Answer> => {
		this.#check();
		if (!isWrite) return this.#alive(await send());
		const isLast = this.#death?.write === this.writes.length;
		this.writes.push(what);
		if (isLast && this.#death?.moment === 'before') this.#dead = true;
		this.#check();
		const answer = await send();
		if (isLast) this.#dead = true;
		return this.#alive(answer);
	};

	#alive<Answer>(answer: Answer): Answer {
		this.#check();
		return answer;
	}

	#check(): void {
		if (this.#dead) throw new Error('The agent was killed.');
	}
}
