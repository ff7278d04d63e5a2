import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import type { EventRecorder } from '../event-recorder.ts';
import { keyOf } from '../workloads/pod.ts';
import type { PersistentVolume, VolumeClaim } from '../workloads/volume-claim.ts';
import { type ClaimDecision, decideClaim, isDefaultClass } from './claim-binding.ts';
import type { ClusterState } from './cluster-state.ts';
import type { Reconciler } from './controller.ts';
import type { KindCache } from './kind-cache.ts';

/** The class of volumes that are folders of this machine; the default of the local cluster. */
export const localPathClass = 'local-path';
const provisioner = 'rancher.io/local-path';

/** Binds claims to volumes, and makes and removes the folders of dynamic ones. */
export class ClaimReconciler implements Reconciler {
	readonly name = 'claim';
	readonly #state: ClusterState;
	readonly #events: EventRecorder;
	readonly #folder: string;
	readonly #claims: KindCache<VolumeClaim>;
	readonly #volumes: KindCache<PersistentVolume>;
	readonly #classes: KindCache<KubernetesObject>;

	/** @param folder where dynamic volumes become folders. */
	constructor(state: ClusterState, events: EventRecorder, folder: string) {
		this.#state = state;
		this.#events = events;
		this.#folder = folder;
		this.#claims = state.cache<VolumeClaim>('v1', 'PersistentVolumeClaim');
		this.#volumes = state.cache<PersistentVolume>('v1', 'PersistentVolume');
		this.#classes = state.cache('storage.k8s.io/v1', 'StorageClass');
	}

	watch(enqueue: (key: string) => void): void {
		const enqueuePending = () => {
			for (const claim of this.#claims.list()) {
				if (claim.status?.phase !== 'Bound') enqueue(keyOf(claim));
			}
		};
		this.#claims.onChange((current, previous) =>
			enqueue(keyOf((current ?? previous) as VolumeClaim)),
		);
		this.#volumes.onChange((current) => {
			enqueuePending();
			const claim = current?.spec.claimRef;
			if (claim !== undefined) enqueue(`${claim.namespace}/${claim.name}`);
		});
		this.#classes.onChange(enqueuePending);
	}

	async reconcile(key: string): Promise<undefined> {
		await this.#reclaim(key);
		const claim = this.#claims.get(key);
		if (claim === undefined || claim.metadata.deletionTimestamp !== undefined) return;
		const decision = decideClaim(claim, this.#volumes.list(), this.#classes.list());
		if (decision.kind === 'bind') await this.#bind(claim, decision.volume);
		if (decision.kind === 'provision') await this.#provision(claim, decision.storageClassName);
		if (decision.kind === 'wait') await this.#wait(claim, decision);
	}

	async #provision(claim: VolumeClaim, storageClassName: string): Promise<void> {
		const { name, namespace = '', uid = '' } = claim.metadata;
		const path = join(this.#folder, `${namespace}_${name}_${uid}`);
		await mkdir(path, { recursive: true });
		const volume: PersistentVolume = {
			apiVersion: 'v1',
			kind: 'PersistentVolume',
			metadata: {
				name: `pvc-${uid}`,
				annotations: { 'pv.kubernetes.io/provisioned-by': provisioner },
			},
			spec: {
				capacity: { ...claim.spec.resources?.requests },
				accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
				persistentVolumeReclaimPolicy: 'Delete',
				storageClassName,
				hostPath: { path, type: 'DirectoryOrCreate' },
				claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
			},
		};
		const made = this.#volumes.get(keyOf(volume)) ?? (await this.#state.create(volume));
		const message = `Successfully provisioned volume ${made.metadata.name}`;
		this.#events.record(claim, 'Normal', 'ProvisioningSucceeded', message);
		await this.#bind(claim, made);
	}

	async #bind(claim: VolumeClaim, volume: PersistentVolume): Promise<void> {
		const { name, namespace = '', uid = '' } = claim.metadata;
		if (volume.spec.claimRef?.uid !== uid) {
			const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid };
			const { resourceVersion = '' } = volume.metadata;
			await this.#state.patch(volume, { metadata: { resourceVersion }, spec: { claimRef } });
		}
		await this.#state.patch(volume, { status: { phase: 'Bound' } }, 'status');
		const { storageClassName = '', capacity = {}, accessModes = [] } = volume.spec;
		const spec = { volumeName: volume.metadata.name, storageClassName };
		const annotations = { 'pv.kubernetes.io/bind-completed': 'yes' };
		const bound = await this.#state.patch(claim, { metadata: { annotations }, spec });
		const status = { phase: 'Bound', accessModes, capacity };
		await this.#state.patch(bound, { status }, 'status');
	}

	async #wait(claim: VolumeClaim, decision: ClaimDecision & { kind: 'wait' }): Promise<void> {
		const { reason, message } = decision;
		const warning = reason === 'ProvisioningFailed';
		this.#events.record(claim, warning ? 'Warning' : 'Normal', reason, message);
		if (claim.status?.phase === 'Pending') return;
		await this.#state.patch(claim, { status: { phase: 'Pending' } }, 'status');
	}

	/** Frees the volumes of a claim that is gone, by their reclaim policy. */
	async #reclaim(key: string): Promise<void> {
		const uid = this.#claims.get(key)?.metadata.uid;
		const left = this.#volumes.list().filter(({ spec: { claimRef } }) => {
			return claimRef?.uid !== undefined && claimRef.uid !== uid && keyOfClaim(claimRef) === key;
		});
		for (const volume of left) {
			if (volume.spec.persistentVolumeReclaimPolicy !== 'Delete') {
				if (volume.status?.phase === 'Released') continue;
				await this.#state.patch(volume, { status: { phase: 'Released' } }, 'status');
				continue;
			}
			const dynamic = volume.metadata.annotations?.['pv.kubernetes.io/provisioned-by'];
			const path = volume.spec.hostPath?.path;
			await this.#state.delete(volume);
			if (dynamic === provisioner && path !== undefined) {
				await rm(path, { recursive: true, force: true });
			}
		}
	}
}

/** The StorageClass objects that the local cluster has from the start. */
export const localPathStorageClass: KubernetesObject = {
	apiVersion: 'storage.k8s.io/v1',
	kind: 'StorageClass',
	metadata: { name: localPathClass, annotations: { [isDefaultClass]: 'true' } },
	provisioner,
	reclaimPolicy: 'Delete',
	volumeBindingMode: 'Immediate',
};

function keyOfClaim({ namespace, name }: { namespace: string; name: string }): string {
	return `${namespace}/${name}`;
}
