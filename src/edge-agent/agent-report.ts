import { arch, platform } from 'node:process';
import type { JsonObject } from '../runtime/json.ts';
import type { AgentStatus } from './agent-status.ts';
import type { DeploymentRunner } from './deployment-runner.ts';
import { localSourceOf, originText } from './sources/local-deployment.ts';
import { reportedDocument } from './twin/reported-document.ts';

/** What a report says of the agent itself. */
export interface ReportingAgent {
	readonly image: string;
	/** RFC 3339. */
	readonly startedAt: string;
	/** Of this program. */
	readonly version: string;
	/** The cluster's version; undefined where it is not known. */
	readonly kubernetes: string | undefined;
}

/**
 * The reported properties of `$edgeAgent`: how the deployment that runs is, and why a later one does
 * not run.
 */
export function agentReport(
	{ image, startedAt, version, kubernetes }: ReportingAgent,
	status: AgentStatus,
	{ refusal, deployment, accepted }: Pick<DeploymentRunner, 'refusal' | 'deployment' | 'accepted'>,
): JsonObject {
	const source = localSourceOf(accepted);
	const { code, description, modules } = status;
	const desiredVersion =
		refusal === undefined ? source === undefined && status.desiredVersion : refusal.version;
	return reportedDocument({
		...(typeof desiredVersion === 'number' ? { desiredVersion } : {}),
		code: refusal?.code ?? code,
		description: refusal?.description ?? description,
		...(source === undefined ? {} : { source: originText(source) }),
		...(deployment === undefined ? {} : { deployment }),
		modules,
		agent: { image, startedAt },
		programVersion: version,
		platform: {
			os: platform,
			architecture: arch,
			...(kubernetes === undefined ? {} : { kubernetes }),
		},
	});
}
