import test from 'ava';
import { InstalledEdge, podPatience, restartsOf } from '../support/installed-edge.ts';
import { RealNode } from '../support/real-node.ts';
import { until } from '../support/until.ts';

const image = 'iotedge-k8s/temperature-filter:1.0';

/** Says which of its replicas answers. */
const serverCode = `
const { hostname } = require('node:os');
require('node:http').createServer((_, response) => response.end(hostname())).listen(8080);
`;

/** Notes who answers at the Service of the server, and what it may have signed for whom. */
const callerCode = `
const { get, request } = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');
const { IOTEDGE_WORKLOADURI, IOTEDGE_MODULEID, IOTEDGE_MODULEGENERATIONID } = process.env;
const answer = (sent) => new Promise((resolve) => {
	sent.on('error', (error) => resolve({ text: error.code }));
	sent.on('response', async (response) => {
		const text = (await response.setEncoding('utf8').toArray()).join('');
		resolve({ status: response.statusCode, text });
	});
});
const sign = (module) => {
	const path = 'modules/' + module + '/genid/' + IOTEDGE_MODULEGENERATIONID + '/sign?api-version=2022-08-03';
	const { protocol, hostname, port, pathname } = new URL(IOTEDGE_WORKLOADURI);
	const where = protocol === 'unix:' ? { socketPath: pathname } : { hostname, port };
	const sent = request({ ...where, path: '/' + path, method: 'POST', agent: false });
	sent.end(JSON.stringify({ keyId: 'primary', algo: 'HMACSHA256', data: 'ZGF0YQ==' }));
	return answer(sent);
};
(async () => {
	for (;;) {
		console.log('signed', (await sign(IOTEDGE_MODULEID)).status, (await sign('temperature-filter')).status);
		for (let call = 0; call < 20; call += 1) {
			console.log('answered', (await answer(get('http://server:8080/', { agent: false }))).text);
			await sleep(20);
		}
		await sleep(1000);
	}
})();
`;

const modules = {
	server: {
		image,
		createOptions: {
			Entrypoint: ['node', '-e', serverCode],
			ExposedPorts: { '8080/tcp': {} },
			'k8s-extensions': { replicas: 3 },
		},
	},
	caller: { image, createOptions: { Entrypoint: ['node', '-e', callerCode] } },
	guarded: {
		image,
		createOptions: {
			Entrypoint: ['node', '-e', callerCode],
			'k8s-extensions': { workloadApi: { mode: 'sidecar' } },
		},
	},
} as const;

let node: RealNode;
let edge: InstalledEdge;

test.before(async (t) => {
	t.timeout(600_000);
	node = await RealNode.start();
	edge = await InstalledEdge.install(node, modules);
});

test.after('the agent was refused nothing', async (t) => {
	t.deepEqual(await node.refusedRequests(), []);
});

test.after.always(async () => {
	await edge?.[Symbol.asyncDispose]();
	await node?.[Symbol.asyncDispose]();
});

/** The words after a word at the start of lines that a module has written. */
async function linesOf(module: string, word: string): Promise<string[]> {
	const request = { items: [{ id: module, filter: {} }], contentType: 'text' };
	const { payload } = await edge.invoke('GetModuleLogs', request);
	const [log] = payload as { payload: string }[];
	return (log?.payload ?? '')
		.split('\n')
		.flatMap((line) =>
			line.includes(`${word} `) ? [line.split(`${word} `)[1]?.trim() ?? ''] : [],
		);
}

test.serial('modules run in containers, and their messages reach IoT Hub', async (t) => {
	for (const module of ['edgeHub', 'SimulatedTemperatureSensor', 'temperature-filter']) {
		await edge.reported(module, 'running');
	}
	await edge.receives('temperature-filter', 3);
	t.pass();
});

for (const [module, knownBy] of [
	['caller', 'the address of its pod'],
	['guarded', 'the token of its sidecar'],
] as const) {
	test.serial(
		`a module known by ${knownBy} gets signatures for itself, and for nobody else`,
		async (t) => {
			await edge.readyPods(module);
			const signed = await until(
				async () => {
					const lines = await linesOf(module, 'signed');
					return lines.some((line) => line.startsWith('200')) && lines;
				},
				'a signature',
				podPatience,
			);
			t.true(signed.includes('200 403'));
			t.false(signed.some((line) => line.endsWith(' 200')));
		},
	);
}

test.serial('a Service balances over three replicas', async (t) => {
	const pods = await edge.readyPods('server', 3);
	const names = pods.map(({ metadata }) => metadata.name).sort();
	await until(
		async () => {
			const answers = new Set(await linesOf('caller', 'answered'));
			return names.every((name) => answers.has(name));
		},
		'answers of all replicas',
		podPatience,
	);
	t.is(new Set(names).size, 3);
});

test.serial(
	'a module whose process is killed is restarted in its pod, and reported so',
	async (t) => {
		const [pod] = await edge.readyPods('SimulatedTemperatureSensor');
		if (pod === undefined) throw new Error('There is no pod.');
		await node.killProcesses(pod);
		const restarted = await until(
			async () => {
				const [now] = await edge.podsOf('SimulatedTemperatureSensor');
				return now !== undefined && restartsOf(now) > 0 && now;
			},
			'a restart',
			podPatience,
		);
		t.is(restarted.metadata.uid, pod.metadata.uid);
		await edge.receives('temperature-filter', 3);
		await until(
			async () => {
				const report = await edge.reported('SimulatedTemperatureSensor', 'running');
				return Number(report['restartCount']) > 0;
			},
			'a report of the restart',
			podPatience,
		);
	},
);

test.serial('what somebody changes or deletes comes back', async (t) => {
	const { admin, namespace } = edge;
	const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: 'server' };
	const service = { apiVersion: 'v1', kind: 'Service', namespace, name: 'server' };
	await admin.delete(service);
	await admin.patch(deployment, { spec: { replicas: 1 } });
	const replicas = async () => (await admin.get(deployment))?.spec?.['replicas'];
	await until(async () => (await replicas()) === 3, 'three replicas', podPatience);
	await until(() => admin.get(service), 'the Service', podPatience);
	await edge.readyPods('server', 3);
	await admin.delete(deployment);
	await edge.readyPods('server', 3);
	await edge.reported('server', 'running');
	t.pass();
});

test.serial('a module that is to be stopped has no pod until it is to run again', async (t) => {
	await edge.deploy({ ...modules, server: { ...modules.server, status: 'stopped' } });
	await edge.reported('server', 'stopped');
	await until(async () => (await edge.podsOf('server')).length === 0, 'no pod', podPatience);
	await edge.deploy(modules);
	await edge.readyPods('server', 3);
	await edge.reported('server', 'running');
	t.pass();
});

test.serial('RestartModule gives a module a new pod', async (t) => {
	const [pod] = await edge.readyPods('caller');
	t.is((await edge.invoke('RestartModule', { id: 'caller' }))['status'], 200);
	const next = await until(
		async () => {
			const pods = await edge.podsOf('caller');
			return pods.find(({ metadata }) => metadata.uid !== pod?.metadata.uid);
		},
		'another pod',
		podPatience,
	);
	t.truthy(next);
	await edge.readyPods('caller');
});

test.serial('a kubelet that restarts leaves modules running', async (t) => {
	const all = ['SimulatedTemperatureSensor', 'temperature-filter', 'edgehub'];
	const before = await edge.lives(...all);
	await node.restartKubelet();
	await edge.receives('temperature-filter', 3);
	t.deepEqual(await edge.lives(...all), before);
});
