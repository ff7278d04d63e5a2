import type { AssignedDevice } from '../../iot-hub-client/device-provisioning-rest.ts';
import type { AgentStatus } from '../agent-status.ts';

/** What the agent does with an object of the cluster. */
export type WriteKind = 'create' | 'update' | 'repair' | 'delete';

/** Takes what is worth counting. Durations in seconds. */
export interface AgentMetrics {
	/** Whose metrics these are from now on. */
	identify(device: AssignedDevice): void;
	/** A pass of the reconcile loop has ended. */
	reconciled(seconds: number, succeeded: boolean): void;
	/** An object was written, or the cluster has refused it. */
	written(operation: WriteKind, kind: string, seconds: number, succeeded: boolean): void;
	/** A deployment runs completely, so long after it was received. */
	deployed(seconds: number): void;
	/** How the modules are from now on. */
	observed(status: AgentStatus, wanted: readonly WantedModule[]): void;
	/** Where the deployment comes from, from now on: for people, e.g. `the twin in IoT Hub`. */
	sourced(source: string): void;
	/** The twin was read, or could not be. */
	synced(succeeded: boolean): void;
	methodInvoked(name: string): void;
	/** Whether there is a connection to IoT Hub from now on. */
	connected(isConnected: boolean): void;
}

/** A module as the deployment wants it. */
export interface WantedModule {
	readonly name: string;
	readonly version: string;
	readonly running: boolean;
}

/** Counts nothing. */
export const noMetrics: AgentMetrics = {
	identify: () => {},
	reconciled: () => {},
	written: () => {},
	deployed: () => {},
	observed: () => {},
	sourced: () => {},
	synced: () => {},
	methodInvoked: () => {},
	connected: () => {},
};
