import test from 'ava';
import type {
	LogPod,
	PodLogQuery,
	PodLogSource,
} from '../../../src/local-cluster/api-server/pod-log-source.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { podOf, startApiServer } from '../../support/kubernetes-requests.ts';

const pods = '/api/v1/namespaces/default/pods';

/** Gives lines when a test says so, and remembers what it was asked. */
class ScriptedLogs implements PodLogSource {
	readonly asked: { pod: LogPod; container: string; query: PodLogQuery }[] = [];
	readonly lines: string[] = [];
	ended = false;
	fault: Error | undefined;
	#wake: () => void = () => {};

	write(line: string): void {
		this.lines.push(line);
		this.#wake();
	}

	async *read(pod: LogPod, container: string, query: PodLogQuery, signal: AbortSignal) {
		this.asked.push({ pod, container, query });
		if (this.fault !== undefined) throw this.fault;
		try {
			for (;;) {
				for (const line of this.lines.splice(0)) yield Buffer.from(line);
				if (!query.follow || signal.aborted) return;
				await new Promise<void>((resolve) => {
					this.#wake = resolve;
					signal.addEventListener('abort', () => resolve(), { once: true });
				});
			}
		} finally {
			this.ended = true;
		}
	}
}

test('a log is asked for with everything that the client said', async (t) => {
	const clock = new FakeClock(Date.parse('2026-01-01T00:01:00Z'));
	const podLogs = new ScriptedLogs();
	const api = await startApiServer(t, { podLogs, clock });
	const { body } = await api.post(pods, podOf('p', { nodeName: 'n' }));
	podLogs.write('one\n');
	podLogs.write('two\n');
	const query =
		'container=main&tailLines=5&sinceSeconds=60&timestamps=true&previous=true&limitBytes=99';
	const { text, headers } = await api.get(`${pods}/p/log?${query}`);
	t.is(text, 'one\ntwo\n');
	t.is(headers['content-type'], 'text/plain');
	t.deepEqual(podLogs.asked, [
		{
			pod: { namespace: 'default', name: 'p', uid: body.metadata.uid },
			container: 'main',
			query: {
				follow: false,
				previous: true,
				timestamps: true,
				tailLines: 5,
				sinceTime: Date.parse('2026-01-01T00:00:00Z'),
				limitBytes: 99,
			},
		},
	]);
	await api.get(`${pods}/p/log?sinceTime=2026-01-01T00:00:30Z`);
	t.is(podLogs.asked[1]?.query.sinceTime, Date.parse('2026-01-01T00:00:30Z'));
});

test('a log is followed line by line until the client goes away', async (t) => {
	const podLogs = new ScriptedLogs();
	const api = await startApiServer(t, { podLogs });
	await api.post(pods, podOf('p', { nodeName: 'n' }));
	const response = await api.open('GET', `${pods}/p/log?follow=true`);
	const chunks = response[Symbol.asyncIterator]();
	podLogs.write('one\n');
	t.is(String((await chunks.next()).value), 'one\n');
	podLogs.write('two\n');
	t.is(String((await chunks.next()).value), 'two\n');
	response.destroy();
	while (!podLogs.ended) await api.get('/healthz');
	t.true(podLogs.ended);
});

test('which container must be clear', async (t) => {
	const api = await startApiServer(t, { podLogs: new ScriptedLogs() });
	const containers = ['a', 'b'].map((name) => ({ name, image: 'i' }));
	await api.post(pods, podOf('p', { nodeName: 'n', containers }));
	const unclear = await api.get(`${pods}/p/log`);
	t.is(unclear.code, 400);
	t.is(unclear.body.message, 'a container name must be specified for pod p, choose one of: [a b]');
	t.is((await api.get(`${pods}/p/log?container=c`)).code, 400);
	t.is((await api.get(`${pods}/p/log?container=b`)).code, 200);
	t.is((await api.get(`${pods}/none/log`)).code, 404);
});

test('a log that cannot be had is a sentence, and a pod without a node has none yet', async (t) => {
	const podLogs = new ScriptedLogs();
	const api = await startApiServer(t, { podLogs });
	podLogs.fault = new Error('previous terminated container "main" in pod "p" not found');
	await api.post(pods, podOf('p', { nodeName: 'n' }));
	await api.post(pods, podOf('q'));
	const refused = await api.get(`${pods}/p/log?previous=true`);
	t.is(refused.code, 400);
	t.regex(refused.body.message, /previous terminated container/);
	t.deepEqual([(await api.get(`${pods}/q/log`)).code, podLogs.asked.length], [200, 1]);
});
