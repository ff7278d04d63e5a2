import { integer, optionalText, type SettingsOf } from '../../runtime/settings.ts';

/** Where the workload API is served, and by what address it is called. */
export const workloadSettings = {
	workloadPort: {
		env: 'WORKLOAD_PORT',
		default: '35001',
		description: 'Port of the workload API.',
		parse: integer({ min: 0, max: 65_535 }),
	},
	workloadUri: {
		env: 'WORKLOAD_URI',
		default: '',
		description: 'Address that modules call the workload API by. Absent: the agent’s Service.',
		parse: optionalText,
	},
	workloadTlsPort: {
		env: 'WORKLOAD_TLS_PORT',
		default: '',
		description: 'Port of the workload API for sidecars. Absent: the one after `WORKLOAD_PORT`.',
		parse: optionalPort,
	},
	workloadTlsUri: {
		env: 'WORKLOAD_TLS_URI',
		default: '',
		description: 'Address that sidecars call the workload API by. Absent: the agent’s Service.',
		parse: optionalText,
	},
} as const;

/** The same, with what follows where nothing is said. */
export interface WorkloadAddresses {
	/** Address that modules call. */
	readonly workloadUri: string;
	readonly workloadTlsPort: number;
	/** Address that sidecars call. */
	readonly workloadTlsUri: string;
}

/** @param agentName name of the agent's Service. */
export function workloadAddresses(
	agentName: string,
	{
		workloadPort,
		workloadUri = `http://${agentName}:${workloadPort}/`,
		workloadTlsPort = workloadPort === 0 ? 0 : workloadPort + 1,
		workloadTlsUri = `https://${agentName}:${workloadTlsPort}/`,
	}: SettingsOf<typeof workloadSettings>,
): WorkloadAddresses {
	return { workloadUri, workloadTlsPort, workloadTlsUri };
}

/** A port, or undefined where none is named. */
function optionalPort(value: string): number | undefined {
	return value === '' ? undefined : integer({ min: 0, max: 65_535 })(value);
}
