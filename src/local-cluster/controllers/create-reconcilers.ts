import type { Logger } from '../../runtime/logger.ts';
import { EventRecorder } from '../event-recorder.ts';
import { ClaimReconciler } from './claim-controller.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import { DeploymentReconciler } from './deployment-controller.ts';
import { EndpointReconciler } from './endpoint-controller.ts';
import { GarbageCollector } from './garbage-collector.ts';
import { JobReconciler } from './job-controller.ts';
import type { JobBackoff } from './job-progress.ts';
import { NamespaceReconciler } from './namespace-controller.ts';
import { PodCollector } from './pod-collector.ts';
import { ReplicaSetReconciler } from './replica-set-controller.ts';
import { Scheduler } from './scheduler.ts';

/** What the controllers of a cluster need. */
export interface ReconcilersSettings {
	readonly state: ClusterState;
	readonly logger: Logger;
	/** PEM of the API server's authority, for the pods of every namespace. */
	readonly certificate: string;
	/** Where dynamic volumes become folders. */
	readonly volumeFolder: string;
	readonly jobBackoff: JobBackoff;
}

/** Kinds that own others or are owned. */
const ownedKinds = [
	['v1', 'Pod'],
	['v1', 'Service'],
	['v1', 'ConfigMap'],
	['v1', 'Secret'],
	['v1', 'ServiceAccount'],
	['v1', 'PersistentVolumeClaim'],
	['v1', 'Endpoints'],
	['apps/v1', 'Deployment'],
	['apps/v1', 'ReplicaSet'],
	['batch/v1', 'Job'],
	['discovery.k8s.io/v1', 'EndpointSlice'],
	['rbac.authorization.k8s.io/v1', 'Role'],
	['rbac.authorization.k8s.io/v1', 'RoleBinding'],
	['networking.k8s.io/v1', 'NetworkPolicy'],
] as const;

/** Every controller of the local cluster. */
export function createReconcilers(settings: ReconcilersSettings): Reconciler[] {
	const { state, logger, certificate, volumeFolder, jobBackoff } = settings;
	const events = (component: string) =>
		new EventRecorder({ client: state.client, clock: state.clock, logger, component });
	return [
		new DeploymentReconciler(state, events('deployment-controller')),
		new ReplicaSetReconciler(state, events('replicaset-controller')),
		new JobReconciler(state, events('job-controller'), jobBackoff),
		new Scheduler(state, events('default-scheduler')),
		new EndpointReconciler(state),
		new ClaimReconciler(state, events('persistentvolume-controller'), volumeFolder),
		new NamespaceReconciler(state, certificate),
		new GarbageCollector(state, ownedKinds),
		new PodCollector(state),
	];
}
