import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import type { IotHubEmulator } from '../../src/iot-hub-emulator/emulator.ts';
import type { TelemetryEvent } from '../../src/iot-hub-emulator/telemetry/telemetry-event.ts';
import { hubRequest, identityToken, runningEmulator } from '../support/running-emulator.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const device = { deviceId: 'dev1' };
const events = '/devices/dev1/messages/events';
const bound = '/devices/dev1/messages/devicebound';

async function withDevice(t: Parameters<typeof runningEmulator>[0], settings = {}) {
	const emulator = await runningEmulator(t, settings);
	emulator.registry.putDevice('dev1', {});
	const authorization = identityToken(emulator, device);
	const call = (method: string, path: string, body?: unknown, headers = {}) =>
		hubRequest(emulator, { method, path, body, headers, authorization });
	return { emulator, call };
}

async function telemetryOf(emulator: IotHubEmulator): Promise<TelemetryEvent[]> {
	const all: TelemetryEvent[] = [];
	for await (const event of emulator.telemetry.read()) all.push(event);
	return all;
}

test('a message over HTTPS keeps its properties, body and names', async (t) => {
	const { emulator, call } = await withDevice(t);
	const { status } = await call('POST', events, 'not json', {
		'iothub-app-MyKey': 'v 1',
		'IoTHub-MessageId': 'm1',
		'iothub-correlationid': 'c1',
		'iothub-contenttype': 'text/plain',
		'iothub-contentencoding': 'utf-8',
		'iothub-to': events,
	});
	t.is(status, 204);
	const [event] = await telemetryOf(emulator);
	t.deepEqual(event?.properties, { MyKey: 'v 1' });
	t.like(event?.systemProperties, {
		'message-id': 'm1',
		'correlation-id': 'c1',
		'content-type': 'text/plain',
		'content-encoding': 'utf-8',
		'iothub-connection-device-id': 'dev1',
	});
	t.is(Buffer.from(event?.body ?? []).toString(), 'not json');
});

test('a batch is several messages', async (t) => {
	const { emulator, call } = await withDevice(t);
	const batch = [
		{ body: Buffer.from('one').toString('base64'), properties: { 'iothub-app-a': 'b' } },
		{ body: 'zwei ä', base64Encoded: false, properties: { 'iothub-messageid': 'm2' } },
	];
	const headers = { 'content-type': 'application/vnd.microsoft.iothub.json' };
	t.is((await call('POST', events, batch, headers)).status, 204);
	const seen = (await telemetryOf(emulator)).map(({ body, properties, systemProperties }) => [
		Buffer.from(body).toString(),
		properties,
		systemProperties['message-id'],
	]);
	t.deepEqual(seen, [
		['one', { a: 'b' }, undefined],
		['zwei ä', {}, 'm2'],
	]);
	const many = Array.from({ length: 501 }, () => ({ body: '' }));
	for (const wrong of [{}, [1], [{ body: 1 }], [{ body: '', properties: { a: 1 } }], 'x', many]) {
		t.is((await call('POST', events, wrong, headers)).status, 400, JSON.stringify(wrong));
	}
	const large = await call('POST', events, 'x'.repeat(262_145));
	t.is(large.status, 413);
	t.regex(String(large.body['Message']), /MessageTooLarge/);
	t.is(emulator.telemetry.size.events, 2);
});

test('cloud-to-device messages are locked, and completed, rejected or abandoned by their token', async (t) => {
	const { emulator, call } = await withDevice(t);
	t.is((await call('GET', bound)).status, 204);
	for (const id of ['m1', 'm2']) {
		emulator.sendToDevice('dev1', {
			body: Buffer.from(id),
			properties: new Map([
				['Key', 'value'],
				['odd name', 'left out'],
			]),
			systemProperties: new Map([
				['messageId', id],
				['to', bound],
				['cid', 'grüße'],
			]),
		});
	}
	const first = await call('GET', bound);
	t.is(first.status, 200);
	t.is(first.text, 'm1');
	t.like(first.headers, {
		'iothub-messageid': 'm1',
		'iothub-to': bound,
		'iothub-app-key': 'value',
		'iothub-correlationid': 'gr%C3%BC%C3%9Fe',
		'iothub-deliverycount': '0',
		'iothub-sequencenumber': '1',
	});
	const lockOf = ({ headers }: typeof first) => String(headers['etag']).replaceAll('"', '');
	const second = await call('GET', bound);
	t.is(second.text, 'm2');
	t.is((await call('GET', bound)).status, 204, 'both are locked');
	t.is((await call('POST', `${bound}/${lockOf(first)}/abandon`)).status, 204);
	const again = await call('GET', bound);
	t.is(again.headers['iothub-deliverycount'], '1');
	const lost = await call('DELETE', `${bound}/${lockOf(first)}`);
	t.is(lost.status, 412);
	t.regex(String(lost.body['Message']), /DeviceMessageLockLost/);
	t.is((await call('DELETE', `${bound}/${lockOf(again)}`)).status, 204);
	const rejected = `${bound}/${lockOf(second)}?api-version=2021-04-12&reject`;
	t.is((await call('DELETE', rejected)).status, 204);
	t.is((await call('GET', bound)).status, 204);
});

test('only the device itself uses its HTTPS interface', async (t) => {
	const { emulator } = await withDevice(t);
	emulator.registry.putDevice('dev2', {});
	const authorization = identityToken(emulator, { deviceId: 'dev2' });
	for (const [method, path] of [
		['POST', events],
		['GET', bound],
		['DELETE', `${bound}/x`],
		['POST', `${bound}/x/abandon`],
		['POST', '/devices/dev1/files'],
		['POST', '/devices/dev1/files/notifications'],
	] as const) {
		const { status } = await hubRequest(emulator, { method, path, authorization });
		t.is(status, 401, `${method} ${path}`);
	}
});

test('a file goes to where the hub says, in blocks, and services are told', async (t) => {
	const folder = await temporaryFolder(t);
	const { emulator, call } = await withDevice(t, { folder });
	const begun = await call('POST', '/devices/dev1/files', { blobName: 'a/b.txt' });
	t.is(begun.status, 200);
	const { correlationId, hostName, containerName, blobName, sasToken } = begun.body as Record<
		string,
		string
	>;
	t.is(hostName, emulator.hostName);
	t.is(blobName, 'dev1/a/b.txt');
	const path = `/${containerName}/${blobName}${sasToken}`;
	const blob = (method: string, query = '', body?: string, at = path) =>
		hubRequest(emulator, { method, path: `${at}${query}&api-version=`, authorization: '', body });
	const ids = ['b2', 'b1'].map((id) => Buffer.from(id).toString('base64'));
	for (const id of ids) {
		const block = `&comp=block&blockid=${encodeURIComponent(id)}`;
		t.is((await blob('PUT', block, `<${Buffer.from(id, 'base64')}>`)).status, 201);
	}
	const list = (order: string[]) =>
		`<?xml version="1.0"?><BlockList>${order.map((id) => `<Latest>${id}</Latest>`).join('')}</BlockList>`;
	t.is((await blob('PUT', '&comp=blocklist', list(['bm9uZQ==', ...ids]))).status, 400);
	for (const id of ids) {
		await blob('PUT', `&comp=block&blockid=${encodeURIComponent(id)}`, `<${id}>`);
	}
	const listed = await blob('PUT', '&comp=blocklist', list([...ids].reverse()));
	t.is(listed.status, 201, listed.text);
	const got = await blob('GET');
	t.is(got.text, `<${ids[1]}><${ids[0]}>`);
	t.is((await blob('HEAD')).headers['content-length'], String(got.text.length));
	t.is(await readFile(join(folder, 'blobs/device-files/dev1/a/b.txt'), 'utf8'), got.text);

	t.is((await blob('DELETE')).status, 401, 'the signature is for reading and writing');
	const other = path.replace('b.txt', 'c.txt');
	t.is((await blob('PUT', '', 'x', other)).status, 401);
	t.is((await blob('PUT', '', 'x', path.replace('sp=rw', 'sp=rwd'))).status, 401);

	const done = `/devices/dev1/files/notifications`;
	const told = { correlationId, isSuccess: true, statusCode: 200, statusDescription: 'done' };
	t.is((await call('POST', done, { ...told, correlationId: 'x' })).status, 400);
	t.is((await call('POST', done, told)).status, 204);
	t.is((await call('POST', done, told)).status, 400, 'once');
	const open = Array.from({ length: 11 }, (_, n) =>
		call('POST', '/devices/dev1/files', { blobName: `f${n}` }),
	);
	const refused = (await Promise.all(open)).filter(({ status }) => status !== 200);
	t.deepEqual(
		refused.map(({ status, body }) => [status, String(body['Message']).split(';')[0]]),
		[[403, 'ErrorCode:DeviceMaximumActiveFileUploadLimitExceeded']],
		'ten at a time',
	);
});
