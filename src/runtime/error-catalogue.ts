/** One kind of failure. */
export interface ErrorKind {
	/** What has happened, in general. */
	readonly summary: string;
	/** What the person who sees it should do. */
	readonly remedy: string;
}

/**
 * Every error code that the program can print. Codes are public: they are never renamed or reused.
 * `npm run generate` writes this table to `docs/errors.md`; a test keeps both equal.
 */
export const errorCatalogue = {
	EDGE_SETTING_INVALID: {
		summary: 'A setting from the environment or the command line has a value that cannot be used.',
		remedy: 'Correct the setting; `docs/configuration.md` lists its form.',
	},
	// protocol
	EDGE_CONNECTION_STRING_INVALID: {
		summary: 'A connection string lacks a member.',
		remedy: 'Copy the whole connection string again from IoT Hub.',
	},
	EDGE_TOKEN_INVALID: {
		summary: 'A shared access signature cannot be read.',
		remedy: 'Make a new token: `SharedAccessSignature sr=…&sig=…&se=…`.',
	},
	EDGE_PROPERTY_BAG_INVALID: {
		summary: 'The properties in an MQTT topic cannot be read.',
		remedy: 'Percent-encode names and values of message properties.',
	},
	EDGE_METHOD_INVALID: {
		summary: 'A direct method call has a wrong form.',
		remedy:
			'Send `{"methodName", "payload", "responseTimeoutInSeconds", "connectTimeoutInSeconds"}`.',
	},
	// src/mqtt
	EDGE_PACKET_MALFORMED: {
		summary: 'A client sent bytes that break the rules of MQTT 3.1.1.',
		remedy: 'Correct the client; its connection was closed.',
	},
	EDGE_PROTOCOL_LEVEL: {
		summary: 'A client speaks a version of MQTT other than 3.1.1.',
		remedy: 'Let the client use MQTT 3.1.1 (protocol level 4).',
	},
	EDGE_CLIENT_GONE: {
		summary: 'A client ended its connection, or did not acknowledge a message in time.',
		remedy: 'Nothing, when the client comes back; otherwise look at the log of the client.',
	},
	EDGE_PUBLICATION_INVALID: {
		summary: 'A message cannot be written as an MQTT packet: its topic or the packet is too long.',
		remedy: 'Send fewer or shorter message properties.',
	},
	// src/local-cluster/node
	EDGE_POD_NETWORK_UNAVAILABLE: {
		summary: 'The local cluster cannot give every pod an own loopback address.',
		remedy:
			'On macOS add addresses with `sudo ifconfig lo0 alias 127.x.y.z`, or run on Linux or Windows, or use a real cluster.',
	},
	// iot-hub-client
	EDGE_HUB_UNREACHABLE: {
		summary: 'IoT Hub cannot be reached, or has not answered in time.',
		remedy: 'Check network, DNS and clock of the device; the program keeps trying.',
	},
	EDGE_HUB_REFUSED: {
		summary: 'IoT Hub does not accept an identity: unknown, disabled, or its key is wrong.',
		remedy: 'Check the identity in IoT Hub and the connection string; the program keeps trying.',
	},
	EDGE_HUB_REQUEST_FAILED: {
		summary: 'IoT Hub has answered a request with an error.',
		remedy: 'See the status in the message; throttled requests (429) are repeated later.',
	},
	// src/cluster
	EDGE_KUBECONFIG_INVALID: {
		summary: 'A kubeconfig cannot be used to reach a cluster.',
		remedy: 'Check the file with `kubectl --kubeconfig <file> version`.',
	},
	EDGE_CLUSTER_CREDENTIALS: {
		summary: 'The credentials for the Kubernetes API cannot be read or obtained.',
		remedy: 'Check the token file, the client certificate or the exec plugin of the kubeconfig.',
	},
	EDGE_CLUSTER_UNREACHABLE: {
		summary: 'The Kubernetes API server does not answer, or its certificate is not trusted.',
		remedy: 'Check address, network and certificate authority; the program keeps trying.',
	},
	EDGE_CLUSTER_UNAUTHORIZED: {
		summary: 'The Kubernetes API server does not accept the credentials.',
		remedy: 'Renew the token or client certificate of the kubeconfig or ServiceAccount.',
	},
	EDGE_CLUSTER_FORBIDDEN: {
		summary: 'The Kubernetes API server does not allow a request.',
		remedy: 'Grant the verb named in the message with a Role in the namespace, or raise the quota.',
	},
	EDGE_CLUSTER_NOT_FOUND: {
		summary: 'The Kubernetes API server has no such object, namespace or kind.',
		remedy: 'Create the namespace, or install what serves the kind.',
	},
	EDGE_CLUSTER_CONFLICT: {
		summary: 'A Kubernetes object exists already, or has changed in the meantime.',
		remedy: 'Nothing: the program reads the object again and repeats the change.',
	},
	EDGE_CLUSTER_EXPIRED: {
		summary: 'A watch or list of the Kubernetes API asked for a state that is no longer kept.',
		remedy: 'Nothing: the program lists again.',
	},
	EDGE_CLUSTER_REFUSED: {
		summary: 'The Kubernetes API server refuses an object as invalid.',
		remedy: 'Correct the fields that the message names.',
	},
	EDGE_CLUSTER_BUSY: {
		summary: 'The Kubernetes API server is overloaded or has an internal fault.',
		remedy: 'Nothing: the program tries again later. If it lasts, look at the API server.',
	},
	EDGE_CLUSTER_ANSWER_INVALID: {
		summary: 'The Kubernetes API server answered something that is not of the Kubernetes API.',
		remedy: 'Check that the server address leads to a Kubernetes API and not to a proxy.',
	},
	// src/storage
	EDGE_STORAGE_FULL: {
		summary: 'The disk, or the limit set for the stored messages, is reached.',
		remedy: 'Free space on the volume or raise the limit; senders repeat what was refused.',
	},
	EDGE_STORAGE_FAILED: {
		summary: 'The disk refused to read or write.',
		remedy: 'Look at the volume: it may be read-only, detached or broken.',
	},
	EDGE_STORAGE_CORRUPT: {
		summary: 'Stored bytes are not what was written.',
		remedy: 'Check the disk. Restore the folder from a copy or remove it to start empty.',
	},
	EDGE_STORAGE_VERSION: {
		summary: 'Stored data has the form of another version of this program.',
		remedy: 'Run the version that wrote it, or remove the folder to start empty.',
	},
	EDGE_STORAGE_LOCKED: {
		summary: 'Another process has the stored data open.',
		remedy: 'Stop the other process; a folder belongs to one process at a time.',
	},
} as const satisfies Record<string, ErrorKind>;
