import { homedir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '../runtime/clock.ts';
import {
	optionalInteger,
	optionalText,
	readSettings,
	type SettingsResult,
	text,
} from '../runtime/settings.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { inClusterConfig } from './in-cluster-config.ts';

/** The settings that lead to a cluster. */
export const clusterSettings = {
	kubeconfig: {
		env: 'KUBECONFIG',
		default: '',
		description:
			'Kubeconfig files as kubectl takes them. Preferred to the ServiceAccount of a pod.',
		parse: optionalText,
	},
	context: {
		env: 'KUBECONTEXT',
		default: '',
		description: 'The context of the kubeconfig. Absent: its current context.',
		parse: optionalText,
	},
	serviceHost: {
		env: 'KUBERNETES_SERVICE_HOST',
		default: '',
		description: 'Address of the API server, which Kubernetes sets in every pod.',
		parse: optionalText,
	},
	servicePort: {
		env: 'KUBERNETES_SERVICE_PORT',
		default: '',
		description: 'Port of the API server, which Kubernetes sets in every pod.',
		parse: optionalInteger({ min: 1, max: 65535 }),
	},
	serviceAccountFolder: {
		env: 'KUBERNETES_SERVICE_ACCOUNT_FOLDER',
		default: '/var/run/secrets/kubernetes.io/serviceaccount',
		description: 'Folder with the token, namespace and authority of the pod’s ServiceAccount.',
		parse: text,
	},
} as const;

/** Reads the settings that lead to a cluster, or says what is wrong with them. */
export function readClusterSettings(
	env: Readonly<Record<string, string | undefined>>,
): SettingsResult<typeof clusterSettings> {
	return readSettings(clusterSettings, env);
}

/**
 * The cluster that the settings lead to: `KUBECONFIG`, else the pod's ServiceAccount, else
 * `~/.kube/config`.
 *
 * @param environment what exec plugins of a kubeconfig inherit.
 * @throws ClusterError EDGE_KUBECONFIG_INVALID, EDGE_CLUSTER_CREDENTIALS
 */
export async function loadClusterConfig(
	settings: NonNullable<ReturnType<typeof readClusterSettings>['settings']>,
	environment: Readonly<Record<string, string | undefined>>,
	clock: Clock = systemClock,
): Promise<ClusterConfig> {
	const { kubeconfig, context, serviceHost, servicePort = 443, serviceAccountFolder } = settings;
	if (kubeconfig === undefined && serviceHost !== undefined) {
		const endpoint = { host: serviceHost, port: servicePort, serviceAccountFolder };
		return inClusterConfig(endpoint, clock);
	}
	// Pods have no kubeconfig, and need not hold what reads one.
	const { loadKubeconfig } = await import('./kubeconfig.ts');
	const path = kubeconfig ?? join(homedir(), '.kube', 'config');
	return loadKubeconfig(path, { context, environment, clock });
}
