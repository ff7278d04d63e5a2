import test from 'ava';
import fc from 'fast-check';
import { PropertyTree } from '../../src/protocol/property-tree.ts';
import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';

type Step = readonly [names: readonly string[], value: JsonValue];

function laid(start: JsonObject, ...steps: readonly Step[]): JsonObject {
	const tree = new PropertyTree(start);
	for (const [names, value] of steps) tree.set(names, value);
	return tree.toJson();
}

test('a value takes the place of what stood there, and makes the objects on the way', (t) => {
	const start = { modules: { a: { image: '1' } }, version: 1 };
	t.deepEqual(laid(start, [['modules', 'b'], { image: '2' }]), {
		modules: { a: { image: '1' }, b: { image: '2' } },
		version: 1,
	});
	t.deepEqual(laid(start, [['modules', 'a'], { x: 1 }], [['modules', 'a', 'y'], 2])['modules'], {
		a: { x: 1, y: 2 },
	});
	t.deepEqual(laid(start, [['version', 'major'], 2])['version'], { major: 2 });
	t.deepEqual(laid(start, [[], { x: 1 }]), { x: 1 });
	t.deepEqual(laid(start, [[], 'no object']), {});
});

test('what the tree was made of, and what is set into it, stays as it was', (t) => {
	const start = { a: { b: 1 } };
	const value = { d: 1 };
	laid(start, [['a', 'b'], 2], [['c'], value], [['c', 'd'], 2]);
	t.deepEqual([start, value], [{ a: { b: 1 } }, { d: 1 }]);
});

test('says whether there is anything at a path', (t) => {
	const tree = new PropertyTree({ a: { b: null, c: [1] } });
	tree.set(['x', 'y'], { z: 1 });
	const paths = ['a', 'a.b', 'a.c', 'a.c.0', 'a.toString', 'x', 'x.y.z', 'x.z', 'y'];
	t.deepEqual(
		paths.filter((path) => tree.has(path.split('.'))),
		['a', 'a.b', 'a.c', 'x', 'x.y.z'],
	);
	t.true(tree.has([]));
});

test('sets what copying each object on the way would set, odd names included', (t) => {
	const name = fc.constantFrom('a', 'b', '__proto__', 'constructor', '');
	const step = fc.tuple(
		fc.array(name, { minLength: 1, maxLength: 4 }),
		fc.jsonValue({ maxDepth: 2 }),
	) as fc.Arbitrary<Step>;
	fc.assert(
		fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
			const copied = steps.reduce<JsonObject>(
				(object, [names, value]) => withValue(object, names, value),
				{},
			);
			t.deepEqual(laid({}, ...steps), copied);
		}),
	);
	t.is(({} as JsonObject)['a'], undefined);
});

function withValue(
	object: JsonValue | undefined,
	names: readonly string[],
	value: JsonValue,
): JsonObject {
	const [name = '', ...rest] = names;
	const isObject = typeof object === 'object' && object !== null && !Array.isArray(object);
	const members = new Map(Object.entries(isObject ? object : {}));
	members.set(name, rest.length === 0 ? value : withValue(members.get(name), rest, value));
	return Object.fromEntries(members);
}
