import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { referenceOf } from '../../cluster/kubernetes-object.ts';
import { EdgeError } from '../../runtime/edge-error.ts';
import { moduleLabel, originalModuleIdAnnotation } from '../translation/translation.ts';
import { type AgentMethod, methodFault, versionedPayload } from './agent-methods.ts';

/** Where modules run. */
export interface RestartModuleOptions {
	readonly client: ClusterClient;
	readonly namespace: string;
	/** Whether the deployment has a module of that name. */
	readonly isKnown: (module: string) => boolean;
}

/**
 * `RestartModule`: `{schemaVersion, id}`. Deletes the module's pods, which their controller
 * replaces.
 */
export function restartModule(options: RestartModuleOptions): AgentMethod {
	const { client, namespace, isKnown } = options;
	return async (payload) => {
		const { id } = versionedPayload(payload);
		if (typeof id !== 'string' || id.trim() === '') throw methodFault('The payload has no id.');
		const module = id.trim().replace(/^\$(?=edgeAgent$|edgeHub$)/, '');
		const query = { apiVersion: 'v1', kind: 'Pod', namespace, labelSelector: moduleLabel };
		const { items } = await client.list(query);
		const pods = items.filter(
			({ metadata }) => metadata.annotations?.[originalModuleIdAnnotation] === module,
		);
		if (pods.length === 0 && !isKnown(module)) {
			throw new EdgeError('EDGE_MODULE_UNKNOWN', `There is no module ${module}.`);
		}
		for (const pod of pods) {
			const { uid } = pod.metadata;
			await client.delete(referenceOf(pod), uid === undefined ? {} : { uid });
		}
		return null;
	};
}
