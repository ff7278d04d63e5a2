import { networkSettings } from '../iot-hub-client/network-settings.ts';
import {
	choice,
	flag,
	integer,
	logLevel,
	optionalText,
	readSettings,
	regardlessOfCase,
	type SettingsOf,
	type SettingsResult,
	type SettingsTable,
	text,
	wordList,
} from '../runtime/settings.ts';

/**
 * Settings of the edge hub. Names and defaults are those of Azure IoT Edge where it has the setting
 * (Azure IoT Edge, "doc/EnvironmentVariables").
 */
export const hubSettingsTable = {
	deviceId: {
		env: 'IOTEDGE_DEVICEID',
		description: 'Id of the edge device.',
		parse: text,
	},
	moduleId: {
		env: 'IOTEDGE_MODULEID',
		default: '$edgeHub',
		description: 'Module id of the hub.',
		parse: text,
	},
	generationId: {
		env: 'IOTEDGE_MODULEGENERATIONID',
		description: 'Generation of the hub’s module identity.',
		parse: text,
	},
	hubHostName: {
		env: 'IOTEDGE_IOTHUBHOSTNAME',
		description: 'Host name of IoT Hub; with `:port` where it is not on the usual ports.',
		parse: text,
	},
	workloadUri: {
		env: 'IOTEDGE_WORKLOADURI',
		description: 'Address of the workload API, `http://…` or `unix://…`.',
		parse: text,
	},
	gatewayHostName: {
		env: 'EdgeDeviceHostName',
		default: 'edgehub',
		description:
			'Name under which clients reach the hub; its server certificate is made out to it.',
		parse: text,
	},
	parentHostName: {
		env: 'IOTEDGE_GATEWAYHOSTNAME',
		default: '',
		description:
			'Edge hub of the parent device, through which a nested edge device reaches IoT Hub; with `:port` where it is not on the usual ports. Its authority is told by `IOT_HUB_CA_FILE`. Absent: IoT Hub is reached directly.',
		parse: optionalText,
	},
	storageFolder: {
		env: 'StorageFolder',
		default: '/var/lib/iotedge-k8s',
		description: 'Folder for messages, twins, identities and sessions.',
		parse: text,
	},
	hubCaFile: {
		env: 'IOT_HUB_CA_FILE',
		default: '',
		description: 'PEM file of authorities to trust for IoT Hub besides the system’s.',
		parse: optionalText,
	},
	...networkSettings,
	listenHost: {
		env: 'ListenHost',
		default: '',
		description: 'Address to listen on; all when empty.',
		parse: optionalText,
	},
	mqttPort: {
		env: 'mqttSettings__port',
		default: '8883',
		description: 'Port of MQTT over TLS; 0 lets the system choose.',
		parse: integer({ max: 65_535 }),
	},
	amqpEnabled: {
		env: 'amqpSettings__enabled',
		default: 'true',
		description: 'Whether AMQP over TLS is served.',
		parse: flag,
	},
	amqpPort: {
		env: 'amqpSettings__port',
		default: '5671',
		description: 'Port of AMQP over TLS; 0 lets the system choose.',
		parse: integer({ max: 65_535 }),
	},
	httpsEnabled: {
		env: 'httpSettings__enabled',
		default: 'true',
		description: 'Whether HTTPS is served: direct methods between modules, MQTT over WebSocket.',
		parse: flag,
	},
	httpsPort: {
		env: 'httpSettings__port',
		default: '443',
		description: 'Port of HTTPS; 0 lets the system choose.',
		parse: integer({ max: 65_535 }),
	},
	metricsEnabled: {
		env: 'MetricsEnabled',
		default: 'true',
		description: 'Whether metrics are served.',
		parse: flag,
	},
	metricsPort: {
		env: 'httpSettings__metrics_port',
		default: '9600',
		description: 'Port of `/metrics`, `/healthz` and `/readyz`; 0 lets the system choose.',
		parse: integer({ max: 65_535 }),
	},
	maxConnectedClients: {
		env: 'MaxConnectedClients',
		default: '100',
		description: 'Clients that may be connected at once.',
		parse: integer({ min: 1, max: 100_000 }),
	},
	maxClientMessagesPerSecond: {
		env: 'MaxClientMessagesPerSecond',
		default: '0',
		description:
			'Messages a second that are taken from one client on a connection, requests for twins and answers to methods included; one that sends more is slowed down. 0 sets no limit.',
		parse: integer({ max: 1_000_000 }),
	},
	tlsVersions: {
		env: 'SslProtocols',
		default: 'tls1.2,tls1.3',
		description:
			'Versions of TLS for clients of the hub, separated by commas. Those before 1.2 are never spoken.',
		parse: tlsVersions,
	},
	clientCertificatesEnabled: {
		env: 'ClientCertAuthEnabled',
		default: 'true',
		description: 'Whether leaf devices may show a certificate instead of a token.',
		parse: flag,
	},
	moduleReplicas: {
		env: 'ModuleReplicas',
		default: 'share',
		description:
			'Connections of one module from several addresses: `share` its inputs, or the latest does `takeover`.',
		parse: choice('share', 'takeover'),
	},
	logLevel: {
		env: 'RuntimeLogLevel',
		default: 'info',
		description: 'Least severe level that is logged.',
		parse: logLevel,
	},
	acknowledgementSeconds: {
		env: 'MessageAckTimeoutSecs',
		default: '30',
		unit: 's',
		description: 'Time that a client has to acknowledge a message.',
		parse: integer({ min: 1, max: 3_600 }),
	},
	maxStoreBytes: {
		env: 'MaxStoreBytes',
		default: '1073741824',
		unit: 'B',
		description: 'Disk space for messages; see `StoreFullPolicy` for what happens when it is full.',
		parse: integer({ min: 1_048_576 }),
	},
	storeFullPolicy: {
		env: 'StoreFullPolicy',
		default: 'refuse',
		description:
			'What gives way when the store is full: the new message, which is not acknowledged (`refuse`), or waiting ones, the oldest of all (`drop-oldest`) or of the least urgent priority (`drop-lowest-priority`).',
		parse: choice('refuse', 'drop-oldest', 'drop-lowest-priority'),
	},
	newestFirstRoutes: {
		env: 'NewestFirstRoutes',
		default: '',
		description:
			'Names of routes, separated by commas, whose newest messages go first when messages have piled up.',
		parse: wordList,
	},
	routeCompatibility: {
		env: 'RouteCompatibility',
		default: 'standard',
		description: 'How route conditions are read: `azure` repeats known defects of Azure IoT Edge.',
		parse: choice('standard', 'azure'),
	},
	configRefreshSeconds: {
		env: 'ConfigRefreshFrequencySecs',
		default: '3600',
		unit: 's',
		description: 'Time between full readings of the hub’s own twin.',
		parse: integer({ min: 10, max: 2_000_000 }),
	},
	scopeRefreshSeconds: {
		env: 'DeviceScopeCacheRefreshRateSecs',
		default: '3600',
		unit: 's',
		description: 'Time between full readings of the identities that may connect.',
		parse: integer({ min: 10, max: 2_000_000 }),
	},
	scopeRefreshDelaySeconds: {
		env: 'DeviceScopeCacheRefreshDelaySecs',
		default: '120',
		unit: 's',
		description: 'Longest time between readings of one identity whose clients keep failing.',
		parse: integer({ min: 1, max: 86_400 }),
	},
	reportedSyncSeconds: {
		env: 'ReportedPropertiesSyncFrequencySecs',
		default: '5',
		unit: 's',
		description: 'Least time between two pushes of one client’s reported properties to IoT Hub.',
		parse: integer({ max: 3_600 }),
	},
	upstreamIdleSeconds: {
		env: 'CloudConnectionIdleTimeoutSecs',
		default: '3600',
		unit: 's',
		description: 'Time after which an unused connection to IoT Hub is closed.',
		parse: integer({ min: 1, max: 2_000_000 }),
	},
	upstreamIdleClose: {
		env: 'CloseCloudConnectionOnIdleTimeout',
		default: 'true',
		description: 'Whether that happens.',
		parse: flag,
	},
	upstreamRequestSeconds: {
		env: 'CloudOperationTimeoutSecs',
		default: '30',
		unit: 's',
		description: 'Time that IoT Hub has to answer a request, or to acknowledge a message.',
		parse: integer({ min: 1, max: 3_600 }),
	},
	upstreamFanOut: {
		env: 'UpstreamFanOutFactor',
		default: '10',
		description: 'Identities whose messages are sent to IoT Hub at once.',
		parse: integer({ min: 1, max: 1_000 }),
	},
	maxUpstreamBatch: {
		env: 'MaxUpstreamBatchSize',
		default: '50',
		description: 'Messages of one identity that are sent before the first is acknowledged.',
		parse: integer({ min: 1, max: 1_000 }),
	},
} as const satisfies SettingsTable;

/** Versions of TLS that are spoken, the oldest and the newest. */
export interface TlsVersions {
	readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
	readonly maxVersion: 'TLSv1.2' | 'TLSv1.3';
}

/** `tls1.2`, `Tls12` and `tls12` are alike, as in .NET. */
function tlsVersions(value: string): TlsVersions {
	const words = wordList(value).map((word) => word.toLowerCase().replace(/^tls\.?v?/, ''));
	const [old, next] = [/^1\.?2$/, /^1\.?3$/].map((form) => words.some((word) => form.test(word)));
	if (!old && !next) throw new RangeError('The value must name tls1.2, tls1.3 or both.');
	return { minVersion: old ? 'TLSv1.2' : 'TLSv1.3', maxVersion: next ? 'TLSv1.3' : 'TLSv1.2' };
}

export type EdgeHubSettings = SettingsOf<typeof hubSettingsTable>;

/** Reads the settings. As in Azure IoT Edge, the case of a variable's name does not count. */
export function readEdgeHubSettings(
	env: Readonly<Record<string, string | undefined>>,
): SettingsResult<typeof hubSettingsTable> {
	return readSettings(hubSettingsTable, regardlessOfCase(hubSettingsTable, env));
}
