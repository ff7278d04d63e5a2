import { createHmac } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import {
	createSasToken,
	encodeStrict,
	isExpired,
	matchesAudience,
	parseSasToken,
	verifySignature,
} from '../../src/protocol/sas-token.ts';

const key = Buffer.from('a key of the edge').toString('base64');
const other = Buffer.from('another key').toString('base64');
const resource = "hub.azure-devices.net/devices/edge 1/modules/it's(me)";

test('a token verifies with the key that made it, primary or secondary, and with no other', (t) => {
	const token = parseSasToken(createSasToken({ resource, key, expiry: 1_800_000_000 }));
	t.true(verifySignature(token, [key]));
	t.true(verifySignature(token, [other, key]));
	t.false(verifySignature(token, [other]));
	t.false(verifySignature(token, []));
	t.is(token.decodedResource, resource);
});

test('the signature covers the resource as it stands in the token, lower-cased as some clients send it', (t) => {
	const encoded = encodeStrict('hub.azure-devices.net/devices/Edge1').toLowerCase();
	const sig = createHmac('sha256', Buffer.from(key, 'base64')).update(`${encoded}\n1800000000`);
	const text = `SharedAccessSignature sr=${encoded}&sig=${encodeStrict(sig.digest('base64'))}&se=1800000000`;
	const token = parseSasToken(text);
	t.true(verifySignature(token, [key]));
	t.true(matchesAudience(token, ['HUB.azure-devices.net'], { deviceId: 'Edge1' }));
});

test('a token speaks for its own identity alone, with or without a port in the host', (t) => {
	const sr = 'localhost:41234/devices/edge1/modules/filter';
	const token = parseSasToken(createSasToken({ resource: sr, key, expiry: 1 }));
	const filter = { deviceId: 'edge1', moduleId: 'filter' };
	t.true(matchesAudience(token, ['localhost'], filter));
	t.true(matchesAudience(token, ['gateway', 'localhost:9'], filter));
	t.false(matchesAudience(token, ['gateway'], filter));
	t.false(matchesAudience(token, ['localhost'], { deviceId: 'edge1' }));
	t.false(matchesAudience(token, ['localhost'], { deviceId: 'edge1', moduleId: 'filter2' }));
});

test('expiry allows for clocks that differ by five minutes', (t) => {
	const token = parseSasToken(createSasToken({ resource, key, expiry: 1000 }));
	t.false(isExpired(token, 1000_000 + 300_000));
	t.true(isExpired(token, 1000_000 + 300_001));
	t.true(isExpired(token, 1000_001, 0));
});

const malformed = [
	'',
	'Bearer abc',
	'SharedAccessSignature ',
	'SharedAccessSignature sr=a&se=1',
	'SharedAccessSignature sr=a&sig=b',
	'SharedAccessSignature sr=a&sig=b&se=soon',
	'SharedAccessSignature sr=%ZZ&sig=b&se=1',
];
for (const text of malformed) {
	test(`refuses ${JSON.stringify(text)}`, (t) => {
		t.throws(() => parseSasToken(text), { code: 'EDGE_TOKEN_INVALID' });
	});
}

test('scheme and names of fields may have any case', (t) => {
	const token = parseSasToken('sharedaccesssignature SR=hub%2Fdevices%2Fa&Sig=c2ln&SE=7');
	t.like(token, { decodedResource: 'hub/devices/a', signature: 'c2ln', expiry: 7 });
});

test('any resource and policy survive the way through a token', (t) => {
	const property = fc.property(fc.string({ minLength: 1 }), fc.string(), (sr, keyName) => {
		fc.pre(sr.isWellFormed() && keyName.isWellFormed());
		const token = parseSasToken(createSasToken({ resource: sr, key, expiry: 7, keyName }));
		return (
			token.decodedResource === sr &&
			(token.keyName ?? '') === keyName &&
			verifySignature(token, [key])
		);
	});
	t.notThrows(() => fc.assert(property));
});
