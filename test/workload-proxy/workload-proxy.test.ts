import { stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import type { JsonObject } from '../../src/runtime/json.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { socketIsServed } from '../../src/workload-proxy/socket-gate.ts';
import { WorkloadProxy } from '../../src/workload-proxy/workload-proxy.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';

type Handler = (request: IncomingMessage, body: string, response: ServerResponse) => void;

const path = '/modules/filter/genid/1/sign?api-version=2018-06-28';

/** A proxy in front of an agent that a test plays. */
async function setUp(t: ExecutionContext) {
	const folder = await temporaryFolder(t);
	const authority = await CertificateAuthority.create({ commonName: 'edge', days: 1 });
	const agent = { handle: (() => {}) as Handler, server: undefined as Server | undefined };
	const { certificate, privateKey } = await authority.issue({
		commonName: 'localhost',
		dnsNames: ['localhost'],
		usages: ['server'],
		days: 1,
	});
	const server = createServer(
		{ cert: certificate, key: privateKey },
		async (incoming, response) => {
			const chunks: Buffer[] = [];
			for await (const chunk of incoming) chunks.push(chunk);
			agent.handle(incoming, Buffer.concat(chunks).toString(), response);
		},
	);
	const listen = (port: number) => {
		return new Promise<void>((resolve) => server.listen(port, 'localhost', resolve));
	};
	await listen(0);
	const { port } = server.address() as AddressInfo;
	const files = { token: join(folder, 'token'), authority: join(folder, 'ca.pem') };
	await writeFile(files.token, 'token-1\n');
	await writeFile(files.authority, authority.certificate);
	const socket = join(folder, 'w.sock');
	const clock = new FakeClock();
	const proxies: WorkloadProxy[] = [];
	const newProxy = async () => {
		const proxy = new WorkloadProxy({
			socket,
			agentUri: `https://localhost:${port}/`,
			tokenFile: files.token,
			authorityFile: files.authority,
			clock,
			logger: silentLogger,
		});
		proxies.push(proxy);
		await proxy.start();
		return proxy;
	};
	const proxy = await newProxy();
	t.teardown(async () => {
		for (const one of proxies) await one.stop();
		server.closeAllConnections();
		server.close();
	});
	return { agent, files, socket, clock, proxy, newProxy, server, listen, port };
}

interface Answer {
	readonly status: number;
	readonly body: JsonObject;
}

function call(socket: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
	const { promise, resolve, reject } = Promise.withResolvers<Answer>();
	const outgoing = request(
		{ socketPath: socket, path, method: 'POST', agent: false, headers },
		async (response) => {
			let text = '';
			for await (const chunk of response) text += chunk;
			resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
		},
	);
	outgoing.on('error', reject);
	outgoing.end(body);
	return promise;
}

function answer(response: ServerResponse, status: number, body: JsonObject, headers = {}): void {
	response.writeHead(status, { 'content-type': 'application/json', ...headers });
	response.end(JSON.stringify(body));
}

test('a call reaches the agent as it came, with the token of the pod in the place of any other', async (t) => {
	const { agent, socket } = await setUp(t);
	let seen: JsonObject = {};
	agent.handle = ({ method = '', url = '', headers }, body, response) => {
		const { authorization = '', 'content-type': type = '' } = headers;
		seen = { method, url, authorization, type, body };
		answer(response, 200, { digest: 'abc' });
	};
	const type = { 'content-type': 'application/json', authorization: 'Bearer stolen' };
	t.deepEqual(await call(socket, '{"data":"AAAA"}', type), {
		status: 200,
		body: { digest: 'abc' },
	});
	t.deepEqual(seen, {
		method: 'POST',
		url: path,
		authorization: 'Bearer token-1',
		type: 'application/json',
		body: '{"data":"AAAA"}',
	});
});

test('what the agent refuses for good is refused at once', async (t) => {
	const { agent, socket } = await setUp(t);
	agent.handle = (_request, _body, response) => answer(response, 403, { message: 'no' });
	t.deepEqual(await call(socket, '{}'), { status: 403, body: { message: 'no' } });
});

test('a call waits for an agent that starts anew', async (t) => {
	const { agent, socket, clock, server, listen, port } = await setUp(t);
	agent.handle = (_request, _body, response) => answer(response, 200, { digest: 'late' });
	server.closeAllConnections();
	await new Promise((resolve) => server.close(resolve));
	const waiting = call(socket, '{}');
	await until(() => clock.pending > 0);
	await listen(port);
	await until(async () => {
		await clock.advance(1000);
		return Promise.race([waiting, undefined]);
	});
	t.deepEqual(await waiting, { status: 200, body: { digest: 'late' } });
});

test('a token that has ended is replaced by the next one of the kubelet', async (t) => {
	const { agent, socket, clock, files } = await setUp(t);
	agent.handle = ({ headers }, _body, response) => {
		const good = headers.authorization === 'Bearer token-2';
		answer(response, good ? 200 : 401, good ? { digest: 'new' } : { message: 'expired' });
	};
	const waiting = call(socket, '{}');
	await until(() => clock.pending > 0);
	await writeFile(files.token, 'token-2');
	await until(async () => {
		await clock.advance(1000);
		return Promise.race([waiting, undefined]);
	});
	t.is((await waiting).status, 200);
});

test('an agent that stays away is reported in the form of the API', async (t) => {
	const { agent, socket, clock } = await setUp(t);
	let asked = 0;
	agent.handle = (_request, _body, response) => {
		asked += 1;
		answer(response, 503, { message: 'busy' }, { 'retry-after': '20' });
	};
	const waiting = call(socket, '{}');
	await until(async () => {
		await clock.advance(1000);
		return Promise.race([waiting, undefined]);
	});
	t.deepEqual(await waiting, { status: 503, body: { message: 'busy' } });
	t.is(asked, 3);
});

test('an agent that an unknown authority has certified is not told the token', async (t) => {
	const { agent, socket, clock, files } = await setUp(t);
	let asked = 0;
	agent.handle = () => {
		asked += 1;
	};
	const other = await CertificateAuthority.create({ commonName: 'other', days: 1 });
	await writeFile(files.authority, other.certificate);
	const waiting = call(socket, '{}');
	await until(async () => {
		await clock.advance(5000);
		return Promise.race([waiting, undefined]);
	});
	t.is((await waiting).status, 503);
	t.regex(String((await waiting).body['message']), /cannot be reached/);
	t.is(asked, 0);
});

test('a request that is too large is refused without the agent', async (t) => {
	const { socket } = await setUp(t);
	t.is((await call(socket, 'x'.repeat(70_000))).status, 400);
});

test('every user may use the socket, and a socket of an earlier run is replaced', async (t) => {
	const { socket, proxy, newProxy, agent } = await setUp(t);
	t.is((await stat(socket)).mode & 0o777, 0o666);
	await proxy.stop();
	await writeFile(socket, '');
	await newProxy();
	agent.handle = (_request, _body, response) => answer(response, 200, {});
	t.is((await call(socket, '{}')).status, 200);
});

test('the gate opens when the socket is served, and not before', async (t) => {
	const { socket, proxy, newProxy, clock } = await setUp(t);
	await proxy.stop();
	const ended = new AbortController();
	let open = false;
	const gate = socketIsServed(socket, clock, ended.signal).then(() => {
		open = true;
	});
	await clock.advance(1000);
	t.false(open);
	await newProxy();
	await until(async () => {
		await clock.advance(50);
		return open;
	});
	await gate;
	t.true(open);
});
