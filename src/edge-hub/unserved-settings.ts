/**
 * Variables of Azure IoT Edge's hub that mean nothing here, and why. They may stay in a deployment
 * that also serves other devices. Source of the names: Azure IoT Edge, "doc/EnvironmentVariables".
 */
export const unservedSettings = {
	storeAndForwardEnabled: 'Messages are always stored: that is what an acknowledgement promises.',
	UsePersistentStorage: 'Messages are always on the claim of the hub.',
	BackupFolder: 'There is no storage in memory that would need a backup.',
	EnableNonPersistentStorageBackup: 'There is no storage in memory that would need a backup.',
	OptimizeForPerformance:
		'It tunes RocksDB, which is not used; memory does not grow with the queue.',
	RocksDB_MaxOpenFiles: 'RocksDB is not used.',
	RocksDB_MaxTotalWalSize: 'RocksDB is not used; `MaxStoreBytes` limits the disk space.',
	RocksDB_MaxManifestFileSize: 'RocksDB is not used.',
	Storage_LogLevel: 'RocksDB is not used; `RuntimeLogLevel` holds for everything.',
	MessageCleanupIntervalSecs: 'Space is given back as soon as messages are delivered or expired.',
	CheckEntireQueueOnCleanup: 'Expired messages are removed wherever they are in a queue.',
	IotHubConnectionPoolSize: 'It counts AMQP connections; each identity has one MQTT connection.',
	CloudConnectionHangingTimeoutSecs: 'Nothing hangs beyond `CloudOperationTimeoutSecs`.',
	CloseCloudConnectionOnDeviceDisconnect:
		'A connection stays for `CloudConnectionIdleTimeoutSecs`, which costs less when the device comes back.',
	ConnectivityCheckFrequencySecs: 'A ping every 2 minutes tells whether IoT Hub is there.',
	UseServerHeartbeat: 'It belongs to AMQP upstream; MQTT has its pings.',
	MinTwinSyncPeriodSecs: 'Twins are read once a connection, and then follow their patches.',
	TwinManagerVersion: 'There is one.',
	EncryptTwinStore: 'What is stored of twins and identities is always encrypted.',
	ConfigSource: 'It is a setting of the agent, which hands the configuration to the hub.',
	AuthenticationMode:
		'Clients are always checked here, with the identities in the scope of the device.',
	CacheTokens: 'Identities are kept instead of tokens, for clients that come while offline.',
	TrackDeviceState: 'Identities that were disabled or deleted are always disconnected.',
	NestedEdgeEnabled: 'Devices below this one are served when IoT Hub has them in its scope.',
	mqttSettings__enabled: 'MQTT is always served: the readiness of the hub is looked at there.',
	mqttSettings__ThreadCount: 'One thread serves all connections.',
	mqttSettings__UsePooledBuffers: 'It tunes .NET.',
	amqpSettings__DelayedBatchingEnabled: 'It tunes .NET.',
	ApiProxyModuleId: 'The hub serves all protocols on ports of its own.',
	ShutdownWaitPeriod: 'Kubernetes gives the time: `terminationGracePeriodSeconds` of the module.',
	protocolTimeoutInSecs:
		'Kubernetes gives the time: `terminationGracePeriodSeconds` of the module.',
	ServerCertificateRenewAfterInMs: 'The certificate is renewed early, while the hub serves.',
	MaxCheckCertExpiryInMs: 'The certificate is renewed early, while the hub serves.',
	EnableRoutingLogging: '`iotedge-k8s route explain` and the metrics tell where messages go.',
	EnableSdkDebugLogs: '`RuntimeLogLevel=debug` has what there is to say about connections.',
	ModuleRequestThrottleTimeout: 'Slow callers are bounded by limits of connections and of memory.',
} as const satisfies Readonly<Record<string, string>>;

/** Those of them that somebody has set, in the spelling of the table. */
export function unservedIn(env: Readonly<Record<string, string | undefined>>): string[] {
	const given = new Set(Object.keys(env).map((name) => name.toLowerCase()));
	return Object.keys(unservedSettings).filter((name) => given.has(name.toLowerCase()));
}
