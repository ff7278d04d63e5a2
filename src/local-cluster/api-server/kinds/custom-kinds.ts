import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { JsonObject } from '../../../runtime/json.ts';
import { objectAt, objectsAt, textAt, valueAt } from '../json-reading.ts';
import { structuralSchema } from '../schema/structural-schema.ts';
import { StructuralValidator } from '../schema/structural-validator.ts';
import { ageColumn } from '../table/age.ts';
import type { Column } from '../table/column.ts';
import { jsonPathColumn } from '../table/json-path-column.ts';
import type { ResourceKind, ScalePaths } from './resource-kind.ts';

/** The kinds that a CustomResourceDefinition makes: one for each version that is served. */
export function customKindsOf(definition: KubernetesObject): ResourceKind[] {
	return objectsAt(definition, 'spec', 'versions')
		.filter((version) => version['served'] === true)
		.map((version) => customKind(definition, version));
}

function customKind(definition: KubernetesObject, version: JsonObject): ResourceKind {
	const spec = objectAt(definition, 'spec');
	const names = objectAt(spec, 'names');
	const schema = objectAt(version, 'schema', 'openAPIV3Schema');
	const validator = new StructuralValidator(schema);
	const strings = (member: string) => (names[member] ?? []) as string[];
	return {
		group: textAt(spec, 'group'),
		version: textAt(version, 'name'),
		kind: textAt(names, 'kind'),
		plural: textAt(names, 'plural'),
		singular: textAt(names, 'singular'),
		shortNames: strings('shortNames'),
		categories: strings('categories'),
		namespaced: spec['scope'] === 'Namespaced',
		schema: structuralSchema(schema, textAt(names, 'kind')),
		columns: columnsOf(version),
		rules: {},
		hasStatus: valueAt(version, 'subresources', 'status') !== undefined,
		scale: scaleOf(version),
		subresources: [],
		tracksGeneration: true,
		unconditionalUpdate: false,
		isQuestion: false,
		selectableFields: objectsAt(version, 'selectableFields').map((field) =>
			textAt(field, 'jsonPath').replace(/^\./, ''),
		),
		keptAs: undefined,
		custom: {
			openApiSchema: schema,
			validate: (object) => validator.faults(object as unknown as JsonObject),
			setDefaults: (object) => validator.setDefaults(object as unknown as JsonObject),
		},
	};
}

function columnsOf(version: JsonObject): Column[] {
	const columns = objectsAt(version, 'additionalPrinterColumns').map(jsonPathColumn);
	return columns.length === 0 ? [ageColumn] : columns;
}

function scaleOf(version: JsonObject): ScalePaths | undefined {
	const scale = valueAt(version, 'subresources', 'scale');
	if (scale === undefined) return undefined;
	const path = (member: string) => textAt(scale, member).split('.').slice(1);
	const selector = path('labelSelectorPath');
	return {
		specReplicas: path('specReplicasPath'),
		statusReplicas: path('statusReplicasPath'),
		selector: selector.length === 0 ? undefined : selector,
	};
}
