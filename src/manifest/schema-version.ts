const dotted = /^\d{1,9}(\.\d{1,9}){1,3}$/;

/**
 * Whether a section's schema version is one that this program reads: two to four numbers, major 1,
 * and a minor within the family (`$edgeAgent` up to 1.1, `$edgeHub` up to 1.3). Further numbers do
 * not count. Source: Azure IoT Edge, `schemaVersion` of the runtime's twins.
 */
export function isSupportedVersion(version: unknown, section: '$edgeAgent' | '$edgeHub'): boolean {
	if (typeof version !== 'string' || !dotted.test(version)) return false;
	const [major, minor] = version.split('.').map(Number);
	return major === 1 && minor !== undefined && minor <= (section === '$edgeAgent' ? 1 : 3);
}
