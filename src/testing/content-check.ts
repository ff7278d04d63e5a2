import { readConfiguration } from '../edge-hub/configuration.ts';
import { parseDeployment } from '../manifest/deployment-parser.ts';
import type { Problem } from '../manifest/problem.ts';
import type { JsonObject } from '../runtime/json.ts';

/**
 * What agent and hub would refuse is said before anything starts, as `validate` says it: an edge that
 * waits for them would only find that its time is over.
 *
 * @param desired desired properties by module
 * @throws Error with all problems
 */
export function requireSoundContent(desired: ReadonlyMap<string, JsonObject>): void {
	const { problems } = parseDeployment(desired.get('$edgeAgent') ?? {}, { path: '$edgeAgent' });
	const hub = readConfiguration(desired.get('$edgeHub') ?? {}, { edgeDeviceId: 'edge' });
	const rejected = 'problems' in hub ? hub.problems : [];
	throwIfAny([
		...problems.filter(({ severity }) => severity === 'error').map(sentence),
		...rejected.map(({ path, message }) => `$edgeHub${path.slice(1)}: ${message}`),
	]);
}

/** @throws Error with the errors of a manifest's text */
export function requireManifest(problems: readonly Problem[]): void {
	throwIfAny(problems.filter(({ severity }) => severity === 'error').map(sentence));
}

function sentence({ path, message, remedy = '' }: Problem): string {
	return `${path}: ${message} ${remedy}`.trim();
}

function throwIfAny(faults: readonly string[]): void {
	if (faults.length === 0) return;
	throw new Error(['The edge cannot start:', ...faults.map((fault) => `  ${fault}`)].join('\n'));
}
