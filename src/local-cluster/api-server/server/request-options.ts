import type { IncomingMessage } from 'node:http';
import type { FieldValidation, ReadOptions } from '../objects/client-object.ts';
import { badRequest, type FieldFault, forbiddenField, invalid, required } from '../status-error.ts';

/** What a write's query says. */
export interface WriteQuery extends ReadOptions {
	readonly dryRun: boolean;
	readonly fieldManager: string;
	readonly force: boolean;
}

/** @throws StatusError 400 for words that are not allowed. */
export function readWriteQuery(request: IncomingMessage, query: URLSearchParams): WriteQuery {
	const dryRun = query.getAll('dryRun').filter((value) => value !== '');
	if (dryRun.some((value) => value !== 'All')) {
		throw badRequest(`dryRun: Unsupported value: "${dryRun[0]}": supported values: "All"`);
	}
	const validation = query.get('fieldValidation') || 'Warn';
	if (!['Strict', 'Warn', 'Ignore'].includes(validation)) {
		throw badRequest(
			`fieldValidation: Unsupported value: "${validation}": supported values: "Ignore", "Strict", "Warn"`,
		);
	}
	return {
		dryRun: dryRun.length > 0,
		fieldManager: (query.get('fieldManager') || userAgentName(request)).slice(0, 128),
		fieldValidation: validation as FieldValidation,
		force: query.get('force') === 'true',
		warnings: [],
	};
}

/** Who does not name a field manager is known by the first word of its user agent. */
function userAgentName(request: IncomingMessage): string {
	return (request.headers['user-agent'] ?? 'unknown').split('/')[0] || 'unknown';
}

const patchOptions = { group: 'meta.k8s.io', kind: 'PatchOptions', plural: 'patchoptions' };

/** @throws StatusError 422 when an apply has no manager, or another patch is forced. */
export function checkPatchQuery(query: URLSearchParams, apply: boolean): void {
	const faults: FieldFault[] = [];
	if (apply && !query.get('fieldManager')) {
		faults.push(required('fieldManager', 'is required for apply patch'));
	}
	if (!apply && query.has('force')) {
		faults.push(forbiddenField('force', 'may not be specified for non-apply patch'));
	}
	if (faults.length > 0) throw invalid(patchOptions, '', faults);
}
