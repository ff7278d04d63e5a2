import test from 'ava';
import {
	expandTemplate,
	moduleReferences,
	parseEnvironmentFile,
	quoteBarePlaceholders,
} from '../../src/manifest/deployment-template.ts';
import type { JsonValue } from '../../src/runtime/json.ts';

const moduleJson = {
	image: { repository: 'r.azurecr.io/filter', tag: { version: '0.2', platforms: { amd64: 'D' } } },
};

function expand(template: JsonValue, platform?: string): JsonValue {
	return expandTemplate(template, {
		modules: new Map([['Filter', moduleJson]]),
		environment: new Map([
			['REGISTRY', 'r.azurecr.io'],
			['NAME', 'filter'],
		]),
		...(platform !== undefined && { platform }),
	}).value;
}

/** A placeholder, so that no literal looks like a forgotten template string. */
function placeholder(name: string): string {
	return `$${`{${name}}`}`;
}

const images: [string, string][] = [
	['MODULES.Filter', 'r.azurecr.io/filter:0.2-amd64'],
	['MODULES.Filter.arm64v8', 'r.azurecr.io/filter:0.2-arm64v8'],
	['MODULES.Filter.debug', 'r.azurecr.io/filter:0.2-amd64.debug'],
	['MODULES.Filter.amd64.debug', 'r.azurecr.io/filter:0.2-amd64.debug'],
	['MODULEDIR<../modules/Filter>.amd64', 'r.azurecr.io/filter:0.2-amd64'],
];
for (const [name, image] of images) {
	test(`fills in the image of ${name}`, (t) => {
		t.is(expand(placeholder(name)), image);
	});
}

test('fills in variables in values and in member names, with and without braces', (t) => {
	t.deepEqual(
		expand({ [placeholder('NAME')]: ['$REGISTRY/x', `a-${placeholder('REGISTRY')}`, 3, null] }),
		{ filter: ['r.azurecr.io/x', 'a-r.azurecr.io', 3, null] },
	);
});

test('takes the platform that is asked for', (t) => {
	t.is(expand(placeholder('MODULES.Filter'), 'arm32v7'), 'r.azurecr.io/filter:0.2-arm32v7');
});

test('leaves the names of the runtime alone and lists what has no value', (t) => {
	const route = 'FROM /messages/* WHERE $connectionModuleId = "a" INTO $upstream';
	const template = {
		$edgeHub: route,
		image: placeholder('MODULES.Other'),
		user: '$USER_NAME',
		registry: '$CONTAINER_REGISTRY_USERNAME_myacr',
	};
	const { value, problems } = expandTemplate(template, {
		modules: new Map(),
		environment: new Map(),
	});
	t.deepEqual(value, template);
	t.deepEqual(
		problems.map(({ path, message }) => `${path} ${message}`),
		[
			'$.image The placeholder "MODULES.Other" has no value.',
			'$.user The placeholder "USER_NAME" has no value.',
			'$.registry The placeholder "CONTAINER_REGISTRY_USERNAME_myacr" has no value.',
		],
	);
});

test('reads the forms of .env files', (t) => {
	const text = '# comment\r\nA=1\nexport B = "two words" \nC=\'x#y\'\nD=x # comment\nE=\nno line\n';
	t.deepEqual(
		[...parseEnvironmentFile(text)],
		[
			['A', '1'],
			['B', 'two words'],
			['C', 'x#y'],
			['D', 'x'],
			['E', ''],
		],
	);
});

test('quotes placeholders that stand for numbers and words, and nothing within strings or comments', (t) => {
	const order = placeholder('ORDER');
	const text = `{ "a": ${order}, // ${order}\n "b": "${order}", /* $B */ "c\\"": [$B, $b] }`;
	t.is(
		quoteBarePlaceholders(text),
		`{ "a": "${order}", // ${order}\n "b": "${order}", /* $B */ "c\\"": ["$B", $b] }`,
	);
});

test('values are bounded together', (t) => {
	const values = { modules: new Map(), environment: new Map([['A', 'x'.repeat(1024 * 1024)]]) };
	const { value, problems } = expandTemplate(Array(6).fill('$A'), values);
	t.is((value as string[]).filter((text) => text === '$A').length, 2);
	t.deepEqual([...new Set(problems.map(({ code }) => code))], ['EDGE_MANIFEST_TOO_LARGE']);
});

test('finds the modules that a template refers to, with their folders', (t) => {
	const text = [
		placeholder('MODULES.a'),
		placeholder('MODULES.a.arm64v8'),
		placeholder('MODULEDIR<../other/b>.debug'),
		placeholder('REGISTRY'),
	].join(' ');
	t.deepEqual(moduleReferences(text), [
		{ name: 'a', folder: 'modules/a' },
		{ name: 'b', folder: '../other/b' },
	]);
});
