import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import test from 'ava';
import { CertificateAuthority } from '../../src/certificates/certificate-authority.ts';
import { sdkPortPreload } from '../../src/iot-hub-emulator/environment-file.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const run = promisify(execFile);

/** Runs connections in a process with the preload; each prints one line. */
const script = `
import https from 'node:https';
import { connect } from 'node:tls';
const port = Number(process.argv[1]);
const agent = new https.Agent({ keepAlive: true });
const get = (options) => new Promise((resolve) => {
	const request = https.get({ path: '/', agent, ...options }, (response) => {
		response.setEncoding('utf8').on('data', resolve);
	});
	request.on('error', (error) => resolve(error.code));
});
const open = (...args) => new Promise((resolve) => {
	const socket = connect(...args, () => { resolve(String(socket.servername || 'none')); socket.end(); });
	socket.on('error', (error) => resolve(error.code));
});
console.log(await get({ host: 'localhost:' + port }));
console.log(await get({ host: 'localhost:' + port }));
console.log(await get({ host: 'localhost', port }));
console.log(await get({ host: '127.0.0.1:' + port }));
console.log(await open({ host: 'localhost', port, servername: 'localhost' }));
console.log(await open(port, 'localhost', { servername: 'localhost' }));
console.log(await open({ host: 'localhost:' + port, port: 443, servername: 'other.test' }));
agent.destroy();
`;

test('a host name with a port leads to the port, everything else stays as it was', async (t) => {
	const authority = await CertificateAuthority.create({ commonName: 'test', days: 1 });
	const { certificate, privateKey } = await authority.issue({
		commonName: 'localhost',
		dnsNames: ['localhost'],
		usages: ['server'],
		days: 1,
	});
	let connections = 0;
	const server = createServer({ cert: certificate, key: privateKey }, (request, response) =>
		response.end(`${request.headers.host} ${connections}`),
	);
	server.on('secureConnection', () => {
		connections += 1;
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.teardown(() => server.close());
	const { port } = server.address() as AddressInfo;
	const caFile = join(await temporaryFolder(t), 'ca.pem');
	await writeFile(caFile, authority.certificate);

	const { stdout } = await run(
		process.execPath,
		['--import', sdkPortPreload(), '--input-type=module', '--eval', script, '--', String(port)],
		{ env: { ...process.env, NODE_EXTRA_CA_CERTS: caFile, NODE_OPTIONS: '' } },
	);
	t.deepEqual(stdout.trimEnd().split('\n'), [
		`localhost:${port} 1`,
		`localhost:${port} 1`,
		`localhost:${port} 2`,
		'ERR_TLS_CERT_ALTNAME_INVALID',
		'localhost',
		'localhost',
		'ERR_TLS_CERT_ALTNAME_INVALID',
	]);
});

/** Prints what URLs become in a process with the preload, by both of Node's parsers. */
const urlScript = `
import { parse, URL as Url } from 'node:url';
import { createRequire } from 'node:module';
const required = createRequire(import.meta.url)('url');
const link = 'wss://localhost:41234:443/$iothub/websocket';
console.log(parse(link).host, parse(link).path);
console.log(new Url(link).href, new required.URL(link).href);
console.log(parse('wss://hub.test:443/a').host, new Url('https://hub.test:8443/b?c').href);
console.log(new Url('../x', 'wss://hub.test/y/z').href, Url.canParse('none'), link instanceof Url);
console.log(new Url(link) instanceof URL);
`;

test('a URL with two ports has the one that was meant, every other URL stays as it was', async (t) => {
	const { stdout, stderr } = await run(
		process.execPath,
		['--import', sdkPortPreload(), '--input-type=module', '--eval', urlScript],
		{ env: { ...process.env, NODE_OPTIONS: '' } },
	);
	t.deepEqual(stdout.trimEnd().split('\n'), [
		'localhost:41234 /$iothub/websocket',
		'wss://localhost:41234/$iothub/websocket wss://localhost:41234/$iothub/websocket',
		'hub.test:443 https://hub.test:8443/b?c',
		'wss://hub.test/x false false',
		'true',
	]);
	t.is(stderr, '');
});
