import { randomUUID } from 'node:crypto';
import { EdgeError, messageOf } from '../../../runtime/edge-error.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import type { Lifecycle } from '../../../runtime/lifecycle.ts';
import type { Logger } from '../../../runtime/logger.ts';
import { type AgentMethod, methodFault, versionedPayload } from '../agent-methods.ts';

/** How far a task is, as Azure IoT Edge names it. */
export type TaskStatus =
	| 'NotStarted'
	| 'Running'
	| 'Completed'
	| 'Cancelled'
	| 'Failed'
	| 'Unknown';

/** What a caller is told of a task. */
export interface TaskReport extends JsonObject {
	status: TaskStatus;
	/** Empty unless the task has failed. */
	message: string;
	correlationId: string;
}

/** Tasks that wait their turn; each may need much memory, hence one runs at a time. */
const maxWaiting = 20;
/** Tasks that callers can still ask about. */
const maxRemembered = 200;

/**
 * Work that takes longer than a direct method may: it is begun by one call and asked about by
 * others. Tasks run one after the other and are forgotten with the agent.
 */
export class TaskTable implements Lifecycle {
	readonly #logger: Logger;
	readonly #reports = new Map<string, TaskReport>();
	readonly #abort = new AbortController();
	#waiting = 0;
	#last: Promise<void> = Promise.resolve();

	constructor(logger: Logger) {
		this.#logger = logger;
	}

	async start(): Promise<void> {}

	/** Cancels what runs and what waits. */
	async stop(): Promise<void> {
		this.#abort.abort();
		await this.#last;
	}

	/**
	 * Begins a task as soon as those before it have ended.
	 *
	 * @param operation in a few words, e.g. `upload logs`.
	 * @throws EdgeError EDGE_METHOD_BUSY
	 */
	begin(operation: string, run: (signal: AbortSignal) => Promise<void>): TaskReport {
		if (this.#waiting >= maxWaiting) {
			throw new EdgeError('EDGE_METHOD_BUSY', `${maxWaiting} tasks wait already.`);
		}
		const correlationId = randomUUID();
		const report = this.#enter({ status: 'NotStarted', message: '', correlationId });
		this.#waiting += 1;
		this.#last = this.#last.then(async () => {
			this.#waiting -= 1;
			await this.#run(correlationId, operation, run);
		});
		return report;
	}

	/** Status `Unknown` where there is no such task. */
	get(correlationId: string): TaskReport {
		const unknown: TaskReport = { status: 'Unknown', message: '', correlationId };
		return this.#reports.get(correlationId) ?? unknown;
	}

	async #run(
		correlationId: string,
		operation: string,
		run: (signal: AbortSignal) => Promise<void>,
	): Promise<void> {
		const { signal } = this.#abort;
		const end = (status: TaskStatus, message = '') =>
			this.#enter({ status, message, correlationId });
		if (signal.aborted) return void end('Cancelled');
		end('Running');
		try {
			await run(signal);
			end('Completed');
		} catch (error) {
			if (signal.aborted) return void end('Cancelled');
			const reason = messageOf(error);
			this.#logger.warn('A task of a direct method has failed.', { operation, reason });
			end('Failed', `Task ${operation} failed because of error ${reason}`);
		}
	}

	#enter(report: TaskReport): TaskReport {
		this.#reports.set(report.correlationId, report);
		const oldest = this.#reports.keys().next();
		if (this.#reports.size > maxRemembered && !oldest.done) this.#reports.delete(oldest.value);
		return report;
	}
}

/** `GetTaskStatus`: `{schemaVersion, correlationId}`. */
export function getTaskStatus(tasks: TaskTable): AgentMethod {
	return async (payload) => {
		const { correlationId } = versionedPayload(payload);
		if (typeof correlationId !== 'string' || correlationId.trim() === '') {
			throw methodFault('The payload has no correlationId.');
		}
		return tasks.get(correlationId.trim());
	};
}
