import type { EdgeCertificates } from '../edge-agent/workload-api/edge-certificates.ts';
import { EdgeHub } from '../edge-hub/hub.ts';
import { hubDependencies } from '../edge-hub/hub-dependencies.ts';
import { readEdgeHubSettings } from '../edge-hub/settings.ts';
import type { WorkloadApi } from '../edge-hub/workload-client.ts';
import { HubNetwork } from '../iot-hub-client/hub-network.ts';
import { IotHubRest } from '../iot-hub-client/iot-hub-rest.ts';
import { sign } from '../protocol/sas-token.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { settingsError } from './in-process-agent.ts';
import type { TestHub } from './test-hub.ts';

/** What an edge hub within a test's process is made from. */
export interface InProcessHubOptions {
	readonly iotHub: TestHub;
	readonly deviceId: string;
	readonly certificates: EdgeCertificates;
	/** Where its messages are kept. */
	readonly storageFolder: string;
	/** File with the authority of the IoT Hub. */
	readonly hubAuthorityFile: string;
	/** Variables of the hub, as a manifest would set them. */
	readonly env: Readonly<Record<string, string>>;
	readonly clock: Clock;
	readonly logger: Logger;
}

/** The real edge hub without a pod: what the workload API would do for it is done here. */
export function inProcessHub(options: InProcessHubOptions): EdgeHub {
	const { iotHub, deviceId, certificates, clock, logger } = options;
	const identity = { deviceId, moduleId: '$edgeHub' };
	const { settings, problems } = readEdgeHubSettings({
		IOTEDGE_DEVICEID: deviceId,
		IOTEDGE_MODULEGENERATIONID: iotHub.emulator.registry.module(identity).generationId,
		IOTEDGE_IOTHUBHOSTNAME: iotHub.hostName,
		IOTEDGE_WORKLOADURI: 'http://edgeagent:35001/',
		EdgeDeviceHostName: 'localhost',
		StorageFolder: options.storageFolder,
		IOT_HUB_CA_FILE: options.hubAuthorityFile,
		ListenHost: '127.0.0.1',
		mqttSettings__port: '0',
		httpSettings__metrics_port: '0',
		MaxConnectedClients: '10000',
		ReportedPropertiesSyncFrequencySecs: '0',
		...options.env,
	});
	if (settings === undefined) throw settingsError(problems);
	const key = () => {
		const { authentication } = iotHub.emulator.registry.record(identity);
		return authentication.symmetricKey.primaryKey ?? '';
	};
	const workload: WorkloadApi = {
		sign: async (data) => sign(key(), data),
		createServerCertificate: async (commonName) => {
			const names = ['localhost', 'edgehub', '127.0.0.1'];
			const issued = await certificates.issueServer(commonName, names);
			const { certificate, privateKey, notAfter } = issued;
			return { certificate, privateKey, expiresAt: notAfter.getTime() };
		},
		trustBundle: async () => certificates.trustBundle,
		deployment: async () => null,
	};
	const surroundings = { clock, logger, version: 'testing' };
	return new EdgeHub(settings, {
		...hubDependencies(settings, surroundings),
		workload,
		scopeSource: new IotHubRest({
			hostName: iotHub.hostName,
			identity,
			credential: () => ({ kind: 'signer', sign: (data) => workload.sign(data) }),
			network: new HubNetwork({ trustedCertificates: iotHub.authority }),
			clock,
		}),
	});
}
