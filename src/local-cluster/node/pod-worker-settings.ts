import { cpus, totalmem } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { EventRecorder } from '../event-recorder.ts';
import type { Pod } from '../workloads/pod.ts';
import type { Service } from '../workloads/service.ts';
import type { PersistentVolume, VolumeClaim } from '../workloads/volume-claim.ts';
import type { ProcessSurroundings } from './container-preparation.ts';
import type { NodeResources } from './downward-field.ts';
import { ImageStore } from './image-store.ts';
import { hostAddress, type LocalNodeSettings } from './local-node-settings.ts';
import { objectData } from './object-data.ts';
import { PodTokens } from './pod-tokens.ts';
import type { PodWorkerSettings } from './pod-worker.ts';
import type { ProcessRecord } from './process-record.ts';

/** What a node adds to its own settings for the workers of its pods. */
export interface PodWorkerParts extends LocalNodeSettings {
	readonly events: EventRecorder;
	readonly record: ProcessRecord;
	readonly podFolder: string;
	readonly surroundings: ProcessSurroundings;
	readonly servicesFile: string;
	readonly finish: (pod: Pod) => Promise<void>;
}

/** Connects the worker of one pod to the objects of its namespace. */
export function podWorkerSettings(
	pod: Pod,
	address: string,
	parts: PodWorkerParts,
): PodWorkerSettings {
	const { state, clock, logger, events, record, crashBackoff, imageBackoff } = parts;
	const { namespace = '' } = pod.metadata;
	const services = state.cache<Service>('v1', 'Service');
	const claims = state.cache<VolumeClaim>('v1', 'PersistentVolumeClaim');
	const volumes = state.cache<PersistentVolume>('v1', 'PersistentVolume');
	const tokens = new PodTokens(parts.issueToken, clock);
	const data = (kind: 'ConfigMap' | 'Secret', name: string) => {
		const object = state.cache<KubernetesObject>('v1', kind).get(`${namespace}/${name}`);
		return object === undefined ? undefined : objectData(object);
	};
	const node = nodeResources();
	return {
		clock,
		logger,
		events,
		record,
		folder: parts.podFolder,
		servicesFile: parts.servicesFile,
		importBase: pathToFileURL(import.meta.filename).href,
		hostAddress,
		address,
		log: { clock, maxBytes: parts.maxLogBytes },
		crashBackoff,
		imageBackoff,
		sources: {
			images: new ImageStore(parts),
			surroundings: parts.surroundings,
			clock,
			data,
			node,
			get services() {
				return services.list(namespace);
			},
		},
		volumes: {
			data,
			node,
			token: (audience, seconds) => tokens.get(pod, audience, seconds),
			claim: (name) => claims.get(`${namespace}/${name}`),
			persistentVolume: (name) => volumes.get(`/${name}`),
		},
		report: (reported, status) => {
			const uid = reported.metadata.uid ?? '';
			return state.patch(reported, { metadata: { uid }, status }, 'status');
		},
		finish: parts.finish,
	};
}

/** What this machine has: the limits of containers that declare none. */
function nodeResources(): NodeResources {
	return { cpu: cpus().length, memory: totalmem() };
}
