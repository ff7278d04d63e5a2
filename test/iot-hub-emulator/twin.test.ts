import test from 'ava';
import fc from 'fast-check';
import {
	newTwin,
	patchTwin,
	replaceTwin,
	setDesired,
} from '../../src/iot-hub-emulator/twin/twin.ts';
import { twinSize } from '../../src/iot-hub-emulator/twin/twin-limits.ts';
import { patchSection, replaceSection } from '../../src/iot-hub-emulator/twin/twin-section.ts';
import { mergePatch, sameJson, stripMetadata } from '../../src/protocol/twin.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/runtime/json.ts';

const name = fc.constantFrom('a', 'b', 'c', '__proto__');
const scalar = fc.oneof(fc.string({ maxLength: 5 }), fc.integer(), fc.boolean());
const { object } = fc.letrec<{ object: JsonObject; value: JsonValue }>((tie) => ({
	object: fc.dictionary(name, tie('value'), { maxKeys: 3 }) as fc.Arbitrary<JsonObject>,
	value: fc.oneof({ depthSize: 'small' }, scalar, fc.constant(null), tie('object')),
}));

const stamp = { time: 't', version: 2, showVersion: true };

/** Whether metadata has exactly the nodes that the values have. */
function mirrors(values: JsonObject, metadata: JsonObject): boolean {
	const { $lastUpdated, $lastUpdatedVersion, ...rest } = metadata;
	if (typeof $lastUpdated !== 'string' || typeof $lastUpdatedVersion !== 'number') return false;
	const names = Object.keys(values);
	if (names.length !== Object.keys(rest).length) return false;
	return names.every((key) => {
		const [value, node] = [values[key], rest[key]];
		return isJsonObject(node) && mirrors(isJsonObject(value) ? value : {}, node);
	});
}

test('values never hold a null, and metadata always mirrors them', (t) => {
	fc.assert(
		fc.property(object, fc.array(object, { maxLength: 4 }), (first, patches) => {
			let section = replaceSection(first, stamp);
			for (const patch of patches) section = patchSection(section, patch, stamp);
			t.true(mirrors(section.values, section.metadata));
			t.false(JSON.stringify(section.values).includes('null'));
		}),
	);
});

test('a client that merges what it is told has the same desired properties as the hub', (t) => {
	const step = fc.record({
		how: fc.constantFrom('patch', 'replace', 'set', 'clear'),
		with: object,
	});
	fc.assert(
		fc.property(fc.array(step, { maxLength: 6 }), (steps) => {
			let twin = newTwin('t');
			let copy: JsonObject = {};
			for (const { how, with: desired } of steps) {
				const before = twin;
				const body = { properties: { desired: how === 'clear' ? null : desired } };
				const change =
					how === 'set'
						? setDesired(twin, desired, 't')
						: (how === 'replace' ? replaceTwin : patchTwin)(twin, body, 't');
				twin = change.twin;
				t.is(twin.desired.version, before.desired.version + 1);
				t.is(change.desiredPatch?.['$version'], twin.desired.version);
				const patch = stripMetadata(change.desiredPatch ?? {});
				copy = patchSection({ values: copy, metadata: {}, version: 0 }, patch, stamp).values;
				t.true(sameJson(copy, twin.desired.values));
			}
		}),
	);
});

test('patching is a JSON merge patch', (t) => {
	fc.assert(
		fc.property(object, object, (base, patch) => {
			const clean = replaceSection(base, stamp);
			const merged = mergePatch(clean.values, patch, { nullDeletes: true });
			const { values } = patchSection(clean, patch, stamp);
			t.true(sameJson(values, replaceSection(merged, stamp).values));
		}),
	);
});

test('sizes count names and values, not the signs between them', (t) => {
	const cases: [JsonValue, number][] = [
		[{}, 0],
		[{ ä: 'ö' }, 4],
		[{ a: 'one\r\ntwo\u0085' }, 1 + 6],
		[{ a: 1, b: true, c: null }, 3 + 8 + 4],
		[{ a: { b: ['xy', 1.5] } }, 2 + 2 + 8],
	];
	for (const [value, size] of cases) t.is(twinSize(value), size);
});
