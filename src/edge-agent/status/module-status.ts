/** `runtimeStatus` of a module as Azure IoT Edge reports it. */
export type RuntimeStatus =
	| 'unknown'
	| 'backoff'
	| 'running'
	| 'unhealthy'
	| 'stopped'
	| 'failed'
	| 'dead';

/** How one module is, in the terms of the reported properties of `$edgeAgent`. */
export interface ModuleStatus {
	/** As in the manifest. */
	readonly name: string;
	readonly runtimeStatus: RuntimeStatus;
	/** One sentence in plain words. */
	readonly statusDescription: string;
	/** Of the last run that ended; 0 where none has. */
	readonly exitCode: number;
	/** RFC 3339; absent where it has never started or ended. */
	readonly lastStartTimeUtc?: string;
	readonly lastExitTimeUtc?: string;
	readonly restartCount: number;
	readonly lastRestartTimeUtc?: string;
	/** Digest reference of the image that runs, where the cluster tells it. */
	readonly imageId?: string;
	/** Pods that serve, of those wanted. */
	readonly readyReplicas: number;
	readonly replicas: number;
}
