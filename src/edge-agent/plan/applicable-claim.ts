import type { KubernetesObject } from '../../cluster/kubernetes-object.ts';
import { parseQuantity } from '../../cluster/quantity.ts';
import { definedMembers } from '../translation/defined-members.ts';

/**
 * What may be applied where a claim exists: its specification cannot change but for a larger size,
 * so every other field is taken from the claim that is there.
 * Source: Kubernetes documentation, "Persistent Volumes", expanding claims.
 */
export function applicableClaim(
	desired: KubernetesObject,
	live: KubernetesObject | undefined,
): KubernetesObject {
	if (live?.spec === undefined) return desired;
	const { accessModes, storageClassName, volumeName, volumeMode } = live.spec;
	const grows = storageOf(desired) > storageOf(live);
	const resources = grows ? desired.spec?.['resources'] : live.spec['resources'];
	return {
		...desired,
		spec: definedMembers({ accessModes, resources, storageClassName, volumeName, volumeMode }),
	};
}

/** Bytes that a claim asks for; 0 where it does not say. */
function storageOf({ spec }: KubernetesObject): number {
	const resources = spec?.['resources'] as { requests?: { storage?: string } } | undefined;
	return parseQuantity(resources?.requests?.storage) ?? 0;
}
