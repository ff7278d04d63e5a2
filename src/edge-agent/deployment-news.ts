import type { KubernetesObject, ObjectReference } from '../cluster/kubernetes-object.ts';
import type { DesiredState } from './agent-status.ts';
import type { EventRecorder } from './event-recorder.ts';
import type { Plan } from './plan/plan.ts';
import { rolloutFailure } from './status/workload-status.ts';

/** Tells as Events what becomes of a deployment: what is refused, what fails, what cannot be done. */
export class DeploymentNews {
	readonly #events: Pick<EventRecorder, 'record'>;
	readonly #namespace: string;
	readonly #failedRollouts = new Set<string>();
	#held: readonly string[] = [];

	constructor(events: Pick<EventRecorder, 'record'>, namespace: string) {
		this.#events = events;
		this.#namespace = namespace;
	}

	/** Modules that may not or cannot run, each with its problems. */
	refusals({ translation }: DesiredState): void {
		const names = new Map(translation.modules.map(({ name, objectName }) => [name, objectName]));
		const namespace = this.#namespace;
		for (const { severity, module, message, path } of translation.problems) {
			const name = module === undefined ? undefined : names.get(module);
			if (severity !== 'error' || name === undefined) continue;
			this.#events.record({
				type: 'Warning',
				reason: 'ModuleRefused',
				note: `${message} (${path})`,
				regarding: { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace },
			});
		}
	}

	/** Claims that differ from what is declared in what nobody can change. */
	unchangeable({ unchangeable }: Plan): void {
		for (const { desired, drift } of unchangeable) {
			this.#events.record({
				type: 'Warning',
				reason: 'ClaimUnchangeable',
				note: `The claim stays as it is, as it holds data: the deployment declares ${drift.join(', ')} differently.`,
				regarding: desired.reference,
			});
		}
	}

	/** Modules whose update waits since the last call. */
	held({ held }: Plan, { translation }: DesiredState): void {
		const news = held.filter((name) => !this.#held.includes(name));
		this.#held = held;
		for (const { name, objectName } of translation.modules) {
			if (!news.includes(name)) continue;
			this.#events.record({
				type: 'Normal',
				reason: 'UpdateHeld',
				note: `An update of module ${name} waits: the module is held.`,
				regarding: {
					apiVersion: 'apps/v1',
					kind: 'Deployment',
					name: objectName,
					namespace: this.#namespace,
				},
			});
		}
	}

	/** Rollouts that have been given up since the last call. */
	rollouts(
		{ translation }: DesiredState,
		live: (reference: ObjectReference) => KubernetesObject | undefined,
	): void {
		for (const { name, workload } of translation.modules) {
			const object = workload && live(workload);
			const failure = rolloutFailure(object);
			if (workload === undefined || failure === undefined) {
				this.#failedRollouts.delete(name);
			} else if (!this.#failedRollouts.has(name)) {
				this.#failedRollouts.add(name);
				const uid = object?.metadata.uid;
				this.#events.record({
					type: 'Warning',
					reason: 'RolloutFailed',
					note: `Module ${name} was not rolled out in time: ${failure}`,
					regarding: { ...workload, ...(uid === undefined ? {} : { uid }) },
				});
			}
		}
	}
}
