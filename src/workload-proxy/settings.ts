import {
	logLevel,
	readSettings,
	type SettingsOf,
	type SettingsResult,
	text,
} from '../runtime/settings.ts';

/** The settings of the sidecar that speaks to the workload API for its pod. The agent sets them. */
export const workloadProxySettings = {
	socket: {
		env: 'WORKLOAD_SOCKET',
		default: '/var/run/iotedge-k8s/workload.sock',
		description: 'Unix socket on which the module finds the workload API.',
		parse: text,
	},
	agentUri: {
		env: 'WORKLOAD_TLS_URI',
		default: 'https://edgeagent:35002/',
		description: 'Address of the agent’s workload API for sidecars.',
		parse: text,
	},
	tokenFile: {
		env: 'WORKLOAD_TOKEN_FILE',
		default: '/var/run/iotedge-k8s-credentials/token',
		description: 'The pod’s token for the agent; read for every request, as it rotates.',
		parse: text,
	},
	authorityFile: {
		env: 'WORKLOAD_CA_FILE',
		default: '/var/run/iotedge-k8s-credentials/ca.pem',
		description:
			'PEM of the authorities that the agent’s certificate leads to; may rotate as well.',
		parse: text,
	},
	logLevel: {
		env: 'RuntimeLogLevel',
		default: 'info',
		description: 'What is logged.',
		parse: logLevel,
	},
} as const;

/** Everything that the sidecar is told from outside. */
export type WorkloadProxySettings = SettingsOf<typeof workloadProxySettings>;

/** Reads the sidecar's settings, or says what is wrong with them. */
export function readWorkloadProxySettings(
	env: Readonly<Record<string, string | undefined>>,
): SettingsResult<typeof workloadProxySettings> {
	return readSettings(workloadProxySettings, env);
}
