import type { DeploymentStatusCode } from '../../manifest/problem.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { Lifecycle } from '../../runtime/lifecycle.ts';

/** Where a deployment can come from, as the setting `ConfigSource` names it. */
export const sourceKinds = ['twin', 'edge-deployment', 'config-map', 'file'] as const;

export type SourceKind = (typeof sourceKinds)[number];

/** What a source says about the deployment at one moment. */
export type SourceState =
	/** It has not been read yet, or cannot be read now: nothing may be concluded. */
	| { readonly kind: 'unknown' }
	/** There is none; `desired` are the empty desired properties of a twin that nobody has set. */
	| { readonly kind: 'absent'; readonly desired?: JsonObject }
	/** Desired properties of `$edgeAgent`, `$version` included; those of a local source are marked. */
	| { readonly kind: 'present'; readonly desired: JsonObject }
	/** There is one that must not be taken now: what runs goes on. */
	| { readonly kind: 'held' }
	/** There is one that cannot be read. */
	| { readonly kind: 'faulty'; readonly fault: SourceFault };

/** Why the content of a source cannot be used. */
export interface SourceFault {
	readonly code: DeploymentStatusCode;
	/** Every problem with its place. */
	readonly description: string;
}

/** One place that a deployment may come from. Tells of every change of its state. */
export interface DeploymentSource extends Lifecycle {
	readonly source: SourceKind;
	/** Its place for people: `EdgeDeployment factory`, `the twin in IoT Hub`. */
	readonly place: string;
	readonly state: SourceState;
	/** Why it cannot be read, while it cannot. */
	readonly trouble: string | undefined;
	/** Milliseconds since its loop last did anything: grows only when it is stuck. 0 where it has none. */
	readonly idleness: number;
	onChange(listener: () => void): void;
}
