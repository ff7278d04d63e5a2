import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../runtime/json.ts';
import { applyJsonPatch, PatchError } from '../fields/json-patch.ts';
import {
	type FieldConflict,
	FieldConflictError,
	type ManagedChange,
	type ManagedObject,
	manageApply,
} from '../fields/managed-fields.ts';
import { applyMergePatch } from '../fields/merge-patch.ts';
import { applyStrategicMergePatch } from '../fields/strategic-merge-patch.ts';
import type { ResourceKind } from '../kinds/resource-kind.ts';
import type { Schema } from '../schema/schema.ts';
import { badRequest, StatusError, unsupportedMediaType } from '../status-error.ts';
import { asJson } from './object-writer.ts';

/** The content types of patches. */
export const patchTypes = {
	json: 'application/json-patch+json',
	merge: 'application/merge-patch+json',
	strategic: 'application/strategic-merge-patch+json',
	apply: 'application/apply-patch+yaml',
} as const;

/** Whether a patch is a server-side apply. */
export function isApply(contentType: string): boolean {
	return contentType === patchTypes.apply;
}

/**
 * The object that a patch of the three older forms makes of a live one.
 *
 * @throws StatusError 400, 415 or 422
 */
export function patchedObject(
	live: JsonObject,
	contentType: string,
	patch: JsonValue,
	kind: ResourceKind,
	schema: Schema,
): JsonValue {
	try {
		switch (contentType) {
			case patchTypes.json:
				return applyJsonPatch(live, patch);
			case patchTypes.merge:
				return applyMergePatch(live, patch);
			case patchTypes.strategic:
				if (kind.custom !== undefined) throw unsupportedPatch(contentType, kind);
				if (!isJsonObject(patch)) throw badRequest('a strategic merge patch is an object');
				return applyStrategicMergePatch(live, patch, schema);
			default:
				throw unsupportedPatch(contentType, kind);
		}
	} catch (error) {
		if (!(error instanceof PatchError)) throw error;
		throw new StatusError(422, 'Invalid', error.message, {});
	}
}

function unsupportedPatch(contentType: string, kind: ResourceKind): StatusError {
	const types = Object.values(patchTypes).filter(
		(type) => type !== patchTypes.strategic || kind.custom === undefined,
	);
	return unsupportedMediaType(
		`the body of the request was in an unknown format - accepted media types include: ${types.join(', ')}; it was ${contentType}`,
	);
}

/**
 * The object and the ownership that a server-side apply makes.
 *
 * @param config the applied configuration, already read by the kind's schema.
 * @throws StatusError 409 with one cause a field when other managers own what would change.
 */
export function appliedObject(
	live: ManagedObject | undefined,
	config: KubernetesObject,
	change: ManagedChange,
	force: boolean,
): ManagedObject {
	try {
		return manageApply(live, asJson(config), change, force);
	} catch (error) {
		if (!(error instanceof FieldConflictError)) throw error;
		throw conflictStatus(error.conflicts);
	}
}

function conflictStatus(conflicts: readonly FieldConflict[]): StatusError {
	const causes = conflicts.flatMap(({ entry, paths }) => {
		const owner = ownerOf(entry);
		const message = `conflict with ${owner}`;
		return paths.map((field) => ({ reason: 'FieldManagerConflict', message, field }));
	});
	const count = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}`;
	const details = { causes };
	return new StatusError(409, 'Conflict', `${count}: ${describe(conflicts, causes)}`, details);
}

function describe(conflicts: readonly FieldConflict[], causes: readonly unknown[]): string {
	if (causes.length === 1) {
		const [only] = conflicts;
		return only === undefined ? '' : `conflict with ${ownerOf(only.entry)}: ${only.paths[0]}`;
	}
	const parts = conflicts.map(({ entry, paths }) => {
		const lines = paths.map((path) => `\n- ${path}`).join('');
		return `conflicts with ${ownerOf(entry)}:${lines}`;
	});
	return parts.join('\n');
}

function ownerOf({ manager, time }: FieldConflict['entry']): string {
	const name = JSON.stringify(manager.name);
	const subresource =
		manager.subresource === '' ? '' : ` with subresource ${JSON.stringify(manager.subresource)}`;
	if (manager.operation === 'Apply') return `${name}${subresource}`;
	const at = time === undefined ? '' : ` at ${time}`;
	return `${name}${subresource} using ${manager.apiVersion}${at}`;
}
