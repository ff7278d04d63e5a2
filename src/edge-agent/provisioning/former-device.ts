import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { ClusterError } from '../../cluster/cluster-error.ts';
import { type KubernetesObject, referenceOf } from '../../cluster/kubernetes-object.ts';
import { managedKinds } from '../managed-objects.ts';
import { declaredHashAnnotation, managedSelector } from '../plan/desired-object.ts';
import { labelValue } from '../translation/object-name.ts';

/**
 * Deletes what the agent had made for another device in the same namespace: nobody else will, and
 * modules must not go on in the name of a device that is no more. Claims stay, as data does.
 *
 * @returns how many objects
 * @throws ClusterError
 */
export async function deleteFormerDevice(
	client: Pick<ClusterClient, 'list' | 'delete'>,
	namespace: string,
	deviceId: string,
	signal: AbortSignal,
): Promise<number> {
	const labelSelector = managedSelector({ namespace, device: labelValue(deviceId) });
	let deleted = 0;
	for (const { apiVersion, kind, optional = false } of managedKinds) {
		if (kind === 'PersistentVolumeClaim') continue;
		const query = { apiVersion, kind, namespace, labelSelector };
		const items = await client.list(query, signal).then(
			(list) => list.items,
			(error) => {
				if (optional && error instanceof ClusterError && [403, 404].includes(error.status)) {
					return [];
				}
				throw error;
			},
		);
		for (const item of items.filter(isOurs)) {
			const { uid } = item.metadata;
			await client.delete(
				referenceOf({ ...item, apiVersion, kind }),
				uid === undefined ? {} : { uid },
				signal,
			);
			deleted += 1;
		}
	}
	return deleted;
}

function isOurs({ metadata }: KubernetesObject): boolean {
	return metadata.annotations?.[declaredHashAnnotation] !== undefined;
}
