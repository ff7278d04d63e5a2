import test from 'ava';
import { compileCondition } from '../../src/conditions/condition.ts';
import { MessageScope } from '../../src/conditions/message-scope.ts';
import type { Message } from '../../src/protocol/message.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

const message: Message = {
	body: Buffer.from('{"t":31,"list":[1],"inner":{"a":null}}'),
	properties: new Map([
		['level', 'hot'],
		['$to', 'application'],
	]),
	systemProperties: new Map([
		['contentType', 'application/json'],
		['contentEncoding', 'utf-8'],
		['to', 'system'],
	]),
};
const twin: JsonObject = {
	tags: { Site: { floor: '1' }, floors: ['1', 2] },
	properties: { desired: { every: 5 }, reported: { on: true } },
};

function outcome(text: string, twinOfSender: JsonObject | undefined = twin): unknown {
	const condition = compileCondition(text, { dialect: 'iot-hub' });
	if ('problems' in condition) return condition.problems.map((each) => each.message).join(' ');
	return condition.test(new MessageScope(message, () => twinOfSender));
}

const cases: readonly (readonly [text: string, expected: unknown])[] = [
	["level = 'hot' AND $body.t > 30", true],
	["$twin.tags.site.floor = '1'", true],
	["$TWIN.Tags.Site.Floor = '1'", true],
	['$twin.tags.floors[1] = 2', true],
	['$twin.properties.desired.every >= as_number("5")', true],
	['$twin.properties.reported.on', true],
	['$twin.properties.reported.off = true', undefined],
	['is_defined($twin.properties.reported.off)', false],
	['is_array($body.list) AND NOT is_array($body.inner)', true],
	['is_object($body.inner) AND is_object($twin.tags.site)', true],
	['is_primitive($body.inner.a) AND is_primitive(level)', true],
	['is_primitive($body.list) OR is_primitive($body.missing) OR is_object($body.missing)', false],
	["$to = 'system'", true],
	["{$to} = 'system'", true],
	['$twin..x = 1', "The twin query '$twin..x' cannot be used: a name is missing."],
];
for (const [text, expected] of cases) {
	test(`IoT Hub reads ${text}`, (t) => {
		t.deepEqual(outcome(text), expected);
	});
}

test('of a sender without a twin nothing is known', (t) => {
	const condition = compileCondition('$twin.tags.site = 1', { dialect: 'iot-hub' });
	t.false('problems' in condition);
	if ('problems' in condition) return;
	t.is(condition.test(new MessageScope(message)), undefined);
	t.deepEqual(condition.reads, [{ kind: 'twin', name: '$twin.tags.site' }]);
});

test('the edge hub has no twins in conditions, and its own order of names', (t) => {
	const condition = compileCondition("$twin.tags.site.floor = '1' OR $to = 'system'");
	if ('problems' in condition) return t.fail();
	t.is(condition.test(new MessageScope(message, () => twin)), undefined);
	t.true('problems' in compileCondition('is_array($body.list)'));
});
