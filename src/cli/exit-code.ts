/** What scripts can tell from how a command ended. */
export const exitCode = {
	ok: 0,
	/** The command was understood, but what it was to do has failed. */
	failed: 1,
	/** The command line or an input file is wrong; nothing was done. */
	badInput: 2,
	/** The user ended it. */
	interrupted: 130,
} as const;
