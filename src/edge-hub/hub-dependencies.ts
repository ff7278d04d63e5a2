import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IotHubRest } from '../iot-hub-client/iot-hub-rest.ts';
import { hubNetwork } from '../iot-hub-client/network-settings.ts';
import { SdkIotHubClient } from '../iot-hub-client/sdk-iot-hub-client.ts';
import type { Clock } from '../runtime/clock.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import type { Logger } from '../runtime/logger.ts';
import { FileMessageLog } from '../storage/file-message-log.ts';
import { SqliteKeyValueStore } from '../storage/sqlite-key-value-store.ts';
import type { EdgeHubDependencies } from './hub.ts';
import type { EdgeHubSettings } from './settings.ts';
import { WorkloadClient } from './workload-client.ts';

/**
 * Short, because everything that waits for the cloud waits for the next attempt. Mostly random, as
 * all identities of an edge, and all edges of a hub, lose their connections at the same moment.
 */
const upstreamBackoff = { initial: 1000, max: 20_000, jitter: 0.8 };

/**
 * The surroundings of a hub in production: IoT Hub through the official SDK and its REST interface,
 * the workload API over HTTP, storage on disk.
 *
 * @throws EdgeError EDGE_SETTING_INVALID when the file of authorities cannot be read
 */
export function hubDependencies(
	settings: EdgeHubSettings,
	surroundings: { readonly clock: Clock; readonly logger: Logger; readonly version: string },
): EdgeHubDependencies {
	const { clock, logger } = surroundings;
	const { hubHostName, deviceId, moduleId, generationId, workloadUri } = settings;
	const gatewayHostName = settings.parentHostName;
	const timing = {
		backoff: upstreamBackoff,
		requestTimeout: settings.upstreamRequestSeconds * 1000,
	};
	const network = hubNetwork(settings, trustedCertificates(settings), logger);
	const workload = new WorkloadClient({ uri: workloadUri, moduleId, generationId, clock, logger });
	return {
		...surroundings,
		workload,
		createIotHubClient: (options) =>
			new SdkIotHubClient({ ...options, network, gatewayHostName }, timing),
		network,
		scopeSource: new IotHubRest({
			hostName: hubHostName,
			gatewayHostName,
			identity: { deviceId, moduleId },
			credential: () => ({ kind: 'signer', sign: (data) => workload.sign(data) }),
			network,
			clock,
		}),
		openStorage: () => openStorage(settings, clock, logger),
	};
}

function openStorage(settings: EdgeHubSettings, clock: Clock, logger: Logger) {
	const folder = join(settings.storageFolder, 'edgeHub');
	mkdirSync(folder, { recursive: true, mode: 0o700 });
	return {
		values: SqliteKeyValueStore.open(join(folder, 'values.sqlite')),
		messages: new FileMessageLog({
			folder: join(folder, 'messages'),
			maxBytes: settings.maxStoreBytes,
			clock,
			logger,
		}),
	};
}

function trustedCertificates({ hubCaFile }: EdgeHubSettings): string | undefined {
	if (hubCaFile === undefined) return undefined;
	try {
		return readFileSync(hubCaFile, 'utf8');
	} catch (cause) {
		throw new EdgeError('EDGE_SETTING_INVALID', 'The file of authorities cannot be read.', {
			where: 'IOT_HUB_CA_FILE',
			cause,
		});
	}
}
