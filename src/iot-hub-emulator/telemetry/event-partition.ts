/** Partitions of the events of a hub; IoT Hub's default. */
export const partitionCount = 4;

/**
 * Where the log keeps a partition: each event hub has some of its own. Number 0 is the built-in
 * endpoint's, 60 is the highest.
 */
export function partitionInLog(eventHub: number, partition: number): number {
	return eventHub * partitionCount + partition;
}

/** Whether a partition of the log is one of the built-in endpoint's. */
export function isBuiltIn(partitionOfLog: number): boolean {
	return partitionOfLog < partitionCount;
}

/** The partition of a device's events, always the same: they stay in order (FNV-1a, 32 bits). */
export function partitionOf(deviceId: string): number {
	let hash = 0x811c9dc5;
	for (const byte of Buffer.from(deviceId)) hash = Math.imul(hash ^ byte, 0x01000193);
	return (hash >>> 0) % partitionCount;
}
