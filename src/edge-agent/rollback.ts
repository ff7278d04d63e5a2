import { createHash } from 'node:crypto';
import { messageOf } from '../runtime/edge-error.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import type { Logger } from '../runtime/logger.ts';
import type { AgentStatus } from './agent-status.ts';
import type { StateSecret } from './state-secret.ts';
import { rollbackAnnotation, type Translation } from './translation/translation.ts';

/** What rollback needs. */
export interface RollbackOptions {
	readonly state: Pick<StateSecret, 'getJson' | 'set'>;
	/** Host name of the hub and device id. */
	readonly owner: string;
	readonly logger: Logger;
}

/** The deployment that runs. */
export interface RunningDeployment {
	readonly version: number;
	readonly desired: JsonObject;
	readonly translation: Translation;
}

/** Why a deployment is not taken, and what runs instead. */
export interface RollbackVerdict {
	readonly reason: string;
	/** Desired properties of the last deployment that ran well. */
	readonly instead: JsonObject;
}

interface Failed {
	readonly fingerprint: string;
	readonly reason: string;
}

const provenKey = 'proven-deployment';
const failedKey = 'failed-deployment';

/**
 * Returns to the last deployment that ran well when a module that asks for it (`rollback` in
 * k8s-extensions) misses the deadline of its rollout. What failed is remembered with its version, so
 * that neither a restart nor another look at the twin tries it again; a later version is tried.
 */
export class Rollback {
	readonly #options: RollbackOptions;
	#proven: JsonObject | undefined;
	#failed: Failed | undefined;

	constructor(options: RollbackOptions) {
		this.#options = options;
	}

	/** Takes up what was remembered before a restart; the state must be loaded. */
	load(): void {
		const { state, owner } = this.#options;
		const proven = state.getJson(provenKey);
		if (!isJsonObject(proven) || proven['owner'] !== owner) return;
		if (isJsonObject(proven['desired'])) this.#proven = proven['desired'];
		const failed = state.getJson(failedKey);
		if (!isJsonObject(failed) || failed['owner'] !== owner) return;
		const { fingerprint, reason } = failed;
		if (typeof fingerprint === 'string' && typeof reason === 'string') {
			this.#failed = { fingerprint, reason };
		}
	}

	/** What to do about desired properties that have failed before; undefined for all others. */
	judge(desired: JsonObject): RollbackVerdict | undefined {
		if (this.#failed === undefined || this.#proven === undefined) return undefined;
		if (this.#failed.fingerprint !== fingerprintOf(desired)) return undefined;
		return { reason: this.#failed.reason, instead: this.#proven };
	}

	/**
	 * Looks at how the running deployment is.
	 *
	 * @returns whether it has just failed: `judge` speaks against it from now on.
	 */
	observe(status: AgentStatus, running: RunningDeployment): boolean {
		if (status.desiredVersion !== running.version) return false;
		const fingerprint = fingerprintOf(running.desired);
		const isProven = this.#proven !== undefined && fingerprintOf(this.#proven) === fingerprint;
		if (status.settled) {
			if (!isProven) this.#prove(running.desired);
			return false;
		}
		if (this.#proven === undefined || isProven) return false;
		const failure = status.failedRollouts.find(({ module }) => asks(running.translation, module));
		if (failure === undefined) return false;
		const back = `Rolled back to version ${Number(this.#proven['$version'] ?? 0)}`;
		const reason = `${back}, the last that ran well: ${failure.module}: ${failure.reason}`;
		this.#failed = { fingerprint, reason };
		this.#options.logger.warn('The deployment was rolled back.', {
			version: running.version,
			reason,
		});
		this.#remember(failedKey, { ...this.#failed });
		return true;
	}

	#prove(desired: JsonObject): void {
		this.#proven = desired;
		this.#remember(provenKey, { desired });
	}

	/** In memory it counts at once; a write that fails is told, and made up for by the next. */
	#remember(key: string, entry: JsonObject): void {
		const { state, owner, logger } = this.#options;
		const text = JSON.stringify({ owner, ...entry });
		state.set({ [key]: text }).catch((error) => {
			logger.warn('What rollback remembers was not stored.', { reason: messageOf(error) });
		});
	}
}

function asks({ objects, modules }: Translation, name: string): boolean {
	const workload = modules.find((module) => module.name === name)?.workload;
	const object = objects.find(({ kind, metadata }) => {
		return kind === workload?.kind && metadata.name === workload.name;
	});
	return object?.metadata.annotations?.[rollbackAnnotation] === 'true';
}

/** Equal for equal properties in any order; the version counts, so that deploying again tries again. */
function fingerprintOf({ $metadata: _, ...desired }: JsonObject): string {
	const sorted = (_name: string, member: unknown) =>
		isJsonObject(member)
			? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
			: member;
	return createHash('sha256').update(JSON.stringify(desired, sorted)).digest('hex');
}
