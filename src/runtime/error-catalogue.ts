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
} as const satisfies Record<string, ErrorKind>;
