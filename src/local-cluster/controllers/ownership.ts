import type { KubernetesObject, OwnerReference } from '../../cluster/kubernetes-object.ts';

/** The reference with which a controller marks what it has made. */
export function controllerReference(owner: KubernetesObject): OwnerReference {
	const { apiVersion, kind, metadata } = owner;
	const { name, uid = '' } = metadata;
	return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The controller of an object, if it has one. */
export function controllerOf(object: KubernetesObject): OwnerReference | undefined {
	return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** Whether an object was made by this very owner. */
export function isControlledBy(object: KubernetesObject, owner: KubernetesObject): boolean {
	return controllerOf(object)?.uid === owner.metadata.uid;
}

/** The queue key of the owner of an object, when that owner is of a kind. */
export function ownerKey(object: KubernetesObject, kind: string): string | undefined {
	const owner = controllerOf(object);
	return owner?.kind === kind ? `${object.metadata.namespace ?? ''}/${owner.name}` : undefined;
}
