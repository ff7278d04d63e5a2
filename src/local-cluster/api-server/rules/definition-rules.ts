import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { ensureObject, listAt, objectAt, objectsAt, setAbsent, textAt } from '../json-reading.ts';
import { type FieldFault, invalidValue, required } from '../status-error.ts';
import type { KindRules, RuleContext } from './kind-rules.ts';

/** A definition is served at once: there is no controller that would have to accept its names. */
function acceptNames(definition: KubernetesObject, now: string): void {
	const status = ensureObject(definition as unknown as JsonObject, 'status');
	const before = objectsAt(status, 'conditions');
	const condition = (type: string, reason: string, message: string): JsonObject => ({
		...{ type, status: 'True', reason, message },
		lastTransitionTime:
			textAt(
				before.find((item) => item['type'] === type),
				'lastTransitionTime',
			) || now,
	});
	status['conditions'] = [
		condition('NamesAccepted', 'NoConflicts', 'no conflicts found'),
		condition('Established', 'InitialNamesAccepted', 'the initial names have been accepted'),
	];
	status['acceptedNames'] = structuredClone(objectAt(definition, 'spec', 'names'));
	const stored = objectsAt(definition, 'spec', 'versions').find((item) => item['storage'] === true);
	const versions = new Set([...listAt(status, 'storedVersions'), textAt(stored, 'name')]);
	status['storedVersions'] = [...versions];
}

function setDefaults(definition: KubernetesObject): void {
	const spec = ensureObject(definition as unknown as JsonObject, 'spec');
	const names = ensureObject(spec, 'names');
	setAbsent(names, 'singular', textAt(names, 'kind').toLowerCase());
	setAbsent(names, 'listKind', `${textAt(names, 'kind')}List`);
	setAbsent(ensureObject(spec, 'conversion'), 'strategy', 'None');
}

function validate(definition: KubernetesObject): FieldFault[] {
	const spec = objectAt(definition, 'spec');
	const versions = objectsAt(spec, 'versions');
	const expected = `${textAt(spec, 'names', 'plural')}.${textAt(spec, 'group')}`;
	const faults: FieldFault[] = [];
	if (definition.metadata.name !== expected) {
		const why = `must be spec.names.plural+"."+spec.group`;
		faults.push(invalidValue('metadata.name', definition.metadata.name, why));
	}
	if (versions.filter((version) => version['storage'] === true).length !== 1) {
		const why = 'must have exactly one version marked as storage version';
		faults.push(
			invalidValue(
				'spec.versions',
				versions.map((item) => item['name']),
				why,
			),
		);
	}
	for (const [index, version] of versions.entries()) {
		const at = `spec.versions[${index}].schema.openAPIV3Schema`;
		const schema = objectAt(version, 'schema', 'openAPIV3Schema');
		if (Object.keys(schema).length === 0) faults.push(required(at, 'schemas are required'));
		else if (schema['type'] !== 'object') {
			const why = 'must be object at the root';
			faults.push(invalidValue(`${at}.type`, schema['type'] ?? '', why));
		}
	}
	return faults;
}

function accept(definition: KubernetesObject, context: RuleContext): void {
	acceptNames(definition, new Date(context.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z'));
}

export const definitionRules: KindRules = {
	setDefaults,
	beforeCreate: accept,
	beforeUpdate: (definition, _live, context) => accept(definition, context),
	validate,
};
