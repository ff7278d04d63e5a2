import test from 'ava';
import { chainTo } from '../../src/edge-hub/authorization/device-chain.ts';
import { parseRegistryIdentity } from '../../src/iot-hub-client/registry-identity.ts';
import { formatAuthChain } from '../../src/protocol/auth-chain.ts';
import { type Identity, identityKey, parseIdentityKey } from '../../src/protocol/identity.ts';
import type { JsonObject } from '../../src/runtime/json.ts';

const scope = (deviceId: string, generation = 1) => `ms-azure-iot-edge://${deviceId}-${generation}`;
const edge = (deviceId: string, ...parentScopes: string[]): JsonObject => ({
	deviceId,
	capabilities: { iotEdge: true },
	deviceScope: scope(deviceId),
	parentScopes,
});

const registry = [
	edge('top'),
	edge('mid-dle', scope('top')),
	edge('bottom', scope('mid-dle')),
	edge('elsewhere', scope('nobody')),
	edge('made-anew', scope('mid-dle', 2)),
	edge('loop1', scope('loop2')),
	edge('loop2', scope('loop1')),
	edge('odd', 'not a scope'),
	{ deviceId: 'bottom', moduleId: 'm' },
	{ deviceId: 'top', moduleId: 'm' },
	{ deviceId: 'leaf', parentScopes: [scope('bottom')], deviceScope: scope('bottom') },
	{ deviceId: 'old-leaf', deviceScope: scope('mid-dle') },
	{ deviceId: 'bare-leaf' },
].map((document) => parseRegistryIdentity(document));

function chainOf(key: string): string | undefined {
	const get = (identity: Identity) =>
		registry.find(
			(entry) => entry !== undefined && identityKey(entry.identity) === identityKey(identity),
		);
	const chain = chainTo('top', parseIdentityKey(key), get);
	return chain === undefined ? undefined : formatAuthChain(chain);
}

test('the way from an identity goes up to this edge device', (t) => {
	const table: [string, string | undefined][] = [
		['top', 'top'],
		['top/m', 'top/m;top'],
		['mid-dle', 'mid-dle;top'],
		['bottom/m', 'bottom/m;bottom;mid-dle;top'],
		['leaf', 'leaf;bottom;mid-dle;top'],
		['old-leaf', 'old-leaf;mid-dle;top'],
		// Of a device in the scope whose parent nobody names: it is a child of this one.
		['bare-leaf', 'bare-leaf;top'],
		['elsewhere', undefined],
		['made-anew', undefined],
		['loop1', undefined],
		['odd', undefined],
		['stranger', undefined],
	];
	for (const [key, chain] of table) t.is(chainOf(key), chain, key);
});
