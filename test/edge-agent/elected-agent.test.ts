import test from 'ava';
import type { Leadership } from '../../src/cluster/leader-election.ts';
import { agentFault } from '../../src/edge-agent/agent-health.ts';
import { type AgentOfATerm, ElectedAgent } from '../../src/edge-agent/elected-agent.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import { FakeClock } from '../support/fake-clock.ts';

function setUp() {
	const news: string[] = [];
	const waiting: ((leadership: Leadership) => void)[] = [];
	let starts: () => Promise<void> = async () => {};
	let uninstall = () => {};
	const clock = new FakeClock();
	const agent = new ElectedAgent({
		election: {
			acquire: (signal) =>
				new Promise((resolve, reject) => {
					waiting.push(resolve);
					signal.addEventListener('abort', () => reject(signal.reason));
				}),
		},
		createAgent: (onUninstallation): AgentOfATerm => {
			uninstall = onUninstallation;
			return {
				start: () => {
					news.push('start');
					return starts();
				},
				stop: async ({ report = true } = {}) => void news.push(report ? 'stop' : 'stop silently'),
				fault: undefined,
				ready: true,
				progress: undefined,
			};
		},
		clock,
		logger: silentLogger,
	});
	const elect = async () => {
		const lost = new AbortController();
		await clock.advance(0);
		waiting.shift()?.({
			lost: lost.signal,
			release: async () => void news.push('release'),
			abandon: () => void news.push('abandon'),
		});
		await clock.advance(0);
		return () => lost.abort();
	};
	const startWith = (start: typeof starts) => {
		starts = start;
	};
	return { agent, news, elect, clock, startWith, uninstall: () => uninstall() };
}

test('an agent acts while it leads, and hands over when it goes', async (t) => {
	const { agent, news, elect } = setUp();
	const started = agent.start();
	t.false(agent.ready);
	await elect();
	await started;
	t.true(agent.ready);
	await agent.stop();
	t.false(agent.ready);
	t.deepEqual(news, ['start', 'stop', 'release']);
});

test('an agent that has lost the leadership says nothing to IoT Hub and stands again', async (t) => {
	const { agent, news, elect, clock } = setUp();
	const started = agent.start();
	const lose = await elect();
	await started;
	lose();
	await clock.advance(0);
	t.false(agent.ready);
	await elect();
	t.true(agent.ready);
	await agent.stop();
	t.deepEqual(news, ['start', 'stop silently', 'release', 'start', 'stop', 'release']);
});

test('an agent that is uninstalled lets its Lease run out, and serves modules until it is ended', async (t) => {
	const { agent, news, elect, uninstall } = setUp();
	const started = agent.start();
	await elect();
	await started;
	uninstall();
	t.deepEqual(news, ['start', 'abandon']);
	t.true(agent.ready);
	await agent.stop();
});

test('an agent that never leads can be stopped', async (t) => {
	const { agent, news } = setUp();
	const started = agent.start();
	await agent.stop();
	await started;
	t.deepEqual(news, []);
});

test('a start that takes for ever can be stopped', async (t) => {
	const { agent, news, elect, startWith } = setUp();
	startWith(() => new Promise(() => {}));
	const started = agent.start();
	await elect();
	await agent.stop();
	await started;
	t.deepEqual(news, ['start', 'stop', 'release']);
});

test('a first start that fails is told, a later one is repeated', async (t) => {
	const first = setUp();
	first.startWith(async () => {
		throw new Error('the port is taken');
	});
	const failed = t.throwsAsync(first.agent.start(), { message: 'the port is taken' });
	await first.elect();
	await failed;
	const { agent, elect, clock, startWith } = setUp();
	const started = agent.start();
	const lose = await elect();
	await started;
	startWith(async () => {
		throw new Error('not now');
	});
	lose();
	await elect();
	t.false(agent.ready);
	startWith(async () => {});
	await clock.advance(60_000);
	await elect();
	t.true(agent.ready);
	await agent.stop();
});

const minute = 60_000;
const healths: [idleness: number, lag: number, fault: RegExp | undefined][] = [
	[0, 0, undefined],
	[14 * minute, 14 * minute, undefined],
	[16 * minute, 0, /watch.*960 s/],
	[0, 16 * minute, /loop.*960 s/],
];

for (const [idleness, lag, fault] of healths) {
	test(`an agent idle for ${idleness} ms and late by ${lag} ms is ${fault ? 'ill' : 'well'}`, (t) => {
		const found = agentFault({ idleness, lag }, 15 * minute);
		if (fault === undefined) t.is(found, undefined);
		else t.regex(`${found}`, fault);
	});
}
