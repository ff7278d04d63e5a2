import test from 'ava';
import fc from 'fast-check';
import { parseJsonText } from '../../src/manifest/json-text.ts';
import { parseManifest } from '../../src/manifest/manifest.ts';
import { nearestName } from '../../src/manifest/nearest-name.ts';
import type { JsonValue } from '../../src/runtime/json.ts';

const desired = { schemaVersion: '1.1', modules: {}, systemModules: {}, runtime: {} };
const sections = { $edgeAgent: { 'properties.desired': desired } };

const wrappers: [string, unknown, string][] = [
	['a manifest', { modulesContent: sections }, '$.modulesContent.$edgeAgent["properties.desired"]'],
	[
		'an exported deployment',
		{ id: 'a', priority: 1, content: { modulesContent: sections } },
		'$.content.modulesContent.$edgeAgent["properties.desired"]',
	],
	[
		'the older form',
		{ moduleContent: sections },
		'$.moduleContent.$edgeAgent["properties.desired"]',
	],
	['sections alone', sections, '$.$edgeAgent["properties.desired"]'],
	['a module twin', { moduleId: '$edgeAgent', properties: { desired } }, '$.properties.desired'],
	['desired properties', desired, '$'],
];
for (const [form, document, path] of wrappers) {
	test(`finds the deployment in ${form}`, (t) => {
		const { manifest, problems } = parseManifest(JSON.stringify(document));
		t.like(manifest?.agent, { desired, path, dotted: [], whole: true });
		t.deepEqual(problems, []);
	});
}

test('reads a byte order mark, comments and trailing commas', (t) => {
	const { manifest, problems } = parseManifest(
		`\uFEFF{ // a comment
		"modulesContent": { /* another */ "$edgeHub": { "properties.desired": { "routes": {}, } } } }`,
	);
	t.deepEqual(manifest?.hub?.desired, { routes: {} });
	t.deepEqual(problems, []);
});

test('keeps the desired properties of module twins', (t) => {
	const { manifest } = parseManifest(
		JSON.stringify({ modulesContent: { ...sections, filter: { 'properties.desired': { a: 1 } } } }),
	);
	t.deepEqual(manifest?.twins.get('filter')?.desired, { a: 1 });
	t.false(manifest?.layered);
});

test('expands the dotted members of a layer', (t) => {
	const { manifest } = parseManifest(
		JSON.stringify({
			content: {
				modulesContent: {
					$edgeAgent: { 'properties.desired.modules.filter': { type: 'docker' } },
					filter: { 'properties.desired.limits.max': 4, 'properties.desired.limits': { min: 1 } },
				},
			},
		}),
	);
	t.deepEqual(manifest?.agent?.desired, { modules: { filter: { type: 'docker' } } });
	t.deepEqual(manifest?.twins.get('filter')?.desired, { limits: { min: 1, max: 4 } });
	t.true(manifest?.layered);
});

test('names line and column of a syntax error', (t) => {
	const { manifest, problems } = parseManifest('{\n  "a": 1,\n  "b": nope\n}');
	t.is(manifest, undefined);
	t.is(problems[0]?.code, 'EDGE_MANIFEST_SYNTAX');
	t.regex(problems[0]?.message ?? '', /line 3, column 8/);
});

test('reports a member that occurs twice', (t) => {
	const { value, problems } = parseJsonText('{"modules":{"a":1,"a":2}}');
	t.deepEqual(value, { modules: { a: 2 } });
	t.like(problems[0], { code: 'EDGE_MANIFEST_MEMBER_REPEATED', path: '$.modules.a' });
});

test('suggests the section member that was meant', (t) => {
	const { problems } = parseManifest(
		JSON.stringify({ modulesContent: { $edgeAgent: { 'properties.desird': {} } } }),
	);
	t.is(problems[0]?.remedy, 'Did you mean "properties.desired"?');
});

for (const [what, text] of [
	['50 MB of text', `{"a":"${'x'.repeat(50 * 1024 * 1024)}"}`],
	['10,000 nested arrays', '['.repeat(10_000) + ']'.repeat(10_000)],
	['10,000 nested objects', '{"a":'.repeat(10_000)],
] as const) {
	test(`refuses ${what} without reading it`, (t) => {
		const { problems } = parseManifest(text);
		t.deepEqual(
			problems.map(({ code }) => code),
			['EDGE_MANIFEST_TOO_LARGE'],
		);
	});
}

test('counts no brackets of strings and comments as depth', (t) => {
	const brackets = '['.repeat(500);
	const { value } = parseJsonText(
		`{ "a": "\\"${brackets}", /* ${brackets} */ "b": 1 // ${brackets}\n}`,
	);
	t.deepEqual(value, { a: `"${brackets}`, b: 1 });
});

test('takes members of the names of prototypes as they are', (t) => {
	const { value } = parseJsonText('{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}');
	t.deepEqual(Object.keys(value as object), ['__proto__', 'constructor']);
	t.is(Object.getPrototypeOf(value), Object.prototype);
	t.is(({} as Record<string, unknown>)['polluted'], undefined);
});

test('reads every JSON document as JSON.parse does', (t) => {
	fc.assert(
		fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
			const text = JSON.stringify(value);
			t.deepEqual(parseJsonText(text).value, JSON.parse(text));
		}),
	);
});

test('never throws, whatever the text', (t) => {
	fc.assert(fc.property(fc.string(), (text) => typeof parseManifest(text).problems === 'object'));
	t.pass();
});

test('finds the name that a slip of the keyboard meant, and none where nothing is near', (t) => {
	const known = ['version', 'restartPolicy', 'settings'];
	t.is(nearestName('versoin', known), 'version');
	t.is(nearestName('RestartPolcy', known), 'restartPolicy');
	t.is(nearestName('volumes', known), undefined);
	t.is(nearestName('x'.repeat(100_000), known), undefined);
});

test('documents with several manifests are refused with the place of the first', (t) => {
	const content = { modulesContent: { $edgeAgent: {} } };
	const documents: [JsonValue, string][] = [
		[
			[
				{ id: 'a', content },
				{ id: 'b', content },
			],
			'$[0].content.modulesContent',
		],
		[
			{ configurations: { a: { content }, b: { content } } },
			'$.configurations.a.content.modulesContent',
		],
	];
	for (const [document, path] of documents) {
		const { manifest, problems } = parseManifest(JSON.stringify(document));
		t.is(manifest, undefined);
		t.is(problems[0]?.remedy, `It holds 2, the first at ${path}: take one out.`);
	}
	t.is(parseManifest('[]').problems[0]?.remedy, undefined);
});
