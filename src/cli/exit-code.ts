/** What scripts can tell from how a command ended. */
export const exitCode = {
	ok: 0,
	/** The command was understood, but what it was to do has failed. */
	failed: 1,
	/** Of `diff`: there are differences. */
	changes: 1,
	/** The command line or an input file is wrong; nothing was done. */
	badInput: 2,
	/** Of `diff`: whether there are differences cannot be told. */
	undecided: 3,
	/** The user ended it. */
	interrupted: 130,
} as const;
