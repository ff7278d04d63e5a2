/**
 * One thing that is wrong with an input. A document's problems are always reported together.
 */
export interface Problem {
	/** `error` stops the deployment (or the one module it concerns); `warning` lets it run. */
	readonly severity: 'error' | 'warning';
	/** A code of `docs/errors.md`. */
	readonly code: string;
	/** JSON path, e.g. `$.modulesContent.$edgeAgent["properties.desired"].modules.filter.settings.image`. */
	readonly path: string;
	/** One sentence. */
	readonly message: string;
	/** What to do, e.g. `Did you mean "restartPolicy"?`. */
	readonly remedy?: string;
	/** The module it concerns, where it concerns one. */
	readonly module?: string;
}

/** The status code that Azure IoT Edge reports for a problem of the deployment as a whole. */
export type DeploymentStatusCode = 200 | 400 | 406 | 412 | 417 | 500;
