import type { Container, Pod } from '../workloads/pod.ts';
import type { PodVolume } from '../workloads/pod-volume.ts';

/** Where client libraries look for the credentials of a pod. */
export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

const volumeName = 'kube-api-access';
/** Seconds a token is good for; it is renewed long before. */
const tokenSeconds = 3607;

/**
 * The pod with the volume that lets it call the API server, unless it has one or does not want it
 * (`automountServiceAccountToken: false`).
 */
export function withServiceAccountVolume(pod: Pod): Pod {
	const { automountServiceAccountToken = true, volumes = [], initContainers } = pod.spec;
	if (!automountServiceAccountToken) return pod;
	const mount = (container: Container): Container => {
		const mounts = container.volumeMounts ?? [];
		if (mounts.some(({ mountPath }) => mountPath === serviceAccountFolder)) return container;
		const own = { name: volumeName, mountPath: serviceAccountFolder, readOnly: true };
		return { ...container, volumeMounts: [...mounts, own] };
	};
	return {
		...pod,
		spec: {
			...pod.spec,
			volumes: [...volumes, serviceAccountVolume],
			containers: pod.spec.containers.map(mount),
			...(initContainers === undefined ? {} : { initContainers: initContainers.map(mount) }),
		},
	};
}

const serviceAccountVolume: PodVolume = {
	name: volumeName,
	projected: {
		sources: [
			{ serviceAccountToken: { path: 'token', expirationSeconds: tokenSeconds } },
			{
				configMap: {
					name: 'kube-root-ca.crt',
					items: [{ key: 'ca.crt', path: 'ca.crt' }],
				},
			},
			{
				downwardAPI: {
					items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }],
				},
			},
		],
	},
};
