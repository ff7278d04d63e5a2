import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { defaultPolicy } from '../edge-agent/translation/default-policy.ts';
import { translate } from '../edge-agent/translation/translate.ts';
import type {
	Translation,
	TranslationContext,
	TranslationPolicy,
} from '../edge-agent/translation/translation.ts';
import { readConfiguration } from '../edge-hub/configuration.ts';
import type { Deployment } from '../manifest/deployment.ts';
import { parseDeployment } from '../manifest/deployment-parser.ts';
import { type Manifest, parseManifest } from '../manifest/manifest.ts';
import type { Problem } from '../manifest/problem.ts';
import { EdgeError } from '../runtime/edge-error.ts';
import type { JsonObject } from '../runtime/json.ts';

/** A manifest with everything that is wrong with it, whichever part of the edge would say so. */
export interface CheckedManifest {
	/** The sections as they stand, `{modulesContent}`; absent where the file is no manifest. */
	readonly content?: JsonObject;
	readonly deployment?: Deployment;
	/** Absent where there is no deployment that could be translated. */
	readonly translation?: Translation;
	readonly problems: readonly Problem[];
}

/** Where the objects of a translation would go. */
export interface TranslationTarget {
	readonly namespace: string;
	readonly deviceId: string;
	readonly iotHubHostName: string;
}

/** Names for when nobody has said any. */
export const exampleTarget: TranslationTarget = {
	namespace: 'iotedge',
	deviceId: 'edge-device',
	iotHubHostName: 'hub.azure-devices.net',
};

/** @throws EdgeError EDGE_FILE_UNREADABLE */
export async function checkManifestFile(
	file: string,
	target: TranslationTarget = exampleTarget,
	policy: TranslationPolicy = defaultPolicy,
): Promise<CheckedManifest> {
	let text: string;
	try {
		text = await readFile(file, 'utf8');
	} catch (cause) {
		const message = 'The manifest cannot be read.';
		throw new EdgeError('EDGE_FILE_UNREADABLE', message, { where: file, cause });
	}
	return checkManifest(text, basename(file), target, policy);
}

/** Checks a manifest as the agent and the hub would, all problems together. */
export function checkManifest(
	text: string,
	file: string,
	target: TranslationTarget = exampleTarget,
	policy: TranslationPolicy = defaultPolicy,
): CheckedManifest {
	const { manifest, problems: textProblems } = parseManifest(text, { file });
	if (manifest === undefined) return { problems: textProblems };
	const problems = [...textProblems, ...missingAgent(manifest), ...hubProblems(manifest)];
	const content = { modulesContent: manifest.sections };
	if (manifest.agent === undefined) return { content, problems };
	const { desired, path } = manifest.agent;
	const parsed = parseDeployment(desired, { path, layered: manifest.layered });
	problems.push(...parsed.problems);
	const { deployment } = parsed;
	if (deployment === undefined) return { content, problems };
	const translation = translate(deployment, contextFor(deployment, target), policy);
	problems.push(...translation.problems);
	return { content, deployment, translation, problems };
}

function missingAgent(manifest: Manifest): Problem[] {
	if (manifest.agent !== undefined || manifest.layered) return [];
	return [
		{
			severity: 'error',
			code: 'EDGE_MANIFEST_FORM',
			path: '$',
			message: 'There are no desired properties of "$edgeAgent" in it.',
			remedy: 'Add "$edgeAgent" with its "properties.desired".',
		},
	];
}

function hubProblems({ hub, layered }: Manifest): Problem[] {
	if (hub === undefined || layered) return [];
	const outcome = readConfiguration(hub.desired, { edgeDeviceId: 'edge-device' });
	if (!('problems' in outcome)) return [];
	return outcome.problems.map(({ path, message }) => ({
		severity: 'error' as const,
		code: 'EDGE_HUB_CONFIGURATION',
		path: `${hub.path}${path.slice(1)}`,
		message,
		module: 'edgeHub',
	}));
}

/** What the agent would tell its modules, as far as it can be known without it. */
function contextFor(deployment: Deployment, target: TranslationTarget): TranslationContext {
	const ids = deployment.modules.map(({ name, system }) => (system ? `$${name}` : name));
	return {
		...target,
		generationIds: new Map(ids.map((id) => [id, '0'])),
		runtimeImage: 'iotedge-k8s',
		gatewayHostName: 'edgehub',
		edgeDeviceHostName: target.deviceId,
		workloadUri: 'http://edgeagent:35001/',
		apiVersion: '2022-08-03',
		runtimeLogLevel: 'info',
	};
}
