import type { Deployment } from '../manifest/deployment.ts';
import { parseDeployment } from '../manifest/deployment-parser.ts';
import { checkSignature } from '../manifest/manifest-signature.ts';
import { moduleIdOf } from '../manifest/module-name.ts';
import type { DeploymentStatusCode, Problem } from '../manifest/problem.ts';
import { versionOf } from '../protocol/twin.ts';
import type { Clock } from '../runtime/clock.ts';
import { messageOf } from '../runtime/edge-error.ts';
import type { JsonObject } from '../runtime/json.ts';
import type { Lifecycle } from '../runtime/lifecycle.ts';
import type { Logger } from '../runtime/logger.ts';
import { RetryingTask } from '../runtime/retrying-task.ts';
import type { DesiredState } from './agent-status.ts';
import type { ModuleIdentities } from './identities/module-identities.ts';
import type { Rollback, RunningDeployment } from './rollback.ts';
import type { SourceFault } from './sources/deployment-source.ts';
import { localSourceOf } from './sources/local-deployment.ts';
import { translate } from './translation/translate.ts';
import type {
	Translation,
	TranslationContext,
	TranslationPolicy,
} from './translation/translation.ts';
import type { LastGoodDeployment } from './twin/last-good-deployment.ts';

/** What a deployment passes through on its way to the cluster. */
export interface DeploymentRunnerOptions {
	readonly identities: Pick<ModuleIdentities, 'generationIds' | 'ensure' | 'prune'>;
	readonly lastGood: Pick<LastGoodDeployment, 'write'>;
	readonly rollback: Pick<Rollback, 'judge'>;
	readonly context: Omit<TranslationContext, 'generationIds'>;
	readonly policy: TranslationPolicy;
	/** PEM of the authorities whose signers may deploy; absent: deployments need no signature. */
	readonly trustBundle?: string;
	/** Takes what the cluster should look like. */
	readonly apply: (state: DesiredState) => void;
	/** Told when another deployment runs or one was refused. */
	readonly onChange: () => void;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** A deployment that was not taken: the one before it goes on. */
export interface Refusal {
	/** Of the twin; absent where the deployment comes from elsewhere. */
	readonly version?: number;
	readonly code: DeploymentStatusCode;
	/** Every problem with its place. */
	readonly description: string;
}

interface Accepted {
	readonly version: number;
	readonly desired: JsonObject;
	readonly deployment: Deployment;
}

/**
 * Carries desired properties into the cluster: reads them, gives every module its identity,
 * translates. With identities that are known already a deployment is applied at once and identities
 * are looked after later, so that nothing waits for an IoT Hub that is away.
 */
export class DeploymentRunner implements Lifecycle {
	readonly #options: DeploymentRunnerOptions;
	readonly #task: RetryingTask;
	#accepted: Accepted | undefined;
	#refusal: Refusal | undefined;
	#translation: Translation | undefined;
	/** What the translation was made from. */
	#applied: { readonly of: Accepted; readonly surroundings: string } | undefined;

	constructor(options: DeploymentRunnerOptions) {
		this.#options = options;
		this.#task = new RetryingTask({
			action: (signal) => this.#run(signal),
			onFailure: (error) => {
				const reason = messageOf(error);
				options.logger.warn('The deployment is not complete yet.', { reason });
			},
			backoff: { initial: 2000, max: 120_000 },
			clock: options.clock,
		});
	}

	async start(): Promise<void> {}

	async stop(): Promise<void> {
		await this.#task.stop();
	}

	/** The deployment that runs. */
	get deployment(): Deployment | undefined {
		return this.#accepted?.deployment;
	}

	/** Why a later deployment does not run. */
	get refusal(): Refusal | undefined {
		return this.#refusal;
	}

	/** The objects of the deployment that runs. */
	get translation(): Translation | undefined {
		return this.#translation;
	}

	/** The same with where they come from; undefined before the first. */
	get running(): RunningDeployment | undefined {
		const translation = this.#translation;
		const of = this.#applied?.of;
		if (translation === undefined || of === undefined || of !== this.#accepted) return undefined;
		return { version: of.version, desired: of.desired, translation };
	}

	/** The desired properties that were taken last, whether they have reached the cluster or not. */
	get accepted(): JsonObject | undefined {
		return this.#accepted?.desired;
	}

	/** Takes desired properties of `$edgeAgent`, `$version` included. */
	take(desired: JsonObject): void {
		const verdict = this.#options.rollback.judge(desired);
		if (verdict === undefined) {
			this.#takeTrusted(desired);
			return;
		}
		const version = versionOf(desired);
		// What runs already is what the failed deployment was to replace, or it is that one itself.
		if (this.#accepted === undefined || this.#accepted.version === version) {
			this.#take(verdict.instead);
		}
		this.#refusal = { ...twinVersion(desired), code: 500, description: verdict.reason };
		this.#options.onChange();
	}

	/** Takes note that there is no deployment, or one that cannot be read. */
	refuse(fault: SourceFault): void {
		this.#refusal = fault;
		this.#options.onChange();
	}

	/**
	 * Takes desired properties that were taken before. Their signature is not judged again: modules
	 * must start after a reboot, also when the certificate of the signer has ended since.
	 */
	resume(desired: JsonObject): void {
		this.#take(desired);
	}

	#takeTrusted(desired: JsonObject): void {
		const { trustBundle, clock, onChange } = this.#options;
		const now = new Date(clock.now());
		const signature =
			trustBundle === undefined
				? undefined
				: checkSignature(desired, '$edgeAgent', { trustBundle, now });
		if (signature === undefined || signature.accepted) {
			this.#take(desired);
			return;
		}
		const description = `EDGE_MANIFEST_SIGNATURE: ${signature.reason}`;
		this.#refusal = { ...twinVersion(desired), code: 400, description };
		onChange();
	}

	#take(desired: JsonObject): void {
		const version = versionOf(desired);
		const { deployment, problems, statusCode } = parseDeployment(desired);
		this.#log(version, problems);
		if (deployment === undefined) {
			const description = descriptionOf(problems);
			this.#refusal = { ...twinVersion(desired), code: statusCode, description };
		} else {
			this.#refusal = undefined;
			this.#accepted = { version, desired, deployment };
			this.#task.trigger();
		}
		this.#options.onChange();
	}

	/** Looks after identities again, e.g. because the hub has refused one. */
	refresh(): void {
		this.#task.trigger();
	}

	async #run(signal: AbortSignal): Promise<void> {
		const accepted = this.#accepted;
		if (accepted === undefined) return;
		const { identities, lastGood } = this.#options;
		const moduleIds = accepted.deployment.modules.map(moduleIdOf);
		const known = identities.generationIds;
		const failures: unknown[] = [];
		const note = (error: unknown) => failures.push(error);
		// First of all: an agent that ends in between must not take modules back to the one before.
		await lastGood.write(accepted.desired).catch(note);
		if (moduleIds.every((moduleId) => known.has(moduleId))) this.#apply(accepted);
		await identities.ensure(moduleIds, signal).catch(note);
		this.#apply(accepted);
		if (failures.length > 0) throw failures[0];
		// A later deployment may want what this one does not.
		if (accepted !== this.#accepted) return;
		await identities.prune(moduleIds, signal);
	}

	#apply(accepted: Accepted): void {
		const { identities, context, policy, apply, onChange } = this.#options;
		if (accepted !== this.#accepted) return;
		const surrounding = { ...context, generationIds: identities.generationIds };
		const surroundings = JSON.stringify([
			[...surrounding.generationIds],
			surrounding.trustBundle ?? '',
			surrounding.trustMark ?? '',
		]);
		if (this.#applied?.of === accepted && this.#applied.surroundings === surroundings) return;
		const { deployment, version } = accepted;
		const translation = translate(deployment, surrounding, policy);
		this.#applied = { of: accepted, surroundings };
		this.#translation = translation;
		apply({ version, deployment, translation });
		onChange();
	}

	#log(version: number, problems: readonly Problem[]): void {
		for (const { severity, code, path, message } of problems) {
			this.#options.logger.warn('The deployment has a problem.', {
				version,
				severity,
				code,
				path,
				problem: message,
			});
		}
	}
}

function twinVersion(desired: JsonObject): Pick<Refusal, 'version'> {
	return localSourceOf(desired) === undefined ? { version: versionOf(desired) } : {};
}

function descriptionOf(problems: readonly Problem[]): string {
	return problems
		.filter(({ severity }) => severity === 'error')
		.map(({ path, message, remedy }) => {
			const place = path === '$' ? [] : [`${path}:`];
			return [...place, message, remedy].filter(Boolean).join(' ');
		})
		.join(' ');
}
