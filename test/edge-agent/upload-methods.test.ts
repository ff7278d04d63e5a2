import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, inflateRawSync } from 'node:zlib';
import test, { type ExecutionContext } from 'ava';
import { answerWith } from '../../src/edge-agent/direct-methods/agent-methods.ts';
import { edgeAgentMethods } from '../../src/edge-agent/direct-methods/edge-agent-methods.ts';
import {
	redactedJson,
	redactedText,
} from '../../src/edge-agent/direct-methods/support-bundle/redaction.ts';
import { zipArchive } from '../../src/edge-agent/direct-methods/support-bundle/zip-archive.ts';
import { TaskTable } from '../../src/edge-agent/direct-methods/tasks/task-table.ts';
import { HubNetwork } from '../../src/iot-hub-client/hub-network.ts';
import type { JsonObject, JsonValue } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCluster } from '../support/memory-cluster.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

interface Blob {
	readonly path: string;
	readonly headers: NodeJS.Dict<string | string[]>;
	readonly body: Buffer;
}

/** A blob storage that takes everything, or refuses it. */
async function storage(t: ExecutionContext, status = 201) {
	const blobs: Blob[] = [];
	const server = createServer(async (request, response) => {
		const body = Buffer.concat(await request.toArray());
		blobs.push({ path: `${request.method} ${request.url}`, headers: request.headers, body });
		response.writeHead(status, status < 300 ? {} : { 'x-ms-error-code': 'AuthenticationFailed' });
		response.end();
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => server.close());
	const { port } = server.address() as AddressInfo;
	return { blobs, sasUrl: `http://127.0.0.1:${port}/logs?sv=2024-01-01&sig=c2VjcmV0` };
}

async function setUp(t: ExecutionContext) {
	const cluster = new MemoryCluster();
	for (const module of ['filter', 'edgeHub']) {
		const name = module.toLowerCase();
		const restartCount = module === 'filter' ? 1 : 0;
		await cluster.create({
			apiVersion: 'v1',
			kind: 'Pod',
			metadata: {
				name: `${name}-1`,
				namespace: 'edge',
				labels: { 'net.azure-devices.edge.module': name },
				annotations: { 'net.azure-devices.edge.original-moduleid': module },
			},
			spec: { containers: [{ name, env: [{ name: 'DB_PASSWORD', value: 'hunter2' }] }] },
			status: { containerStatuses: [{ name, restartCount }] },
		});
	}
	await cluster.create({
		apiVersion: 'v1',
		kind: 'Secret',
		metadata: { name: 'registry', namespace: 'edge' },
		data: { '.dockerconfigjson': 'dG9wIHNlY3JldA==' },
	});
	cluster.containerLogs.set('edge/filter-1/filter', [
		'2026-03-03T10:00:00Z <6> started with HostName=h;SharedAccessKey=abc123=',
		'2026-03-03T11:00:00Z <3> it failed',
	]);
	cluster.containerLogs.set('edge/edgehub-1/edgehub', ['2026-03-03T10:00:00Z hub']);
	const tasks = new TaskTable(silentLogger);
	t.teardown(() => tasks.stop());
	const answer = answerWith(
		edgeAgentMethods({
			network: new HubNetwork(),
			reprovision: () => false,
			client: cluster,
			namespace: 'edge',
			isKnown: () => false,
			hubHostName: 'h.azure-devices.net',
			deviceId: 'edge1',
			clock: new FakeClock(Date.parse('2026-03-04T05:06:07Z')),
			tasks,
			status: () => ({ lastDesiredVersion: 7 }),
		}),
	);
	const call = (name: string, payload: JsonValue) =>
		answer({ name, payload, responseTimeoutSeconds: 30, connectTimeoutSeconds: 0 });
	/** Asks until the task has ended. */
	const outcome = async (correlationId: JsonValue | undefined): Promise<JsonObject> => {
		for (;;) {
			const request = { schemaVersion: '1.0', correlationId: correlationId ?? null };
			const { payload } = await call('GetTaskStatus', request);
			const report = payload as JsonObject;
			if (!['NotStarted', 'Running'].includes(`${report['status']}`)) return report;
			await new Promise((resolve) => setImmediate(resolve));
		}
	};
	return { cluster, call, outcome, tasks };
}

/** The files of an archive, read by its directory. */
function unzip(archive: Buffer): Map<string, string> {
	const files = new Map<string, string>();
	const end = archive.length - 22;
	let at = archive.readUInt32LE(end + 16);
	for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
		const name = archive.toString('utf8', at + 46, at + 46 + archive.readUInt16LE(at + 28));
		const start = archive.readUInt32LE(at + 42);
		const content = start + 30 + archive.readUInt16LE(start + 26);
		const size = archive.readUInt32LE(at + 20);
		files.set(name, inflateRawSync(archive.subarray(content, content + size)).toString());
		at += 46 + archive.readUInt16LE(at + 28);
	}
	return files;
}

test('logs are uploaded as one blob a module, filtered and compressed', async (t) => {
	const { call, outcome } = await setUp(t);
	const { blobs, sasUrl } = await storage(t);
	const { status, payload } = await call('uploadmodulelogs', {
		schemaVersion: '1.0',
		sasUrl,
		items: [{ id: 'filter', filter: { loglevel: 3 } }, { id: 'hub' }],
		encoding: 'gzip',
		contentType: 'text',
	});
	t.is(status, 200);
	const { correlationId } = payload as JsonObject;
	t.like(await outcome(correlationId), { status: 'Completed', message: '', correlationId });
	t.deepEqual(
		blobs.map(({ path }) => path),
		['edgeHub', 'filter'].map(
			(module) =>
				`PUT /logs/h.azure-devices.net/edge1/${module}-2026-03-04--05-06-07.log.gz?sv=2024-01-01&sig=c2VjcmV0`,
		),
	);
	t.is(blobs[0]?.headers['x-ms-blob-type'], 'BlockBlob');
	t.is(gunzipSync(blobs[1]?.body ?? '').toString(), '<3> it failed\n');
});

test('a support bundle has logs, objects and status, and no secrets', async (t) => {
	const { call, outcome, cluster } = await setUp(t);
	const { blobs, sasUrl } = await storage(t);
	const fine = cluster.fault;
	cluster.fault = (operation, what) => {
		if (operation === 'list' && what === 'Event') throw new Error('events are forbidden');
		return fine(operation, what);
	};
	const { payload } = await call('UploadSupportBundle', { schemaVersion: '1.0', sasUrl });
	const report = await outcome((payload as JsonObject)['correlationId']);
	t.is(report['status'], 'Completed');
	t.regex(`${blobs[0]?.path}`, /edge1\/support_bundle-2026-03-04--05-06-07\.zip/);
	const files = unzip(blobs[0]?.body ?? Buffer.alloc(0));
	t.true(files.has('logs/filter/filter-1.previous.log'));
	t.regex(`${files.get('logs/filter/filter-1.log')}`, /SharedAccessKey=<hidden>\n.*it failed/);
	t.deepEqual(JSON.parse(`${files.get('status.json')}`), { lastDesiredVersion: 7 });
	t.regex(`${files.get('missing.txt')}`, /objects\/events\.json: events are forbidden/);
	const all = [...files.values()].join('\n');
	for (const secret of ['hunter2', 'dG9wIHNlY3JldA==', 'abc123']) t.false(all.includes(secret));
	t.regex(all, /dockerconfigjson/);
});

test('a bundle of the runtime alone has no logs of modules', async (t) => {
	const { call, outcome } = await setUp(t);
	const { blobs, sasUrl } = await storage(t);
	const request = { schemaVersion: '1.0', sasUrl, edgeRuntimeOnly: true, since: '2d' };
	const { payload } = await call('UploadSupportBundle', request);
	await outcome((payload as JsonObject)['correlationId']);
	const logs = [...unzip(blobs[0]?.body ?? Buffer.alloc(0)).keys()].filter((name) =>
		name.startsWith('logs/'),
	);
	t.deepEqual(logs, ['logs/edgeHub/edgehub-1.log']);
});

test('a storage that refuses fails the task without showing the signature', async (t) => {
	const { call, outcome } = await setUp(t);
	const { sasUrl } = await storage(t, 403);
	const request = { schemaVersion: '1.0', sasUrl, items: { id: 'all' } };
	const { payload } = await call('UploadModuleLogs', request);
	const report = await outcome((payload as JsonObject)['correlationId']);
	t.is(report['status'], 'Failed');
	const message = `${report['message']}`;
	t.regex(message, /^Task upload logs failed because of error .*403 AuthenticationFailed/);
	t.false(message.includes('c2VjcmV0'));
});

const refused: [method: string, payload: JsonValue, status: number, message: RegExp][] = [
	['UploadModuleLogs', { schemaVersion: '1.0', items: { id: 'all' } }, 400, /sasUrl/],
	[
		'UploadModuleLogs',
		{ schemaVersion: '1.0', sasUrl: 'file:///x', items: [{ id: 'a' }] },
		400,
		/https/,
	],
	['UploadSupportBundle', { schemaVersion: '1.0' }, 400, /sasUrl/],
	[
		'UploadSupportBundle',
		{ schemaVersion: '1.0', since: 'never', sasUrl: 'https://x/y' },
		400,
		/time/,
	],
	['UploadSupportBundle', { schemaVersion: '2.0', sasUrl: 'https://x/y' }, 500, /schema/i],
	['GetTaskStatus', { schemaVersion: '1.0' }, 400, /correlationId/],
	['GetTaskStatus', { schemaVersion: ' ' }, 400, /schemaVersion/],
	[
		'nothing',
		null,
		400,
		/^Command 'nothing' not found.*UploadSupportBundle, GetTaskStatus, Reprovision$/,
	],
];

for (const [method, payload, expected, message] of refused) {
	test(`${method} with ${JSON.stringify(payload)} is answered ${expected}`, async (t) => {
		const { call } = await setUp(t);
		const { status, payload: answer } = await call(method, payload);
		t.is(status, expected);
		t.regex(`${(answer as JsonObject)['message']}`, message);
	});
}

test('a task that nobody knows is Unknown', async (t) => {
	const { call } = await setUp(t);
	const request = { schemaVersion: '1.0', correlationId: 'x' };
	const { status, payload } = await call('GetTaskStatus', request);
	t.is(status, 200);
	t.deepEqual(payload, { status: 'Unknown', message: '', correlationId: 'x' });
});

test('tasks wait for each other, and end with the table', async (t) => {
	const tasks = new TaskTable(silentLogger);
	const first = tasks.begin('wait', (signal) => {
		return new Promise((_, reject) =>
			signal.addEventListener('abort', () => reject(signal.reason)),
		);
	});
	const second = tasks.begin('run', async () => t.fail());
	await new Promise((resolve) => setImmediate(resolve));
	t.is(tasks.get(first.correlationId).status, 'Running');
	t.is(tasks.get(second.correlationId).status, 'NotStarted');
	await tasks.stop();
	t.is(tasks.get(first.correlationId).status, 'Cancelled');
	t.is(tasks.get(second.correlationId).status, 'Cancelled');
});

test('more tasks than are kept are refused', (t) => {
	const tasks = new TaskTable(silentLogger);
	const begin = () => tasks.begin('run', async () => {});
	for (let count = 0; count < 20; count += 1) begin();
	t.throws(begin, { code: 'EDGE_METHOD_BUSY' });
});

test('other programs can read an archive', async (t) => {
	const content = Buffer.from('äöü\n'.repeat(10_000));
	const chunks: Buffer[] = [];
	const entries = [
		{ name: 'folder/ümlaut.txt', content },
		{ name: 'empty', content: Buffer.alloc(0) },
	];
	for await (const chunk of zipArchive(entries, Date.parse('2026-03-04T05:06:08Z'))) {
		chunks.push(chunk);
	}
	const archive = Buffer.concat(chunks);
	t.deepEqual(
		[...unzip(archive)],
		[
			['folder/ümlaut.txt', content.toString()],
			['empty', ''],
		],
	);
	const file = join(await temporaryFolder(t), 'a.zip');
	await writeFile(file, archive);
	const script =
		'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip(), z.infolist()[0].date_time)';
	const python = promisify(execFile)('python3', ['-c', script, file]);
	const output = await python.then(({ stdout }) => stdout.trim()).catch(() => undefined);
	if (output === undefined) t.log('There is no Python here to read the archive.');
	else t.is(output, 'None (2026, 3, 4, 5, 6, 8)');
});

const texts: [text: string, expected: string][] = [
	[
		'HostName=h;DeviceId=d;SharedAccessKey=abc=;X=1',
		'HostName=h;DeviceId=d;SharedAccessKey=<hidden>;X=1',
	],
	['https://s/c?sv=1&sig=abc%3D&se=2', 'https://s/c?sv=1&sig=<hidden>&se=2'],
	['SharedAccessSignature sr=x&sig=abc&se=1', 'SharedAccessSignature sr=x&sig=<hidden>&se=1'],
	['amqp://user:word@host/', 'amqp://user:<hidden>@host/'],
	['nothing to hide: 10.0.0.1:80', 'nothing to hide: 10.0.0.1:80'],
];

for (const [text, expected] of texts) {
	test(`"${text}" is shown without secrets`, (t) => t.is(redactedText(text), expected));
}

test('JSON is shown without secrets, whatever its depth', (t) => {
	const value = {
		env: [
			{ name: 'API_KEY', value: 'x' },
			{ name: 'MODE', value: 'fast' },
		],
		password: 'y',
		nested: { text: 'a;SharedAccessKey=z' },
		automountServiceAccountToken: false,
	};
	t.deepEqual(redactedJson(value), {
		env: [
			{ name: 'API_KEY', value: '<hidden>' },
			{ name: 'MODE', value: 'fast' },
		],
		password: '<hidden>',
		nested: { text: 'a;SharedAccessKey=<hidden>' },
		automountServiceAccountToken: false,
	});
});
