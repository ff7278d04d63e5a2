/** Milliseconds for which something has made no progress. */
export interface AgentProgress {
	/** Since a watch last heard or tried anything. */
	readonly idleness: number;
	/** Since a pass of the reconcile loop was wanted that has not succeeded. */
	readonly lag: number;
}

/**
 * Why the agent should be started anew. An API server or an IoT Hub that is away is no reason: a new
 * agent could not reach them either, and modules would lose the workload API meanwhile.
 *
 * @param limit milliseconds; longer than a watch may be silent (5 minutes) or a kind that the cluster
 * lacks is not asked for (10 minutes).
 */
export function agentFault({ idleness, lag }: AgentProgress, limit: number): string | undefined {
	if (lag > limit) return `The reconcile loop has been stuck for ${seconds(lag)} s.`;
	if (idleness > limit) return `A watch has been stuck for ${seconds(idleness)} s.`;
	return undefined;
}

function seconds(milliseconds: number): number {
	return Math.round(milliseconds / 1000);
}
