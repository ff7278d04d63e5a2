import type { ClusterClient } from '../cluster/cluster-client.ts';
import { EdgeAgent } from '../edge-agent/agent.ts';
import { loadAgentSettings, settingsOfDevice } from '../edge-agent/settings.ts';
import { StateSecret } from '../edge-agent/state-secret.ts';
import { EdgeCertificates } from '../edge-agent/workload-api/edge-certificates.ts';
import { systemClock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SettingProblem } from '../runtime/settings.ts';
import { testNamespace } from './edge-pods.ts';

/** What an agent within a test's process is made from. */
export interface InProcessAgentOptions {
	readonly cluster: ClusterClient;
	/** Of the edge device. */
	readonly connectionString: string;
	/** File with the authority of the hub. */
	readonly hubAuthorityFile: string;
	readonly logger: Logger;
}

const stateSecret = 'edgeagent-state';

/** Modules are processes of the user who runs the tests: there is nothing to forbid. */
const policy = {
	ALLOW_PRIVILEGED: 'true',
	ALLOW_HOST_PATHS: '/',
	ALLOW_HOST_IPC: 'true',
	ALLOW_HOST_PID: 'true',
	ALLOW_CAPABILITIES: 'ALL',
	RunAsNonRoot: 'false',
};

/** The real edge agent, on a local cluster, without a pod of its own. */
export async function inProcessAgent(options: InProcessAgentOptions): Promise<EdgeAgent> {
	const { settings, problems } = await loadAgentSettings({
		...policy,
		NAMESPACE: testNamespace,
		IOTEDGE_CONNECTION_STRING: options.connectionString,
		IOT_HUB_CA_FILE: options.hubAuthorityFile,
		RUNTIME_IMAGE: 'iotedge-k8s:testing',
		EdgeDeviceHostName: 'localhost',
		STATE_SECRET: stateSecret,
		WORKLOAD_PORT: '0',
		WORKLOAD_URI: 'http://edgeagent:35001/',
		REPORT_INTERVAL_SECS: '0',
	});
	if (settings === undefined) throw settingsError(problems);
	const { cluster, logger } = options;
	const { provisioning } = settings;
	if (provisioning.kind !== 'manual') throw new TypeError('The device has a connection string.');
	return new EdgeAgent(settingsOfDevice(settings, provisioning), {
		cluster,
		credential: () => provisioning.credential,
		clock: systemClock,
		logger,
		version: 'testing',
	});
}

/** The edge's certificate authorities, which a started agent keeps in the cluster. */
export async function edgeCertificates(
	client: ClusterClient,
	deviceId: string,
): Promise<EdgeCertificates> {
	const state = new StateSecret({ client, namespace: testNamespace, name: stateSecret });
	await state.load();
	const certificates = new EdgeCertificates({ state, deviceId, clock: systemClock });
	await certificates.load();
	return certificates;
}

/** Settings that this kit makes are right unless somebody has passed others through. */
export function settingsError(problems: readonly SettingProblem[]): Error {
	return new TypeError(problems.map(({ env, message }) => `${env}: ${message}`).join(' '));
}
