import test from 'ava';
import { type KubernetesRequests, startApiServer } from '../../support/kubernetes-requests.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const widgets = '/apis/example.com/v1/namespaces/default/widgets';

const specSchema = {
	type: 'object',
	required: ['size'],
	properties: {
		size: { type: 'integer', minimum: 1 },
		color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
		mode: { type: 'object', default: {}, properties: { fast: { type: 'boolean', default: true } } },
		parts: {
			type: 'array',
			'x-kubernetes-list-type': 'map',
			'x-kubernetes-list-map-keys': ['name'],
			items: {
				type: 'object',
				properties: { name: { type: 'string' }, weight: { type: 'integer' } },
			},
		},
		port: { 'x-kubernetes-int-or-string': true },
		free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
		maybe: { type: 'string', nullable: true },
	},
};

function definition(version: object = {}): object {
	return {
		apiVersion: 'apiextensions.k8s.io/v1',
		kind: 'CustomResourceDefinition',
		metadata: { name: 'widgets.example.com' },
		spec: {
			group: 'example.com',
			scope: 'Namespaced',
			names: { plural: 'widgets', kind: 'Widget', shortNames: ['wd'] },
			versions: [
				{
					name: 'v1',
					served: true,
					storage: true,
					subresources: {
						status: {},
						scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' },
					},
					additionalPrinterColumns: [
						{ name: 'Size', type: 'integer', jsonPath: '.spec.size' },
						{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
					],
					schema: {
						openAPIV3Schema: {
							type: 'object',
							properties: {
								spec: specSchema,
								status: { type: 'object', properties: { size: { type: 'integer' } } },
							},
						},
					},
					...version,
				},
			],
		},
	};
}

function widget(spec: object, metadata: object = { name: 'w' }): object {
	return { apiVersion: 'example.com/v1', kind: 'Widget', metadata, spec };
}

async function define(api: KubernetesRequests): Promise<void> {
	await api.post(definitions, definition());
}

test('a definition is accepted, and its kind served and discovered', async (t) => {
	const api = await startApiServer(t);
	const { code, body } = await api.post(definitions, definition());
	t.is(code, 201);
	t.is(body.spec.names.singular, 'widget');
	const types = body.status.conditions.map(
		(item: { type: string; status: string }) => `${item.type} ${item.status}`,
	);
	t.deepEqual(types, ['NamesAccepted True', 'Established True']);
	const { body: resources } = await api.get('/apis/example.com/v1');
	t.deepEqual(
		resources.resources.map((item: { name: string }) => item.name),
		['widgets', 'widgets/scale', 'widgets/status'],
	);
	t.deepEqual((await api.get(widgets)).body.items, []);
	const { body: openApi } = await api.get('/openapi/v3/apis/example.com/v1');
	t.truthy(openApi.components.schemas['com.example.v1.Widget']);
});

test('objects are pruned, completed and checked', async (t) => {
	const api = await startApiServer(t);
	await define(api);
	const spec = { size: 2, port: 'web', free: { any: [1, null] }, unknown: 1 };
	const { body } = await api.post(widgets, widget(spec));
	t.deepEqual(body.spec, {
		...{ size: 2, port: 'web', free: { any: [1, null] } },
		...{ color: 'red', mode: { fast: true } },
	});
	const strict = await api.post(`${widgets}?fieldValidation=Strict`, widget(spec, { name: 'x' }));
	t.regex(strict.body.message, /unknown field "spec\.unknown"/);
	const faults: readonly [spec: object, field: string, message: RegExp][] = [
		[{}, 'spec.size', /Required value/],
		[{ size: 0 }, 'spec.size', /greater than or equal to 1/],
		[{ size: 'two' }, 'spec.size', /must be of type integer/],
		[{ size: 1, color: 'green' }, 'spec.color', /supported values: "red", "blue"/],
		[{ size: 1, port: true }, 'spec.port', /must be of type/],
		[{ size: 1, parts: [{ weight: 'x' }] }, 'spec.parts[0].weight', /must be of type integer/],
	];
	for (const [faulty, field, message] of faults) {
		const answer = await api.post(widgets, widget(faulty, { name: 'x' }));
		t.is(answer.code, 422, field);
		t.is(answer.body.details.causes[0].field, field);
		t.regex(answer.body.details.causes[0].message, message);
	}
});

test('objects are applied, by the lists of their schema', async (t) => {
	const api = await startApiServer(t);
	await define(api);
	const path = `${widgets}/w`;
	await api.apply(path, widget({ size: 1, parts: [{ name: 'a', weight: 1 }] }), 'one');
	const { body } = await api.apply(path, widget({ size: 1, parts: [{ name: 'b' }] }), 'two');
	t.deepEqual(body.spec.parts, [{ name: 'a', weight: 1 }, { name: 'b' }]);
	const again = await api.apply(path, widget({ size: 1, parts: [{ name: 'b' }] }), 'two');
	t.is(again.body.metadata.resourceVersion, body.metadata.resourceVersion);
	const conflict = await api.apply(path, widget({ size: 2 }), 'two');
	t.is(conflict.body.details.causes[0].field, '.spec.size');
});

test('status and scale have doors, and generation counts changes of the rest', async (t) => {
	const api = await startApiServer(t);
	await define(api);
	const { body: created } = await api.post(widgets, {
		...widget({ size: 1 }),
		status: { size: 9 },
	});
	t.is(created.status, undefined);
	const { body } = await api.patch(`${widgets}/w/status`, {
		status: { size: 1 },
		spec: { size: 5 },
	});
	t.deepEqual([body.spec.size, body.status.size, body.metadata.generation], [1, 1, 1]);
	const { body: scale } = await api.patch(`${widgets}/w/scale`, { spec: { replicas: 3 } });
	t.deepEqual([scale.spec.replicas, scale.status.replicas], [3, 1]);
	t.is((await api.get(`${widgets}/w`)).body.metadata.generation, 2);
	t.is((await api.patch(`${widgets}/w`, { spec: {} }, 'strategic-merge')).code, 415);
	const { resourceVersion, ...metadata } = created.metadata;
	const unconditional = await api.put(`${widgets}/w`, { ...created, metadata });
	t.regex(unconditional.body.message, /resourceVersion: Invalid value: .*must be specified/);
});

test('columns are those of the definition', async (t) => {
	const api = await startApiServer(t);
	await define(api);
	await api.post(widgets, widget({ size: 3 }));
	const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
	const { body } = await api.get(widgets, { headers });
	t.deepEqual(
		body.columnDefinitions.map((item: { name: string }) => item.name),
		['Name', 'Size', 'Age'],
	);
	t.deepEqual(body.rows[0].cells.slice(0, 2), ['w', 3]);
});

test('definitions that make no sense are refused', async (t) => {
	const api = await startApiServer(t);
	const renamed = { ...definition(), metadata: { name: 'things.example.com' } };
	t.regex((await api.post(definitions, renamed)).body.message, /must be spec\.names\.plural/);
	const unstored = await api.post(definitions, definition({ storage: false }));
	t.regex(unstored.body.message, /exactly one version/);
	const schemaless = await api.post(definitions, definition({ schema: {} }));
	t.regex(schemaless.body.message, /schemas are required/);
});

test('a kind goes with its definition, objects and all', async (t) => {
	const api = await startApiServer(t);
	await define(api);
	await api.post(widgets, widget({ size: 1 }));
	await api.delete(`${definitions}/widgets.example.com`);
	t.is((await api.get(widgets)).code, 404);
	await define(api);
	t.deepEqual((await api.get(widgets)).body.items, []);
});

test('definitions outlive the process', async (t) => {
	const folder = await temporaryFolder(t);
	const first = await startApiServer(t, { folder });
	await define(first);
	await first.post(widgets, widget({ size: 1 }));
	await first.server.stop();
	const second = await startApiServer(t, { folder });
	t.is((await second.get(`${widgets}/w`)).body.spec.size, 1);
});
