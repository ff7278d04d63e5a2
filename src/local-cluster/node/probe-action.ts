import { spawn } from 'node:child_process';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import type { Clock } from '../../runtime/clock.ts';
import type { Container, ProbeAction } from '../workloads/pod.ts';
import type { Launch } from './container-process.ts';
import { portOnPod } from './preload/service-table.ts';
import { signalGroup } from './process-identity.ts';

/** The container that an action is done on. */
export interface ActionTarget {
	readonly container: Container;
	readonly address: string;
	/** Whether the address is the pod's own, where low ports are shifted. */
	readonly ownAddress: boolean;
	/** How the container was started: commands run in the same surroundings. */
	readonly launch: Launch;
	/** Command line of an exec action as it is on this machine. */
	readonly argvOf: (command: readonly string[]) => readonly string[];
	readonly clock: Clock;
}

/** What an action brought. The message says why it failed, as Events show it. */
export interface ActionResult {
	readonly success: boolean;
	readonly message: string;
}

const success: ActionResult = { success: true, message: '' };
/** Bytes of a command's output or a response that get into a message. */
const maxMessage = 1024;

/** Does what a probe or a lifecycle hook says: a command, a request, a connection or a pause. */
export async function runAction(
	action: ProbeAction,
	target: ActionTarget,
	timeoutMs: number,
): Promise<ActionResult> {
	if (action.exec !== undefined) return runCommand(action.exec.command, target, timeoutMs);
	if (action.httpGet !== undefined) return get(action.httpGet, target, timeoutMs);
	if (action.tcpSocket !== undefined) return connect(action.tcpSocket, target, timeoutMs);
	if (action.sleep !== undefined) await target.clock.sleep(action.sleep.seconds * 1000);
	return success;
}

async function runCommand(
	command: readonly string[],
	{ launch, argvOf, clock }: ActionTarget,
	timeoutMs: number,
): Promise<ActionResult> {
	const [file = '', ...args] = argvOf(command);
	const { promise, resolve } = Promise.withResolvers<ActionResult>();
	const child = spawn(file, args, {
		cwd: launch.workingFolder,
		env: launch.env,
		stdio: ['ignore', 'pipe', 'pipe'],
		detached: true,
	});
	let output = '';
	const collect = (chunk: Buffer) => {
		if (output.length < maxMessage) output += chunk.toString();
	};
	child.stdout.on('data', collect);
	child.stderr.on('data', collect);
	child.once('error', (error) => resolve({ success: false, message: error.message }));
	child.once('close', (code) => {
		resolve({ success: code === 0, message: output.slice(0, maxMessage) });
	});
	const timer = clock.after(timeoutMs, () => {
		if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
		resolve({ success: false, message: `command timed out: "${command.join(' ')}"` });
	});
	const result = await promise;
	timer[Symbol.dispose]();
	return result;
}

function get(
	request: NonNullable<ProbeAction['httpGet']>,
	target: ActionTarget,
	timeoutMs: number,
): Promise<ActionResult> {
	const { host, port, scheme = 'HTTP', path = '/', httpHeaders = [] } = request;
	const secure = scheme.toUpperCase() === 'HTTPS';
	const { promise, resolve } = Promise.withResolvers<ActionResult>();
	const outgoing = (secure ? https : http).get(
		{
			...addressOf(target, host, port),
			path: path.startsWith('/') ? path : `/${path}`,
			headers: {
				'user-agent': 'kube-probe/1.34',
				connection: 'close',
				...Object.fromEntries(httpHeaders.map(({ name, value }) => [name, value])),
			},
			rejectUnauthorized: false,
			agent: false,
		},
		(response) => {
			const { statusCode = 0 } = response;
			response.resume();
			const good = statusCode >= 200 && statusCode < 400;
			const message = `HTTP probe failed with statuscode: ${statusCode}`;
			resolve(good ? success : { success: false, message });
		},
	);
	const url = `${secure ? 'https' : 'http'}://${target.address}:${port}${path}`;
	outgoing.once('error', (error) => {
		resolve({ success: false, message: `Get "${url}": ${error.message}` });
	});
	const timer = target.clock.after(timeoutMs, () => outgoing.destroy(new Error('timed out')));
	return promise.finally(() => timer[Symbol.dispose]());
}

function connect(
	{ host, port }: NonNullable<ProbeAction['tcpSocket']>,
	target: ActionTarget,
	timeoutMs: number,
): Promise<ActionResult> {
	const { promise, resolve } = Promise.withResolvers<ActionResult>();
	const socket = net.connect(addressOf(target, host, port));
	socket.once('connect', () => {
		socket.destroy();
		resolve(success);
	});
	socket.once('error', (error) => resolve({ success: false, message: error.message }));
	const timer = target.clock.after(timeoutMs, () => socket.destroy(new Error('timed out')));
	return promise.finally(() => timer[Symbol.dispose]());
}

function addressOf(target: ActionTarget, host: string | undefined, port: number | string) {
	const { container, address, ownAddress } = target;
	const named = container.ports?.find(({ name }) => name === port)?.containerPort;
	const number = named ?? Number(port);
	const own = host === undefined || host === '' || host === 'localhost' || host === '127.0.0.1';
	if (!own) return { host, port: number };
	return { host: address, port: ownAddress ? portOnPod(number) : number };
}
