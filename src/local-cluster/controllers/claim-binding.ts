import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { quantityValue } from '../../cluster/quantity.ts';
import type { PersistentVolume, VolumeClaim } from '../workloads/volume-claim.ts';

/** The annotation that makes a StorageClass the default. */
export const isDefaultClass = 'storageclass.kubernetes.io/is-default-class';

/** What to do with one claim. */
export type ClaimDecision =
	| { readonly kind: 'bound' }
	| { readonly kind: 'bind'; readonly volume: PersistentVolume }
	| { readonly kind: 'provision'; readonly storageClassName: string }
	| { readonly kind: 'wait'; readonly reason: string; readonly message: string };

/**
 * Decides on a claim: it keeps the volume it has, takes the one it names, else the smallest free
 * one that fits, else a new folder where its class makes such.
 */
export function decideClaim(
	claim: VolumeClaim,
	volumes: readonly PersistentVolume[],
	classes: readonly KubernetesObject[],
): ClaimDecision {
	const { volumeName } = claim.spec;
	const mine = volumes.find((volume) => volume.spec.claimRef?.uid === claim.metadata.uid);
	if (mine !== undefined) {
		const complete = volumeName === mine.metadata.name && claim.status?.phase === 'Bound';
		return complete ? { kind: 'bound' } : { kind: 'bind', volume: mine };
	}
	if (volumeName !== undefined && volumeName !== '') return decideNamed(claim, volumes, volumeName);
	const className = claim.spec.storageClassName ?? defaultClass(classes);
	const fitting = volumes
		.filter((volume) => (volume.spec.storageClassName ?? '') === (className ?? ''))
		.filter((volume) => isFree(volume, claim) && fits(volume, claim))
		.sort((one, other) => storageOf(one.spec.capacity) - storageOf(other.spec.capacity));
	if (fitting[0] !== undefined) return { kind: 'bind', volume: fitting[0] };
	return decideDynamic(className, classes);
}

function decideNamed(
	claim: VolumeClaim,
	volumes: readonly PersistentVolume[],
	name: string,
): ClaimDecision {
	const volume = volumes.find((candidate) => candidate.metadata.name === name);
	if (volume === undefined) {
		const message = `volume "${name}" does not exist yet`;
		return { kind: 'wait', reason: 'FailedBinding', message };
	}
	if (isFree(volume, claim)) return { kind: 'bind', volume };
	const message = `volume "${name}" already bound to a different claim.`;
	return { kind: 'wait', reason: 'FailedBinding', message };
}

function decideDynamic(
	className: string | undefined,
	classes: readonly KubernetesObject[],
): ClaimDecision {
	if (className === undefined || className === '') {
		const message = 'no persistent volumes available for this claim and no storage class is set';
		return { kind: 'wait', reason: 'FailedBinding', message };
	}
	const found = classes.find((candidate) => candidate.metadata.name === className);
	if (found === undefined) {
		const message = `storageclass.storage.k8s.io "${className}" not found`;
		return { kind: 'wait', reason: 'ProvisioningFailed', message };
	}
	const maker = String(found['provisioner']);
	if (maker !== 'rancher.io/local-path') {
		const message = `Waiting for a volume to be created by the provisioner "${maker}", which the local cluster does not have`;
		return { kind: 'wait', reason: 'ExternalProvisioning', message };
	}
	return { kind: 'provision', storageClassName: className };
}

function defaultClass(classes: readonly KubernetesObject[]): string | undefined {
	return classes.find(({ metadata }) => metadata.annotations?.[isDefaultClass] === 'true')?.metadata
		.name;
}

/** A volume that names no claim, or names this one without knowing its uid yet. */
function isFree(volume: PersistentVolume, claim: VolumeClaim): boolean {
	const { claimRef } = volume.spec;
	if (claimRef === undefined) return true;
	const { name, namespace } = claim.metadata;
	return claimRef.uid === undefined && claimRef.name === name && claimRef.namespace === namespace;
}

function fits(volume: PersistentVolume, claim: VolumeClaim): boolean {
	const modes = volume.spec.accessModes ?? [];
	return (
		(claim.spec.accessModes ?? []).every((mode) => modes.includes(mode)) &&
		storageOf(volume.spec.capacity) >= storageOf(claim.spec.resources?.requests)
	);
}

function storageOf(resources: Readonly<Record<string, string>> | undefined): number {
	return quantityValue(resources?.['storage'] ?? '0');
}
