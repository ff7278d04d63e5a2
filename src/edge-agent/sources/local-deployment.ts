import { createHash } from 'node:crypto';
import { type Manifest, parseManifest, readManifest } from '../../manifest/manifest.ts';
import type { Problem } from '../../manifest/problem.ts';
import { stripMetadata } from '../../protocol/twin.ts';
import { isJsonObject, type JsonObject } from '../../runtime/json.ts';
import type { SourceFault, SourceKind } from './deployment-source.ts';

/**
 * What comes with the deployment of a local source, kept under `$source` of its desired properties.
 * With them it is remembered, rolled back and taken up after a restart. IoT Hub refuses `$` in names
 * of properties, so that no twin can carry it.
 */
export interface LocalSource {
	readonly kind: Exclude<SourceKind, 'twin'>;
	/** Its place for people: `EdgeDeployment factory`. */
	readonly place: string;
	/** Tells versions of one place apart, for people: a generation, or the beginning of a hash. */
	readonly revision: string;
	/** Desired properties of `$edgeHub`; null where the manifest has none. */
	readonly hub: JsonObject | null;
	/** Desired properties of modules, by module id. */
	readonly twins: Readonly<Record<string, JsonObject>>;
}

/** The content of a local source: what to run, or why not. */
export type LocalContent =
	| { readonly desired: JsonObject; readonly fault?: never }
	| { readonly desired?: never; readonly fault: SourceFault };

/** Where a local deployment comes from, and its version there if it has one. */
export interface LocalOrigin {
	readonly kind: LocalSource['kind'];
	readonly place: string;
	/** Absent: its version is a hash of its content. */
	readonly generation?: number;
}

/** The place of deployments that are not local, for people. */
export const twinPlace = 'the twin in IoT Hub';

const maxProblems = 10;

/** The deployment in the text of a manifest: JSON, comments allowed. */
export function localDeploymentOfText(text: string, origin: LocalOrigin): LocalContent {
	if (text.trim() === '') return faultOf(417, [], 'It is empty.');
	return contentOf(parseManifest(text), origin);
}

/** The deployment in a manifest that is parsed already. */
export function localDeployment(document: JsonObject, origin: LocalOrigin): LocalContent {
	return contentOf(readManifest(document), origin);
}

/** The mark of a local source; undefined for desired properties of a twin. */
export function localSourceOf(desired: JsonObject | undefined): LocalSource | undefined {
	const source = desired?.['$source'];
	return isJsonObject(source) ? (source as unknown as LocalSource) : undefined;
}

/** What the edge hub must know of accepted desired properties: null for those of IoT Hub. */
export function hubDeploymentOf(
	desired: JsonObject | undefined,
): (Pick<LocalSource, 'hub' | 'twins'> & { readonly source: string }) | null | undefined {
	if (desired === undefined) return undefined;
	const source = localSourceOf(desired);
	if (source === undefined) return null;
	return { source: originText(source), hub: source.hub, twins: source.twins };
}

/** Where desired properties come from, for people. */
export function sourceText(desired: JsonObject): string {
	const source = localSourceOf(desired);
	return source === undefined ? twinPlace : originText(source);
}

/** Place and revision, for people. */
export function originText({ place, revision }: LocalSource): string {
	return `${place}, ${revision}`;
}

function contentOf(
	parsed: { readonly manifest?: Manifest; readonly problems: readonly Problem[] },
	{ kind, place, generation }: LocalOrigin,
): LocalContent {
	const { manifest, problems } = parsed;
	const errors = problems.filter(({ severity }) => severity === 'error');
	if (errors.length > 0) return faultOf(400, errors, '');
	if (manifest?.agent === undefined) {
		return faultOf(417, [], 'It has no section "$edgeAgent" with "properties.desired".');
	}
	if (manifest.layered) {
		return faultOf(400, [], 'It is a layer: merge it with its base deployment.');
	}
	const { agent, hub, twins } = manifest;
	const properties = {
		agent: stripMetadata(agent.desired),
		hub: hub === undefined ? null : stripMetadata(hub.desired),
		twins: desiredOf(twins),
	};
	const hash = createHash('sha256').update(JSON.stringify(properties)).digest('hex').slice(0, 12);
	const source: LocalSource = {
		kind,
		place,
		revision: generation === undefined ? hash : String(generation),
		hub: properties.hub,
		twins: properties.twins,
	};
	const $version = generation ?? Number.parseInt(hash, 16);
	return { desired: { ...properties.agent, $version, $source: source as unknown as JsonObject } };
}

function desiredOf(twins: Manifest['twins']): Record<string, JsonObject> {
	return Object.fromEntries(
		[...twins].map(([name, { desired }]) => [name, stripMetadata(desired)]),
	);
}

function faultOf(
	code: SourceFault['code'],
	errors: readonly Problem[],
	text: string,
): { readonly fault: SourceFault } {
	const told = errors.slice(0, maxProblems).map(({ path, message }) => `${path}: ${message}`);
	const more = errors.length - told.length;
	if (more > 0) told.push(`And ${more} more.`);
	return { fault: { code, description: [...told, text].filter(Boolean).join(' ') } };
}
