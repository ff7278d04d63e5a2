import type { JsonObject } from '../runtime/json.ts';

/** How the runtime should treat a module that has ended. */
export type RestartPolicy = 'always' | 'on-unhealthy' | 'on-failure' | 'never';

/** One module of a deployment, complete with defaults. Source: the `$edgeAgent` twin, schema versions 1.0 and 1.1. */
export interface ModuleDeployment {
	/** As in the manifest; `edgeAgent` and `edgeHub` for the system modules. */
	readonly name: string;
	readonly system: boolean;
	/** The author's version text; empty where absent. */
	readonly version: string;
	readonly status: 'running' | 'stopped';
	readonly restartPolicy: RestartPolicy;
	readonly imagePullPolicy: 'on-create' | 'never';
	/** Modules of equal order start together, ascending; 4294967295 where absent. */
	readonly startupOrder: number;
	readonly image: string;
	/** Parsed and unchunked; `{}` where absent. */
	readonly createOptions: JsonObject;
	readonly env: ReadonlyMap<string, string>;
	/** JSON path of the module within its document, for problems. */
	readonly path: string;
}

/** Credentials of a container registry. */
export interface RegistryCredential {
	readonly address: string;
	readonly username: string;
	readonly password: string;
}

/** What `$edgeAgent`'s desired properties ask for. */
export interface Deployment {
	readonly schemaVersion: string;
	readonly runtime: JsonObject;
	readonly registryCredentials: ReadonlyMap<string, RegistryCredential>;
	/** edgeAgent, edgeHub, then the others in document order. */
	readonly modules: readonly ModuleDeployment[];
}
