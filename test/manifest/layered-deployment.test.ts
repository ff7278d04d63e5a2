import test from 'ava';
import fc from 'fast-check';
import { type Layer, mergeLayers } from '../../src/manifest/layered-deployment.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

const base: Layer = {
	id: 'base',
	priority: 10,
	sections: {
		$edgeAgent: { 'properties.desired': { schemaVersion: '1.1', modules: { a: { image: '1' } } } },
		$edgeHub: { 'properties.desired': { routes: { all: 'FROM /* INTO $upstream' } } },
		a: { 'properties.desired': { interval: 1, mode: 'slow' } },
	},
};

function layer(id: string, priority: number, sections: JsonObject): Layer {
	return { id, priority, sections };
}

function merged(...layers: Layer[]): Record<string, unknown> {
	const { sections } = mergeLayers(layers);
	return Object.fromEntries(
		Object.entries(sections).map(([name, section]) => {
			return [name, (section as JsonObject)['properties.desired']];
		}),
	);
}

test('lays modules and routes of layers over the base', (t) => {
	const extra = layer('extra', 20, {
		$edgeAgent: { 'properties.desired.modules.b': { image: '2' } },
		$edgeHub: { 'properties.desired.routes.b': 'FROM /messages/modules/b/* INTO $upstream' },
	});
	const sections = merged(extra, base);
	t.deepEqual(sections['$edgeAgent'], {
		schemaVersion: '1.1',
		modules: { a: { image: '1' }, b: { image: '2' } },
	});
	t.deepEqual(Object.keys((sections['$edgeHub'] as JsonObject)['routes'] as JsonObject), [
		'all',
		'b',
	]);
});

test('replaces a module as a whole, by the layer of highest priority', (t) => {
	const first = layer('x', 20, {
		$edgeAgent: { 'properties.desired.modules.a': { image: '2', x: 1 } },
	});
	const second = layer('y', 30, { $edgeAgent: { 'properties.desired.modules.a': { image: '3' } } });
	t.deepEqual((merged(second, base, first)['$edgeAgent'] as JsonObject)['modules'], {
		a: { image: '3' },
	});
});

test('replaces a twin as a whole, or one property of it', (t) => {
	const whole = layer('whole', 20, { a: { 'properties.desired': { interval: 5 } } });
	const part = layer('part', 30, { a: { 'properties.desired.limits.max': 4 } });
	t.deepEqual(merged(base, whole, part)['a'], { interval: 5, limits: { max: 4 } });
});

test('ignores what has a lower priority than the base, and says so', (t) => {
	const low = layer('low', 5, { b: { 'properties.desired': { x: 1 } } });
	const other = { ...base, id: 'other', priority: 1 };
	const { sections, problems } = mergeLayers([low, base, other]);
	t.false('b' in sections);
	t.deepEqual(
		problems.map(({ code }) => code),
		['EDGE_LAYER_IGNORED', 'EDGE_LAYER_IGNORED'],
	);
});

test('gives the same whatever the order of the layers', (t) => {
	const name = fc.constantFrom('a', 'b', '__proto__', 'modules');
	const sections = fc.dictionary(
		fc.constantFrom('$edgeAgent', 'filter'),
		fc.dictionary(
			fc.tuple(name, name).map((names) => `properties.desired.${names.join('.')}`),
			fc.jsonValue({ maxDepth: 2 }),
		),
	);
	const layers = fc.array(
		fc.record({ id: fc.constantFrom('x', 'y'), priority: fc.nat(3), sections }),
		{ maxLength: 5 },
	) as fc.Arbitrary<Layer[]>;
	const shuffled = layers.chain((list) => {
		return fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }));
	});
	fc.assert(
		fc.property(shuffled, ([list, other]) => {
			t.deepEqual(mergeLayers(other), mergeLayers(list));
		}),
	);
	t.is(({} as Record<string, unknown>)['a'], undefined);
});

test('tells which layer overrides what of which', (t) => {
	const first = layer('x', 20, {
		$edgeAgent: { 'properties.desired.modules.a': { image: '2' } },
		a: { 'properties.desired.mode': 'fast' },
	});
	const second = layer('y', 30, {
		$edgeAgent: { 'properties.desired.modules.a.image': '3', 'properties.desired.modules.b': {} },
		a: { 'properties.desired': {} },
		new: { 'properties.desired': { x: 1 } },
	});
	t.deepEqual(
		mergeLayers([second, base, first]).overrides.map(({ section, member, by, of }) => {
			return `${by} ${section} ${member} of ${of}`;
		}),
		[
			'x $edgeAgent properties.desired.modules.a of base',
			'x a properties.desired.mode of base',
			'y $edgeAgent properties.desired.modules.a.image of x',
			'y a properties.desired of x',
		],
	);
});
