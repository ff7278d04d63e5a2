import { basename } from 'node:path';
import { defaultPolicy } from '../edge-agent/translation/default-policy.ts';
import { translate } from '../edge-agent/translation/translate.ts';
import type {
	Translation,
	TranslationContext,
	TranslationPolicy,
} from '../edge-agent/translation/translation.ts';
import type { Deployment } from '../manifest/deployment.ts';
import { parseDeployment } from '../manifest/deployment-parser.ts';
import { DottedPlaces } from '../manifest/dotted-places.ts';
import { isParentImage } from '../manifest/image-name.ts';
import { memberPath } from '../manifest/json-path.ts';
import {
	type Manifest,
	type ParsedManifest,
	parseManifest,
	readManifest,
} from '../manifest/manifest.ts';
import { moduleIdOf } from '../manifest/module-name.ts';
import type { Problem } from '../manifest/problem.ts';
import { isJsonObject, type JsonObject } from '../runtime/json.ts';
import { parseEdgeDeployment } from './edge-deployment-text.ts';
import { callProblems } from './manifest-calls.ts';
import { hubProblems } from './manifest-hub.ts';
import { referenceProblems } from './manifest-references.ts';
import { fillTemplate, isTemplate } from './manifest-template.ts';
import { readManifestText, yamlProblem } from './manifest-text.ts';

/** A manifest with everything that is wrong with it, whichever part of the edge would say so. */
export interface CheckedManifest {
	/** The sections as they stand, `{modulesContent}`; absent where the file is no manifest. */
	readonly content?: JsonObject;
	readonly deployment?: Deployment;
	/** Absent where there is no deployment that could be translated. */
	readonly translation?: Translation;
	readonly problems: readonly Problem[];
}

/** What the agent of a device would tell its modules; what is absent is as on an ordinary device. */
export interface TranslationTarget extends Partial<TranslationContext> {
	readonly namespace: string;
	readonly deviceId: string;
	readonly iotHubHostName: string;
	/** What to call the parent of a nested device where images come through one that nobody has named. */
	readonly assumedParent?: string;
}

/** Names for when nobody has said any. */
export const exampleTarget: TranslationTarget = {
	namespace: 'iotedge',
	deviceId: 'edge-device',
	iotHubHostName: 'hub.azure-devices.net',
};

/**
 * Checks a manifest, or the manifest that a template becomes.
 *
 * @param platform of the images of a template's modules, e.g. `arm64v8`.
 * @throws EdgeError EDGE_FILE_UNREADABLE
 */
export async function checkManifestFile(
	file: string,
	target: TranslationTarget = exampleTarget,
	policy: TranslationPolicy = defaultPolicy,
	platform?: string,
): Promise<CheckedManifest> {
	return check(await parseManifestFile(file, platform), target, policy);
}

/**
 * Reads a manifest in any of its forms; of a template, what it becomes.
 *
 * @throws EdgeError EDGE_FILE_UNREADABLE
 */
export async function parseManifestFile(file: string, platform?: string): Promise<ParsedManifest> {
	const { text, problem } = await readManifestText(file);
	if (text === undefined) return { problems: [problem] };
	if (!isTemplate(file, text)) return parseText(text, basename(file));
	const sources = { environment: process.env, ...(platform === undefined ? {} : { platform }) };
	const { value, problems } = await fillTemplate(file, text, sources);
	if (!isJsonObject(value)) return problems.length > 0 ? { problems } : parseText(text, file);
	const read = readManifest(value, basename(file));
	return { ...read, problems: [...problems, ...read.problems] };
}

/** The device of a command's options, whose parent has a name of an example where none is given. */
export function targetFor(
	target: TranslationTarget,
	parent: string | undefined,
): TranslationTarget {
	return { ...target, assumedParent: 'parent-device', ...(parent && { parentHostName: parent }) };
}

/** Checks a manifest as the agent and the hub would, all problems together. */
export function checkManifest(
	text: string,
	file: string,
	target: TranslationTarget = exampleTarget,
	policy: TranslationPolicy = defaultPolicy,
): CheckedManifest {
	return check(parseText(text, file), target, policy);
}

function parseText(text: string, file: string): ParsedManifest {
	const parsed = parseManifest(text, { file });
	const unparsed = parsed.problems.some(({ code }) => code === 'EDGE_MANIFEST_SYNTAX');
	const edgeDeployment = unparsed ? parseEdgeDeployment(text, file) : undefined;
	if (edgeDeployment !== undefined) return edgeDeployment;
	const yaml = unparsed ? yamlProblem(text) : undefined;
	return yaml === undefined ? parsed : { problems: [yaml] };
}

function check(
	{ manifest, problems: textProblems }: ParsedManifest,
	target: TranslationTarget,
	policy: TranslationPolicy,
): CheckedManifest {
	if (manifest === undefined) return { problems: textProblems };
	const problems = [...textProblems, ...missingAgent(manifest), ...hubProblems(manifest)];
	const content = { modulesContent: manifest.sections };
	const told = () => withoutEchoes(inFile(problems, manifest));
	if (manifest.agent === undefined) return { content, problems: told() };
	const { desired, path } = manifest.agent;
	const parsed = parseDeployment(desired, { path, layered: manifest.layered });
	problems.push(...parsed.problems);
	const { deployment } = parsed;
	if (deployment === undefined) return { content, problems: told() };
	problems.push(...missingHub(manifest, deployment));
	problems.push(...referenceProblems(manifest, deployment.modules.map(moduleIdOf)));
	const assumed = assumedParent(deployment, target);
	if (assumed !== undefined) problems.push(assumed.problem);
	const context = contextFor(deployment, { ...target, ...assumed?.target });
	const translation = translate(deployment, context, policy);
	problems.push(...translation.problems, ...callProblems(deployment, translation));
	return { content, deployment, translation, problems: told() };
}

/** Problems with their places in the file, where a layer's properties stand under dotted names. */
function inFile(problems: readonly Problem[], { agent, hub, twins }: Manifest): Problem[] {
	const sections = [agent, hub, ...twins.values()].filter((section) => section !== undefined);
	const dotted = sections.filter((section) => section.dotted.length > 0);
	if (dotted.length === 0) return [...problems];
	const places = dotted.map((section) => new DottedPlaces(section));
	return problems.map((problem) => {
		const path = places.reduce((place, section) => section.of(place), problem.path);
		return { ...problem, path };
	});
}

/** Modules without an edge hub start, and then find nobody to speak to. */
function missingHub({ layered, agent }: Manifest, { modules }: Deployment): Problem[] {
	const own = modules.filter(({ system }) => !system);
	const hasHub = modules.some(({ name, system }) => system && name === 'edgeHub');
	if (layered || hasHub || own.length === 0 || agent === undefined) return [];
	return [
		{
			severity: 'warning',
			code: 'EDGE_HUB_ABSENT',
			path: memberPath(agent.path, 'systemModules'),
			message: 'There is no edge hub: modules reach neither each other nor IoT Hub through it.',
			remedy: 'Add "edgeHub" to "systemModules".',
		},
	];
}

/**
 * A placeholder without a value makes a faulty image or version: that is said once, by the
 * placeholder, with the severity of what follows from it.
 */
function withoutEchoes(problems: readonly Problem[]): Problem[] {
	const placeholders = problems.filter(({ code }) => code === 'EDGE_TEMPLATE_UNRESOLVED');
	if (placeholders.length === 0) return [...problems];
	const places = new Set(placeholders.map(({ path }) => path));
	const fatal = new Set(problems.filter(({ severity }) => severity === 'error').map(pathOf));
	return problems.flatMap((problem) => {
		if (problem.code === 'EDGE_TEMPLATE_UNRESOLVED') {
			return fatal.has(problem.path) ? { ...problem, severity: 'error' as const } : problem;
		}
		return places.has(problem.path) ? [] : problem;
	});
}

function pathOf({ path }: Problem): string {
	return path;
}

function missingAgent(manifest: Manifest): Problem[] {
	if (manifest.agent !== undefined || manifest.layered) return [];
	return [
		{
			severity: 'error',
			code: 'EDGE_MANIFEST_FORM',
			path: '$',
			message: 'There are no desired properties of "$edgeAgent" in it.',
			remedy: remedyWithoutAgent(Object.keys(manifest.sections)),
		},
	];
}

/** A shell takes `$edgeAgent` in a text for a variable of its own, and leaves nothing of it. */
function remedyWithoutAgent(names: readonly string[]): string {
	const near = names.find((name) => /^\$?edgeagent$/i.test(name));
	if (near !== undefined) return `"${near}" must be called "$edgeAgent".`;
	if (names.includes('')) return 'A section has no name: did a shell replace "$edgeAgent"?';
	return 'Add "$edgeAgent" with its "properties.desired".';
}

/** The parent that images come through, where only its device knows its name. */
function assumedParent(
	{ modules }: Deployment,
	{ parentHostName, assumedParent: name }: TranslationTarget,
): { readonly target: Partial<TranslationTarget>; readonly problem: Problem } | undefined {
	const [first] = modules.filter(({ system, image }) => !system && isParentImage(image));
	if (parentHostName !== undefined || name === undefined || first === undefined) return undefined;
	return {
		target: { parentHostName: name },
		problem: {
			severity: 'warning',
			code: 'EDGE_PARENT_UNKNOWN',
			path: `${first.path}.settings.image`,
			message: `Images come through the parent of the device, which is called "${name}" here.`,
			remedy: 'Name it with --parent.',
		},
	};
}

/** What the agent would tell its modules, as far as it can be known without it. */
function contextFor(deployment: Deployment, target: TranslationTarget): TranslationContext {
	const { assumedParent: _, ...known } = target;
	const ids = deployment.modules.map(moduleIdOf);
	return {
		runtimeImage: 'iotedge-k8s',
		gatewayHostName: 'edgehub',
		edgeDeviceHostName: target.deviceId,
		workloadUri: 'http://edgeagent:35001/',
		workloadTlsUri: 'https://edgeagent:35002/',
		apiVersion: '2022-08-03',
		runtimeLogLevel: 'info',
		...known,
		generationIds: new Map(ids.map((id) => [id, target.generationIds?.get(id) ?? '0'])),
	};
}
