import test from 'ava';
import fc from 'fast-check';
import { bagOfMessage, messageFromBag, messageSize } from '../../src/protocol/message.ts';
import { formatPropertyBag, parsePropertyBag } from '../../src/protocol/property-bag.ts';

const body = Buffer.from('{}');

test('system properties of the bag get the names that routes use', (t) => {
	const bag = parsePropertyBag(
		'%24.mid=m%2F1&%24.cid=c&%24.ct=application%2Fjson&%24.on=out&k=v&empty=&bare',
	);
	const message = messageFromBag(bag, body);
	t.deepEqual(
		[...message.systemProperties],
		[
			['messageId', 'm/1'],
			['cid', 'c'],
			['contentType', 'application/json'],
			['outputName', 'out'],
		],
	);
	t.deepEqual(
		[...message.properties],
		[
			['k', 'v'],
			['empty', null],
			['bare', null],
		],
	);
});

test('a client cannot say who it is in the bag', (t) => {
	const message = messageFromBag(parsePropertyBag('%24.cdid=king&%24.cmid=crown&k=v'), body);
	t.is(message.systemProperties.size, 0);
	t.deepEqual([...message.properties.keys()], ['k']);
});

test('a message on its way to a module carries who sent it and not the output it came from', (t) => {
	const message = {
		body,
		properties: new Map([
			['$.cdid', 'king'],
			['k', 'v'],
		]),
		systemProperties: new Map([
			['outputName', 'out'],
			['connectionDeviceId', 'edge1'],
			['connectionModuleId', 'sensor'],
		]),
	};
	t.is(formatPropertyBag(bagOfMessage(message)), '%24.cdid=edge1&k=v&%24.cmid=sensor');
});

test('a twin change names the client whose twin it was', (t) => {
	const systemProperties = new Map([
		['connectionDeviceId', 'edge1'],
		['connectionModuleId', '$edgeHub'],
		['rpSenderDeviceId', 'leaf'],
		['rpSenderModuleId', 'm'],
	]);
	const bag = bagOfMessage({ body, properties: new Map(), systemProperties });
	t.is(formatPropertyBag(bag), '%24.cdid=leaf&%24.cmid=m');
});

for (const text of ['=v', 'a=b=c', 'a=b&', '&', 'a=%ZZ', '%=1']) {
	test(`refuses the bag ${text}`, (t) => {
		t.throws(() => parsePropertyBag(text), { code: 'EDGE_PROPERTY_BAG_INVALID' });
	});
}

test('any property survives the way through a topic', (t) => {
	const text = fc.string({ minLength: 1 }).filter((value) => value.isWellFormed());
	const entries = fc.uniqueArray(fc.tuple(text, fc.option(text)), { selector: ([key]) => key });
	const property = fc.property(entries, (properties) => {
		const bag = formatPropertyBag(properties);
		t.false(/[/#+]/.test(bag));
		t.deepEqual([...parsePropertyBag(bag)], properties);
	});
	t.notThrows(() => fc.assert(property));
});

test('the size of a message counts its body and the characters of its properties', (t) => {
	const properties = new Map([
		['ab', 'cde'],
		['f', null],
	]);
	const systemProperties = new Map([['to', 'x']]);
	t.is(messageSize({ body: Buffer.alloc(10), properties, systemProperties }), 10 + 5 + 1 + 3);
});
