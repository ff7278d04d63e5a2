import type { ExecutionContext } from 'ava';
import { EdgeHub, type EdgeHubDependencies } from '../../src/edge-hub/hub.ts';
import { readEdgeHubSettings } from '../../src/edge-hub/settings.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';

/** What an edge hub is to be like; the rest is as a test needs it. */
export interface ListeningHub
	extends Omit<EdgeHubDependencies, 'clock' | 'logger' | 'version'>,
		Partial<Pick<EdgeHubDependencies, 'clock'>> {
	readonly deviceId: string;
	/** Host name of IoT Hub. */
	readonly hostName: string;
	/** Settings besides those of the device, or in their place. */
	readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Starts an edge hub in this process, on ports that the system chooses; it stops with the test. */
export async function listeningHub(
	t: Pick<ExecutionContext, 'teardown'>,
	{ deviceId, hostName, env, ...dependencies }: ListeningHub,
): Promise<EdgeHub> {
	const { settings, problems } = readEdgeHubSettings({
		IOTEDGE_DEVICEID: deviceId,
		IOTEDGE_MODULEGENERATIONID: '1',
		IOTEDGE_IOTHUBHOSTNAME: hostName,
		IOTEDGE_WORKLOADURI: 'http://unused',
		EdgeDeviceHostName: 'localhost',
		ListenHost: '127.0.0.1',
		mqttSettings__port: '0',
		httpSettings__port: '0',
		amqpSettings__port: '0',
		httpSettings__metrics_port: '0',
		ReportedPropertiesSyncFrequencySecs: '0',
		...env,
	});
	if (settings === undefined) throw new Error(JSON.stringify(problems));
	const hub = new EdgeHub(settings, {
		clock: systemClock,
		logger: silentLogger,
		version: '1.2.3',
		...dependencies,
	});
	t.teardown(() => hub.stop());
	await hub.start();
	return hub;
}
