import test from 'ava';
import fc from 'fast-check';
import { builtinKinds } from '../../../src/local-cluster/api-server/kinds/builtin-kinds.ts';
import { builtinSchema } from '../../../src/local-cluster/api-server/schema/builtin-schemas.ts';
import { DecodeError, decodeObject } from '../../../src/local-cluster/api-server/schema/decode.ts';
import { openApiV2, openApiV3 } from '../../../src/local-cluster/api-server/schema/open-api.ts';
import {
	decodeProtobuf,
	ProtobufError,
} from '../../../src/local-cluster/api-server/schema/protobuf.ts';
import { canonicalQuantity } from '../../../src/local-cluster/api-server/schema/quantity.ts';
import { setDefaults } from '../../../src/local-cluster/api-server/schema/schema-defaults.ts';
import { parseSchemaTables } from '../../../src/local-cluster/api-server/schema/schema-table.ts';
import type { JsonObject } from '../../../src/runtime/json.ts';

const quantities: readonly [written: string, canonical: string | undefined][] = [
	['0.5', '500m'],
	['500m', '500m'],
	['1000m', '1'],
	['1.5', '1500m'],
	['1', '1'],
	['1000', '1k'],
	['1024Ki', '1Mi'],
	['1.5Gi', '1536Mi'],
	['0.5Gi', '512Mi'],
	['1000Ki', '1000Ki'],
	['1500M', '1500M'],
	['2000M', '2G'],
	['0', '0'],
	['0Gi', '0'],
	['-1', '-1'],
	['1e3', '1e3'],
	['.5', '500m'],
	['100n', '100n'],
	['0.1n', '1n'],
	['1E', '1E'],
	['1Ei', '1Ei'],
	['', undefined],
	['1KB', undefined],
	['one', undefined],
	['1 Gi', undefined],
	['1..5', undefined],
];

for (const [written, canonical] of quantities) {
	test(`the quantity "${written}" is ${canonical ?? 'none'}`, (t) => {
		t.is(canonicalQuantity(written), canonical);
	});
}

test('a canonical quantity is canonical', (t) => {
	const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi');
	const number = fc.tuple(fc.nat(99_999), fc.nat(999)).map(([whole, part]) => `${whole}.${part}`);
	fc.assert(
		fc.property(number, suffix, (digits, unit) => {
			const once = canonicalQuantity(`${digits}${unit}`);
			t.is(canonicalQuantity(once ?? ''), once);
		}),
	);
});

test('a schema table says all of a type', (t) => {
	const types = parseSchemaTables([
		'\n@Pair\n\tkey!:string value:A|B=A\n',
		'Thing\n\tpairs:[Pair]{key} names:[string]{} #7 labels:<string> limits:@<quantity> old:[Pair]~key\n\t...:Part\nPart\n\tcount:int=3\n',
	]);
	const thing = types.get('Thing');
	t.true(types.get('Pair')?.atomic);
	t.deepEqual(
		[...(thing?.fields ?? [])].map(([name, field]) => [name, field.number]),
		[
			['pairs', 1],
			['names', 2],
			['labels', 7],
			['limits', 8],
			['old', 9],
			['count', 1],
		],
	);
	t.is(thing?.spread[0]?.number, 10);
	t.like(thing?.fields.get('pairs')?.schema, { topology: 'map', keys: ['key'], mergeKey: 'key' });
	t.like(thing?.fields.get('names')?.schema, { topology: 'set' });
	t.like(thing?.fields.get('old')?.schema, { topology: 'atomic', mergeKey: 'key' });
	t.like(thing?.fields.get('limits')?.schema, { kind: 'map', atomic: true });
	t.is(thing?.fields.get('count')?.default, 3);
	t.throws(() => parseSchemaTables(['\nA\n\tb:Missing\n']), { message: /no type Missing/ });
	t.throws(() => parseSchemaTables(['\nA\n\tbroken\n']), { message: /faulty field broken/ });
});

test('reading an object drops nulls and unknown fields, and copies', (t) => {
	const input = {
		spec: { replicas: null, paused: true, extra: 1, template: { spec: { contaners: [] } } },
	};
	const { object, unknown } = decodeObject(input, builtinSchema('Deployment'), true);
	t.deepEqual(object, { spec: { paused: true, template: { spec: {} } } });
	t.deepEqual(unknown, ['spec.extra', 'spec.template.spec.contaners']);
});

const wrongTypes: readonly [object: JsonObject, message: RegExp][] = [
	[
		{ replicas: '1' },
		/cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32/,
	],
	[{ replicas: 1.5 }, /of type int32/],
	[{ paused: 'yes' }, /of type bool/],
	[{ template: [] }, /cannot unmarshal array .* of type PodTemplateSpec/],
	[{ template: { spec: { containers: {} } } }, /of type array/],
	[{ template: { spec: { nodeSelector: { a: 1 } } } }, /cannot unmarshal number/],
	[{ template: { spec: { overhead: { cpu: 'much' } } } }, /quantities must match/],
	[{ template: { metadata: { creationTimestamp: 'yesterday' } } }, /parsing time/],
];

for (const [spec, message] of wrongTypes) {
	test(`an object with ${JSON.stringify(spec)} cannot be read`, (t) => {
		t.throws(() => decodeObject({ spec }, builtinSchema('Deployment'), true), {
			instanceOf: DecodeError,
			message,
		});
	});
}

test('names of the prototype are nothing special', (t) => {
	const input = JSON.parse('{"data":{"__proto__":"a","constructor":"b"},"__proto__":{"x":1}}');
	const { object, unknown } = decodeObject(input, builtinSchema('ConfigMap'), true);
	t.is(JSON.stringify(object), '{"data":{"__proto__":"a","constructor":"b"}}');
	t.deepEqual(unknown, ['__proto__']);
	t.false('x' in {});
});

test('defaults are set where something is, and only once', (t) => {
	const object: JsonObject = {
		spec: { containers: [{ name: 'a', livenessProbe: { httpGet: { port: 1 } } }] },
	};
	setDefaults(object, builtinSchema('Pod'));
	t.like(object['spec'], { restartPolicy: 'Always', securityContext: {} });
	const [container] = (object['spec'] as { containers: JsonObject[] }).containers;
	t.deepEqual(container?.['livenessProbe'], {
		httpGet: { port: 1, path: '/', scheme: 'HTTP' },
		...{ timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
	});
	const before = structuredClone(object);
	setDefaults(object, builtinSchema('Pod'));
	t.deepEqual(object, before);
});

/** A Protobuf message from fields: text and messages as bytes, numbers as varints. */
function message(...fields: [number, string | number | Buffer][]): Buffer {
	const parts = fields.map(([number, value]) => {
		if (typeof value === 'number') return Buffer.from([...varint(number << 3), ...varint(value)]);
		const bytes = Buffer.from(value as string);
		return Buffer.from([...varint((number << 3) | 2), ...varint(bytes.length), ...bytes]);
	});
	return Buffer.concat(parts);
}

function varint(value: number): number[] {
	return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function envelope(apiVersion: string, kind: string, raw: Buffer): Buffer {
	const body = message([1, message([1, apiVersion], [2, kind])], [2, raw]);
	return Buffer.concat([Buffer.from('k8s\0'), body]);
}

test('an object in binary form is read by the numbers of its fields', (t) => {
	const mount = message([1, 'v'], [3, '/data']);
	const port = message([1, 'web'], [3, 8080], [4, 'TCP']);
	const resources = message([1, message([1, 'cpu'], [2, message([1, '500m'])])]);
	const httpGet = message([1, '/'], [2, message([1, 1], [2, 0], [3, 'web'])]);
	const probe = message([1, message([2, httpGet])], [2, 5]);
	const container = message(
		[1, 'main'],
		[2, 'image:1'],
		[4, 'a'],
		[4, ''],
		[6, port],
		[8, resources],
		[9, mount],
		[10, probe],
	);
	const volume = message([1, 'v'], [2, message([1, message([1, '/host'], [2, ''])])]);
	const spec = message([1, volume], [2, container], [4, 30], [11, 1]);
	const labels = message([1, 'app'], [2, '']);
	const metadata = message([1, 'p'], [3, ''], [8, message()], [11, labels]);
	t.deepEqual(decodeProtobuf(envelope('v1', 'Pod', message([1, metadata], [2, spec]))), {
		apiVersion: 'v1',
		kind: 'Pod',
		metadata: { name: 'p', labels: { app: '' } },
		spec: {
			volumes: [{ name: 'v', hostPath: { path: '/host' } }],
			containers: [
				{
					name: 'main',
					image: 'image:1',
					args: ['a', ''],
					ports: [{ name: 'web', containerPort: 8080, protocol: 'TCP' }],
					resources: { limits: { cpu: '500m' } },
					volumeMounts: [{ name: 'v', mountPath: '/data' }],
					livenessProbe: { httpGet: { path: '/', port: 'web' }, initialDelaySeconds: 5 },
				},
			],
			terminationGracePeriodSeconds: 30,
			hostNetwork: true,
		},
	});
});

test('bytes that are no object in binary form are refused', (t) => {
	const good = envelope('v1', 'ConfigMap', message([1, message([1, 'a'])]));
	for (const bytes of [
		Buffer.from('{}'),
		good.subarray(0, -2),
		envelope('v1', 'Widget', Buffer.alloc(0)),
		envelope('apiextensions.k8s.io/v1', 'CustomResourceDefinition', Buffer.alloc(0)),
	]) {
		t.throws(() => decodeProtobuf(Buffer.from(bytes)), { instanceOf: ProtobufError });
	}
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
			try {
				decodeProtobuf(envelope('v1', 'Pod', Buffer.from(bytes)));
			} catch (error) {
				t.true(error instanceof ProtobufError, String(error));
			}
		}),
	);
});

test('the OpenAPI documents name every kind, and refer to nothing that they lack', (t) => {
	const kinds = builtinKinds.filter((kind) => !kind.isQuestion);
	for (const document of [openApiV2(builtinKinds), openApiV3(builtinKinds)]) {
		const text = JSON.stringify(document);
		const names = new Set(
			Object.keys(
				(document['definitions'] ??
					(document['components'] as JsonObject)['schemas']) as JsonObject,
			),
		);
		for (const [, name = ''] of text.matchAll(/"\$ref":"#\/[a-z/]+\/([^"]+)"/g)) {
			t.true(names.has(name), name);
		}
		for (const { kind } of kinds) t.true(text.includes(`"kind":"${kind}"`), kind);
	}
	const { definitions } = openApiV2(kinds) as { definitions: Record<string, JsonObject> };
	const properties = definitions['io.k8s.api.PodSpec']?.['properties'] as JsonObject | undefined;
	const containers = properties?.['containers'];
	t.like(containers, {
		'x-kubernetes-list-map-keys': ['name'],
		'x-kubernetes-patch-merge-key': 'name',
		'x-kubernetes-patch-strategy': 'merge',
	});
});
