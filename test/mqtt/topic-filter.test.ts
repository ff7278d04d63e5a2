import test from 'ava';
import fc from 'fast-check';
import { isTopicFilter, isTopicName, topicMatches } from '../../src/mqtt/topic-filter.ts';

const matches: readonly [filter: string, topic: string, expected: boolean][] = [
	['a/b', 'a/b', true],
	['a/b', 'a/B', false],
	['a/b', 'a', false],
	['a', 'a/b', false],
	['a/+', 'a/b', true],
	['a/+', 'a/', true],
	['a/+', 'a', false],
	['a/+/c', 'a/b/c', true],
	['+', '/a', false],
	['+/+', '/a', true],
	['/+', '/a', true],
	['#', 'a/b/c', true],
	['a/#', 'a', true],
	['a/#', 'a/b/c', true],
	['a/#', 'ab', false],
	['#', '$iothub/twin', false],
	['+/twin', '$iothub/twin', false],
	['$iothub/#', '$iothub/twin', true],
	['$iothub/twin/res/#', '$iothub/twin/res/200/?$rid=1', true],
	['a//b', 'a//b', true],
	['a/+/b', 'a//b', true],
];

for (const [filter, topic, expected] of matches) {
	test(`${filter} ${expected ? 'selects' : 'does not select'} ${topic}`, (t) => {
		t.is(topicMatches(filter, topic), expected);
	});
}

test('wildcards fill whole levels, and # only the last one', (t) => {
	for (const filter of ['a', '/', '+', '#', 'a/+/b/#', '+/+', ' ']) t.true(isTopicFilter(filter));
	for (const filter of ['', 'a#', 'a/#/b', '#/', 'a+', '+a/b', 'a/b+', '\0', 'a'.repeat(65_536)]) {
		t.false(isTopicFilter(filter), filter.slice(0, 9));
	}
});

test('the length of a topic counts in bytes', (t) => {
	t.true(isTopicName('é'.repeat(32_767)));
	t.false(isTopicName('é'.repeat(32_768)));
});

const level = fc.stringMatching(/^[a-z$]{0,3}$/);
const topic = fc
	.array(level, { minLength: 1, maxLength: 5 })
	.map((levels) => levels.join('/'))
	.filter((text) => text !== '' && !text.startsWith('$'));

test('a topic is selected by itself, by any level replaced with +, and by any head followed by #', (t) => {
	fc.assert(
		fc.property(topic, fc.nat(), (name, at) => {
			const levels = name.split('/');
			const index = at % levels.length;
			t.true(topicMatches(name, name));
			t.true(topicMatches(levels.with(index, '+').join('/'), name));
			t.true(topicMatches([...levels.slice(0, index), '#'].join('/'), name));
		}),
	);
});

test('a filter selects what the same filter as a regular expression selects', (t) => {
	const filter = fc
		.array(fc.constantFrom('a', 'b', '', '+'), { minLength: 1, maxLength: 4 })
		.chain((levels) => fc.boolean().map((all) => [...levels, ...(all ? ['#'] : [])].join('/')))
		.filter((text) => text !== '');
	fc.assert(
		fc.property(filter, topic, (wanted, name) => {
			const pattern = wanted
				.replaceAll('+', '[^/]*')
				.replace(/^#$/, '.*')
				.replace(/\/#$/, '(/.*)?');
			t.is(topicMatches(wanted, name), new RegExp(`^${pattern}$`).test(name), wanted);
		}),
	);
});
