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
} as const satisfies Record<string, ErrorKind>;
