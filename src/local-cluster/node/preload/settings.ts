import { readFileSync } from 'node:fs';
import type { PodAddress } from './service-table.ts';

/** What the node hands to the processes of one pod. */
export interface PreloadSettings extends PodAddress {
	/** The file with the current `ServiceTable`. */
	readonly servicesFile: string;
	/** A module URL from which imports that the module's folder lacks are resolved. */
	readonly importBase: string;
	/** The descriptor that ends when the node dies; absent in children of the module's process. */
	readonly lifeLine: number | undefined;
}

/** The variable that tells the first process of a container its end of the life line. */
export const lifeLineVariable = 'IOTEDGE_K8S_LIFE_LINE';

/** The variable that marks the processes of one node, so that they are found when it has died. */
export const processMarkVariable = 'IOTEDGE_K8S_PROCESS_MARK';

/** Reads the pod file that the query of the preload's own URL names, and the life line. */
export function readPreloadSettings(preloadUrl: string): PreloadSettings {
	const file = new URL(preloadUrl).searchParams.get('pod') ?? '';
	const pod = JSON.parse(readFileSync(file, 'utf8')) as Omit<PreloadSettings, 'lifeLine'>;
	const lifeLine = process.env[lifeLineVariable];
	// Children of this process inherit the environment, but not necessarily the descriptor.
	delete process.env[lifeLineVariable];
	return { ...pod, lifeLine: lifeLine === undefined ? undefined : Number(lifeLine) };
}
