import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';

/** A PersistentVolumeClaim. */
export interface VolumeClaim extends KubernetesObject {
	kind: 'PersistentVolumeClaim';
	spec: VolumeClaimSpec;
	status?: { phase?: string; accessModes?: string[]; capacity?: Record<string, string> };
}

export type VolumeClaimSpec = {
	accessModes?: string[];
	resources?: { requests?: Record<string, string> };
	storageClassName?: string;
	volumeName?: string;
	volumeMode?: string;
};

/** A PersistentVolume. */
export interface PersistentVolume extends KubernetesObject {
	kind: 'PersistentVolume';
	spec: PersistentVolumeSpec;
	status?: { phase?: string; message?: string; reason?: string };
}

export type PersistentVolumeSpec = {
	accessModes?: string[];
	capacity?: Record<string, string>;
	storageClassName?: string;
	persistentVolumeReclaimPolicy?: string;
	hostPath?: { path: string; type?: string };
	local?: { path: string };
	claimRef?: { kind: string; namespace: string; name: string; uid?: string; apiVersion?: string };
};
