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
} as const satisfies Record<string, ErrorKind>;
