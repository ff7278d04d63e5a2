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
	EDGE_MESSAGE_REJECTED: {
		summary: 'A module has rejected a message of its input.',
		remedy:
			'The message was set aside and counted. Look at the log of the module; it releases what it wants to get again.',
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
	EDGE_PROVISIONING_UNREACHABLE: {
		summary: 'The device provisioning service (DPS) cannot be reached, is busy or failing.',
		remedy:
			'Check network, DNS and proxy of the device, and `DPS_ENDPOINT`; the program keeps trying.',
	},
	EDGE_PROVISIONING_REFUSED: {
		summary: 'The device provisioning service (DPS) does not register the device.',
		remedy:
			'Check ID scope, registration id and key or certificate against the enrolment, and whether it is enabled.',
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
	// src/manifest
	EDGE_MANIFEST_TOO_LARGE: {
		summary: 'A manifest is larger or nests deeper than any that IoT Hub would take.',
		remedy: 'Check that it is the right file; split large createOptions into several modules.',
	},
	EDGE_MANIFEST_SYNTAX: {
		summary: 'A text is not JSON.',
		remedy: 'Correct the text at the line and column that the message names.',
	},
	EDGE_MANIFEST_FORM: {
		summary: 'A manifest lacks a member, or a member has a value that the runtime cannot use.',
		remedy: 'Correct the member at the path that the message names.',
	},
	EDGE_MANIFEST_MEMBER_UNKNOWN: {
		summary: 'A member is none that the runtime knows; it has no effect.',
		remedy: 'Correct its spelling or remove it.',
	},
	EDGE_MANIFEST_MEMBER_REPEATED: {
		summary: 'A JSON object has the same member twice; the last one counts.',
		remedy: 'Remove or rename one of them.',
	},
	EDGE_MANIFEST_EMPTY: {
		summary: 'The desired properties of `$edgeAgent` are empty (status 417).',
		remedy: 'Set a deployment manifest for the device.',
	},
	EDGE_SCHEMA_VERSION: {
		summary: 'The schema version of the desired properties is none that is read (status 412).',
		remedy: 'Use `schemaVersion` 1.0 or 1.1 for `$edgeAgent`, 1.0 to 1.3 for `$edgeHub`.',
	},
	EDGE_MODULE_NAME_INVALID: {
		summary: 'A module has a name that no module identity can have.',
		remedy: 'Use at most 128 letters, digits, `-` and `_`, and not the name of a system module.',
	},
	EDGE_IMAGE_INVALID: {
		summary: 'A module names no image that a container runtime can pull.',
		remedy: 'Write `registry/repository:tag`, the repository in lower case.',
	},
	EDGE_PARENT_UNKNOWN: {
		summary: 'Images come through the parent of a nested device, whose name is not known here.',
		remedy: 'Name it with `--parent`; the agent of the device knows it.',
	},
	EDGE_HUB_ABSENT: {
		summary: 'A deployment has modules, and no edge hub that they could speak through.',
		remedy: 'Add `edgeHub` to `systemModules`.',
	},
	EDGE_CREATE_OPTIONS_INVALID: {
		summary: 'The createOptions of a module are no JSON object, or their chunks do not fit.',
		remedy: 'Give the JSON text of an object; number chunks 01, 02… after the unnumbered one.',
	},
	EDGE_CREATE_OPTIONS_LOOSE: {
		summary: 'The createOptions of a module are JSON only as loosely as Azure IoT Edge reads it.',
		remedy: 'Write strict JSON, which every tool reads: double quotes, no comments.',
	},
	EDGE_TEMPLATE_UNRESOLVED: {
		summary: 'A template has placeholders for which no value is known.',
		remedy: 'Set the variable in the environment or in `.env`, or add the module folder.',
	},
	EDGE_LAYER_IGNORED: {
		summary: 'A layer of a deployment has no effect, because a base of higher priority hides it.',
		remedy: 'Give layers a higher priority than the base deployment.',
	},
	EDGE_MANIFEST_SIGNATURE: {
		summary: 'A manifest is not signed by a certificate that the trust bundle vouches for.',
		remedy: 'Sign the manifest again, or configure the trust bundle that belongs to its signer.',
	},
	// src/edge-agent/translation
	EDGE_CREATE_OPTION_APPROXIMATED: {
		summary: 'Kubernetes has no exact counterpart of a Docker option; the nearest is used.',
		remedy:
			'Check that the module can live with it; `docs/create-options.md` explains each option.',
	},
	EDGE_CREATE_OPTION_INVALID: {
		summary: 'A Docker option has a value of a form that Docker would not take either.',
		remedy: 'Correct the value at the path that the message names.',
	},
	EDGE_CREATE_OPTION_REFUSED: {
		summary: 'A module needs something of Docker that Kubernetes cannot give; it is not started.',
		remedy: 'Remove the option, or use `k8s-extensions` to say what the module needs.',
	},
	EDGE_CREATE_OPTION_UNKNOWN: {
		summary: 'A member of createOptions is no Docker option, or stands in the wrong place.',
		remedy: 'Correct its spelling or its place.',
	},
	EDGE_POLICY_DENIED: {
		summary: 'A module asks for a right that the operator of the cluster has not granted.',
		remedy: "Remove the demand, or let the operator allow it in the agent's settings.",
	},
	EDGE_EXTENSION_INVALID: {
		summary: 'A member of `k8s-extensions` or `k8s-experimental` has a value that cannot be used.',
		remedy: 'Correct the value; `docs/create-options.md` lists the members and their forms.',
	},
	EDGE_EXTENSION_UNKNOWN: {
		summary: 'A member of `k8s-extensions` or `k8s-experimental` is unknown; it has no effect.',
		remedy: 'Correct its spelling or remove it.',
	},
	EDGE_ENVIRONMENT_NAME: {
		summary: 'An environment variable cannot be set under its name.',
		remedy: 'Rename the variable as the message says.',
	},
	EDGE_IDENTITY_MISSING: {
		summary: 'A module has no identity at IoT Hub yet, so that it could not connect.',
		remedy:
			"Nothing: identities are made before modules start. If it lasts, check the agent's log.",
	},
	// cli
	EDGE_HUB_CONFIGURATION: {
		summary: 'The desired properties of `$edgeHub` have errors, in a route for example.',
		remedy: 'Correct them; until then the hub keeps its last good configuration.',
	},
	EDGE_ROUTE_DOUBTFUL: {
		summary: 'A route looks at something that messages hardly have, such as a property named `p!`.',
		remedy: 'Separate names from operators by blanks; see `iotedge-k8s route explain`.',
	},
	EDGE_MODULE_UNKNOWN: {
		summary: 'The edge has no module of that name.',
		remedy: 'See `iotedge-k8s list` for the modules that there are.',
	},
	EDGE_FILE_UNREADABLE: {
		summary: 'A file or folder cannot be read.',
		remedy: 'Check its path and rights.',
	},
	EDGE_PORT_NOT_OFFERED: {
		summary: 'A module calls another at a port that no Service offers, as it is not exposed.',
		remedy: 'Add the port to `ExposedPorts` in the createOptions of the module that is called.',
	},
	EDGE_FILE_UNWRITABLE: {
		summary: 'A file cannot be written.',
		remedy: 'Check the folder, its rights, and the space on the disk.',
	},
	EDGE_NAME_UNKNOWN: {
		summary: 'There is no option and no error code of that name.',
		remedy: 'See `iotedge-k8s explain` for all options, docs/errors.md for the codes.',
	},
	EDGE_FLEET_INVALID: {
		summary: 'A file of simulated devices has a wrong form.',
		remedy: 'Correct what the message names; `iotedge-k8s simulate --help` shows the form.',
	},
	EDGE_OPTION_MISSING: {
		summary: 'A command lacks an option without which it cannot work.',
		remedy: 'See the command with --help.',
	},
	// src/edge-hub
	EDGE_WORKLOAD_FAILED: {
		summary: 'The edge hub cannot use the workload API of the edge agent.',
		remedy: 'See whether the edge agent runs and what it logs.',
	},
	EDGE_IDENTITY_WITHOUT_KEY: {
		summary: 'The edge hub may not speak to IoT Hub for a client: it is not below its edge device.',
		remedy: 'Make the edge device the parent of the client in IoT Hub.',
	},
	EDGE_METHOD_TARGET_ABSENT: {
		summary: 'The target of a direct method is not connected, or does not listen for methods.',
		remedy: 'Start the target, or allow more time with connectTimeoutInSeconds.',
	},
	EDGE_METHOD_UNANSWERED: {
		summary: 'The target of a direct method has not answered in time.',
		remedy: 'Look at the log of the target, or allow more time with responseTimeoutInSeconds.',
	},
	EDGE_TWIN_PATCH_INVALID: {
		summary: 'A patch of reported properties breaks a rule of twins.',
		remedy: 'Correct what the message names.',
	},
	EDGE_MESSAGE_INVALID: {
		summary: 'A client has sent a message that is too large or cannot be read.',
		remedy: 'Send messages of at most 256 KiB with percent-encoded properties.',
	},
	// edge-agent: workload API
	EDGE_CALLER_UNKNOWN: {
		summary: 'A call of the workload API comes from an address that is not exactly one module.',
		remedy:
			'Only pods of this edge device may call. Modules on the network of their node (`hostNetwork`) and those with a sidecar call through that.',
	},
	EDGE_CALLER_TOKEN: {
		summary: 'A sidecar shows a token that does not prove which module it speaks for.',
		remedy:
			'The sidecar tries again with the next token of the kubelet. Where that does not help, compare the clocks of the nodes.',
	},
	EDGE_ISSUER_KEYS_FORBIDDEN: {
		summary:
			'The edge agent may not read the keys with which the API server signs the tokens of pods.',
		remedy:
			'Bind the ClusterRole `system:service-account-issuer-discovery` to the ServiceAccount of the agent, as clusters do by default for all, or do without sidecars.',
	},
	EDGE_CALLER_FORBIDDEN: {
		summary: 'A module asks the workload API to act for another module.',
		remedy: 'Let each module ask for itself, with the id and generation in its environment.',
	},
	EDGE_WORKLOAD_REQUEST_INVALID: {
		summary: 'A request to the workload API has a wrong form.',
		remedy: 'Compare it with the workload API of Azure IoT Edge, version 2018-06-28 or later.',
	},
	EDGE_WORKLOAD_NOT_FOUND: {
		summary:
			'The workload API has no such resource, or does not know that generation of the module.',
		remedy: 'Nothing: a module whose identity was made anew is restarted with its new generation.',
	},
	EDGE_WORKLOAD_BUSY: {
		summary: 'The workload API serves as many requests as it can.',
		remedy: 'Try again; look for a module that asks without end.',
	},
	// src/iot-hub-emulator
	EDGE_EMULATOR_PORT_TAKEN: {
		summary: 'The IoT Hub emulator cannot listen on the port that it was given.',
		remedy: 'Choose another port, or none to use any free one.',
	},
	EDGE_EMULATOR_ROUTING_INVALID: {
		summary: 'The IoT Hub emulator cannot use the message routing of a file.',
		remedy: 'Correct what the message names; docs/iot-hub-emulator.md shows the form.',
	},
	// src/edge-agent: reconcile
	EDGE_OBJECT_FOREIGN: {
		summary: 'A deployment needs a Kubernetes object whose name somebody else uses already.',
		remedy: 'Rename the module or remove the other object; the agent never takes it over.',
	},
	// edge-agent: direct methods
	EDGE_METHOD_SCHEMA: {
		summary: 'The payload of a direct method of $edgeAgent has a schema version other than 1.x.',
		remedy: 'Send `"schemaVersion": "1.0"`.',
	},
	EDGE_METHOD_BUSY: {
		summary: 'As many uploads of logs wait as the agent keeps.',
		remedy: 'Ask with GetTaskStatus until those before have ended, then call again.',
	},
	EDGE_UPLOAD_FAILED: {
		summary: 'Logs or a support bundle cannot be written to the storage of the sasUrl.',
		remedy:
			'Give the URL of a container with a signature that may create and write and has not expired.',
	},
} as const satisfies Record<string, ErrorKind>;
