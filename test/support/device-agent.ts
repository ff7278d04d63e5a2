import { type AgentDependencies, EdgeAgent } from '../../src/edge-agent/agent.ts';
import { loadAgentSettings, settingsOfDevice } from '../../src/edge-agent/settings.ts';

/** An agent of the device of a connection string. */
export async function deviceAgent(
	env: Readonly<Record<string, string>>,
	dependencies: Omit<AgentDependencies, 'credential'>,
	hubAuthority?: string,
): Promise<EdgeAgent> {
	const { settings, problems } = await loadAgentSettings({
		NAMESPACE: 'edge',
		WORKLOAD_PORT: '0',
		WORKLOAD_URI: 'http://edgeagent:35001/',
		RUNTIME_IMAGE: 'iotedge-k8s:1',
		REPORT_INTERVAL_SECS: '0',
		...env,
	});
	if (settings?.provisioning.kind !== 'manual') throw new Error(JSON.stringify(problems));
	const { provisioning } = settings;
	return new EdgeAgent(
		{
			...settingsOfDevice(settings, provisioning),
			...(hubAuthority === undefined ? {} : { hubAuthority }),
		},
		{ credential: () => provisioning.credential, ...dependencies },
	);
}
