import test from 'ava';
import {
	parseFieldSelector,
	selectedName,
} from '../../../src/local-cluster/api-server/selectors/field-selector.ts';
import {
	compileLabelSelector,
	formatLabelSelector,
	parseLabelSelector,
} from '../../../src/local-cluster/api-server/selectors/label-selector.ts';

const labels = { app: 'web', tier: 'front', 'example.com/size': '10', empty: '' };

const labelSelectors: readonly [text: string, matches: boolean][] = [
	['', true],
	['app=web', true],
	['app==web', true],
	['app = web', true],
	['app=db', false],
	['app!=db', true],
	['missing!=db', true],
	['missing=db', false],
	['app', true],
	['missing', false],
	['!missing', true],
	['!app', false],
	['tier in (front, back)', true],
	['tier in (back)', false],
	['tier notin (back),app=web', true],
	['missing notin (back)', true],
	['missing in (back)', false],
	['example.com/size>5', true],
	['example.com/size<5', false],
	['empty=', true],
	['empty in ()', true],
	['app=web,tier=back', false],
];

for (const [text, matches] of labelSelectors) {
	test(`the label selector "${text}" ${matches ? 'matches' : 'does not match'}`, (t) => {
		t.is(parseLabelSelector(text)(labels), matches);
	});
}

for (const text of ['app=a b', '=x', 'a in b', 'a in (x', 'app=web=x', 'a=b/c']) {
	test(`the label selector "${text}" cannot be read`, (t) => {
		t.throws(() => parseLabelSelector(text), { message: /unable to parse requirement/ });
	});
}

test('an inherited name is no label', (t) => {
	t.false(parseLabelSelector('constructor')(labels));
	t.true(parseLabelSelector('!toString')(labels));
});

test('a selector object means what its text says', (t) => {
	const selector = {
		matchLabels: { app: 'web' },
		matchExpressions: [
			{ key: 'tier', operator: 'In', values: ['front', 'back'] },
			{ key: 'missing', operator: 'DoesNotExist' },
			{ key: 'app', operator: 'Exists' },
			{ key: 'tier', operator: 'NotIn', values: ['x'] },
		],
	};
	t.true(compileLabelSelector(selector)(labels));
	t.false(compileLabelSelector(selector)({ app: 'web' }));
	const text = formatLabelSelector(selector);
	t.is(text, '!missing,app,app=web,tier in (front,back),tier notin (x)');
	t.true(parseLabelSelector(text)(labels));
	t.true(compileLabelSelector({})({}));
	t.false(compileLabelSelector(undefined)({}));
});

test('a field selector compares texts at known paths', (t) => {
	const object = { metadata: { name: 'a' }, spec: { nodeName: 'n' }, status: {} };
	const fields = ['spec.nodeName', 'status.phase'];
	t.true(parseFieldSelector('metadata.name=a,spec.nodeName==n', fields)(object));
	t.false(parseFieldSelector('spec.nodeName!=n', fields)(object));
	t.true(parseFieldSelector('status.phase!=Failed', fields)(object));
	t.true(parseFieldSelector('status.phase=', fields)(object));
	t.throws(() => parseFieldSelector('spec.other=x', fields), {
		message: /field label not supported/,
	});
	t.throws(() => parseFieldSelector('nonsense', fields), { message: /invalid selector/ });
});

test('the name that a selector asks for is known without searching', (t) => {
	t.is(selectedName('metadata.name=a'), 'a');
	t.is(selectedName('status.phase=x,metadata.name==b'), 'b');
	t.is(selectedName('metadata.name!=a'), undefined);
	t.is(selectedName('xmetadata.name=a'), undefined);
});
