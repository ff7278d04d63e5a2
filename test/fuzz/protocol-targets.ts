import { formatAuthChain, isBeginningOf, parseAuthChain } from '../../src/protocol/auth-chain.ts';
import { parseConnectionString } from '../../src/protocol/connection-string.ts';
import { messageFromBag, messageSize } from '../../src/protocol/message.ts';
import { parseClientTopic, parseSubscription } from '../../src/protocol/mqtt-topic.ts';
import { parseMqttUserName } from '../../src/protocol/mqtt-user-name.ts';
import { formatPropertyBag, parsePropertyBag } from '../../src/protocol/property-bag.ts';
import {
	createSasToken,
	isExpired,
	matchesAudience,
	parseSasToken,
	type SasToken,
	verifySignature,
} from '../../src/protocol/sas-token.ts';
import { diff, mergePatch, sameJson } from '../../src/protocol/twin.ts';
import { validateReportedPatch } from '../../src/protocol/twin-validation.ts';
import { type FuzzTarget, promise } from './fuzz-target.ts';

const identity = { deviceId: 'edge1', moduleId: 'filter' };
const key = Buffer.alloc(32, 7).toString('base64');

const topics = [
	'devices/edge1/modules/filter/messages/events/%24.on=out&a=b',
	'devices/leaf/messages/events/a=b&%24.mid=1',
	'$iothub/twin/GET/?$rid=1',
	'$iothub/twin/PATCH/properties/reported/?$rid=1&$version=2',
	'$iothub/methods/res/200/?$rid=1',
	'$iothub/methods/POST/#',
	'devices/edge1/modules/filter/inputs/#',
];
const bags = ['a=b&c=d', '%24.mid=1&%24.ct=application%2Fjson&x', 'a=%20&b=&c', ''];
const tokens = [
	createSasToken({ resource: 'hub.test/devices/edge1/modules/filter', key, expiry: 2_000_000_000 }),
	createSasToken({ resource: 'hub.test', key, expiry: 1, keyName: 'owner' }),
];
const userNames = [
	'hub.test/edge1/filter/?api-version=2021-04-12&DeviceClientType=js%2F1',
	'hub.test/leaf/api-version=2018-06-30&model-id=dtmi%3Aa%3B1',
	'hub.test/leaf?api-version=2021-04-12&auth-chain=leaf%3Bchild',
];
const chains = ['child/filter;child;parent', 'leaf;child;parent'];
const knownChains = chains.map((chain) => parseAuthChain(chain) ?? []);
const connectionStrings = [
	'HostName=hub.test;DeviceId=edge1;ModuleId=filter;SharedAccessKey=abc=;GatewayHostName=edge',
];

/** Topics, property bags, tokens, names and twins: what clients put into packets. */
export const protocolTargets: readonly FuzzTarget[] = [
	{
		name: 'topics',
		share: 15,
		run: (input) => {
			const topic = input.text(topics);
			parseClientTopic(topic);
			parseSubscription(topic, identity);
		},
	},
	{
		name: 'property bags',
		share: 15,
		run: (input) => {
			const bag = parsePropertyBag(input.text(bags));
			const again = parsePropertyBag(formatPropertyBag(bag));
			const same = JSON.stringify([...again]) === JSON.stringify([...bag]);
			promise(same || hasLoneSurrogate(bag), 'a bag survives formatting and parsing');
			promise(messageSize(messageFromBag(bag, new Uint8Array())) >= 0, 'a message has a size');
		},
	},
	{
		name: 'tokens',
		share: 8,
		run: (input) => {
			const text = input.text(tokens);
			const token = parseSasToken(text);
			const valid = verifySignature(token, [key]);
			const known = tokens.some((one) => bytesOf(parseSasToken(one)).equals(bytesOf(token)));
			promise(!valid || known, 'no signature but the right one is valid');
			isExpired(token, Date.now());
			matchesAudience(token, ['hub.test'], identity);
		},
	},
	{
		name: 'chains of edge devices',
		share: 3,
		run: (input) => {
			const claimed = parseAuthChain(input.text(chains));
			if (claimed === undefined) return;
			const text = formatAuthChain(claimed);
			const begins = knownChains.some((known) => isBeginningOf(claimed, known));
			promise(
				begins === chains.some((chain) => `${chain};`.startsWith(`${text};`)),
				'a chain is the beginning of a known one only where its text is',
			);
		},
	},
	{
		name: 'user names',
		share: 10,
		run: (input) => void parseMqttUserName(input.text(userNames)),
	},
	{
		name: 'connection strings',
		share: 4,
		run: (input) => void parseConnectionString(input.text(connectionStrings)),
	},
	{
		name: 'twins',
		share: 12,
		run: (input) => {
			const from = input.object(4);
			const to = input.object(4);
			validateReportedPatch(to);
			const merged = mergePatch(from, to, { nullDeletes: false });
			promise(
				sameJson(mergePatch(from, diff(from, merged), { nullDeletes: false }), merged),
				'diff',
			);
			mergePatch(from, to, { nullDeletes: true });
			promise(Object.keys(Object.prototype).length === 0, 'no prototype is polluted');
		},
	},
];

/** The same bytes have several forms in base64. */
function bytesOf({ signature }: SasToken): Buffer {
	return Buffer.from(signature, 'base64');
}

/** UTF-8 has no form for half a surrogate pair. */
function hasLoneSurrogate(bag: ReadonlyMap<string, string | null>): boolean {
	return [...bag].some(([name, value]) => !name.isWellFormed() || value?.isWellFormed() === false);
}
