/** Variables of the machine that programs in pods need; everything else stays outside. */
const inheritedNames = ['LANG', 'LC_ALL', 'TZ', 'TMPDIR', 'SystemRoot', 'TEMP', 'TMP'];

/** What the processes of pods inherit from the environment of the node. */
export function inheritedEnvironment(
	env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string> {
	const inherited = inheritedNames.flatMap((name) => {
		const value = env[name];
		return value === undefined ? [] : [[name, value]];
	});
	return { ...Object.fromEntries(inherited), PATH: env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin' };
}
