import type { Deployment } from '../manifest/deployment.ts';
import type { DeploymentStatusCode, Problem } from '../manifest/problem.ts';
import type { ModuleStatus } from './status/module-status.ts';
import type { Translation } from './translation/translation.ts';

/** What the cluster should look like. */
export interface DesiredState {
	/** `$version` of the desired properties it comes from. */
	readonly version: number;
	readonly deployment: Deployment;
	readonly translation: Translation;
}

/** How far the cluster is from what is desired, for the reported properties of `$edgeAgent`. */
export interface AgentStatus {
	/** Version of the desired state that this status is about; absent before the first. */
	readonly desiredVersion?: number;
	/** 406 while modules are still to be applied, 200 when all are, 400 for refused modules, 500 for failures. */
	readonly code: DeploymentStatusCode;
	/** Empty for 200; otherwise every failure, by module. */
	readonly description: string;
	/** By the module's name in the manifest. */
	readonly modules: ReadonlyMap<string, ModuleStatus>;
	/** Problems of the translation that `code` and `description` include. */
	readonly problems: readonly Problem[];
	/** Modules whose rollout has been given up, once everything that is desired has been written. */
	readonly failedRollouts: readonly { readonly module: string; readonly reason: string }[];
	/** Modules with a change that waits until they are released. */
	readonly held: readonly string[];
	/** Whether nothing is left to write, everything is rolled out and every module is as desired. */
	readonly settled: boolean;
}
