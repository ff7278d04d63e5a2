import type { ExecutionContext, TestFn } from 'ava';
import type { ClusterClient } from '../../src/cluster/cluster-client.ts';
import type { EdgeAgent } from '../../src/edge-agent/agent.ts';
import {
	managedBy,
	managedByLabel,
	moduleLabel,
} from '../../src/edge-agent/translation/translation.ts';
import type { Clock } from '../../src/runtime/clock.ts';
import { isJsonObject } from '../../src/runtime/json.ts';
import { AgentWorld } from '../support/agent-world.ts';
import type { AuthoredDeployment } from '../support/edge-deployment.ts';
import type { FakeRegistry } from '../support/fake-registry.ts';
import { AgentLife, type Death } from '../support/mortal-agent.ts';
import { deployedKinds } from '../support/reconciled-edge.ts';
import { until } from '../support/until.ts';
import { WorkloadHistory, withoutIndividual } from '../support/workload-history.ts';

/** A cluster for one agent after another. */
export interface CrashSite {
	/** With the agent's rights. */
	readonly agent: ClusterClient;
	readonly admin: ClusterClient;
	readonly namespace: string;
	readonly registry: FakeRegistry;
	readonly clock: Clock;
	/** Lets time pass where it does not pass by itself. */
	readonly pass: () => Promise<void>;
}

/** What an agent can be killed in. */
export interface Rollout {
	/** What is deployed already; absent: nothing is. */
	readonly from?: AuthoredDeployment;
	readonly to: AuthoredDeployment;
}

const exposed = { createOptions: { ExposedPorts: { '80/tcp': {} } } };
const old: AuthoredDeployment = {
	modules: { steady: exposed, changed: {}, removed: exposed, turned: {} },
};
/** A module of every fate, and an object of every kind that comes and goes with them. */
const update: Rollout = {
	from: old,
	to: {
		registryCredentials: {
			other: { address: 'other.azurecr.io', username: 'puller', password: 'secret' },
		},
		modules: {
			steady: exposed,
			changed: { image: 'example.azurecr.io/m:2' },
			turned: { restartPolicy: 'on-failure' },
			added: {
				image: 'other.azurecr.io/m:1',
				createOptions: {
					HostConfig: { Binds: ['data:/data'] },
					'k8s-extensions': { workloadApi: { mode: 'sidecar' } },
				},
			},
		},
	},
};

/** Rollouts in which agents are killed. */
export const rollouts: Readonly<Record<string, Rollout>> = {
	'the first deployment': { to: old },
	'an update': update,
};

/**
 * That it does not matter when an agent dies: before and after each of its writes, to the cluster and
 * to IoT Hub, another one takes over, and everything ends as if nothing had happened.
 *
 * @param open a cluster in which `from` is deployed and no agent runs.
 * @param atOnce how many rollouts run at a time.
 */
export function testAgentCrashes(
	test: TestFn,
	title: string,
	open: (t: ExecutionContext, rollout: Rollout) => Promise<CrashSite>,
	atOnce: number,
): void {
	for (const [name, rollout] of Object.entries(rollouts)) {
		test(`${title}: an agent may be killed at any write of ${name}`, async (t) => {
			t.timeout(600_000);
			const undisturbed = await outcomeOf(await open(t, rollout), rollout);
			t.deepEqual(undisturbed.faults, []);
			const deaths = undisturbed.writes.flatMap((_, write): Death[] => {
				return [
					{ write, moment: 'before' },
					{ write, moment: 'after' },
				];
			});
			t.log(`${undisturbed.writes.length} writes`);
			const faults: string[] = [];
			const queue = deaths.values();
			const worker = async () => {
				for (const death of queue) {
					const outcome = await outcomeOf(await open(t, rollout), rollout, death);
					const found = [...outcome.faults, ...differences(outcome, undisturbed)];
					const when = `${death.moment} "${outcome.writes.at(-1)}"`;
					faults.push(...found.map((fault) => `killed ${when}: ${fault}`));
				}
			};
			await Promise.all(Array.from({ length: atOnce }, worker));
			t.deepEqual(faults, []);
		});
	}
}

interface Outcome {
	/** Of the agent that was killed, or of the only one. */
	readonly writes: readonly string[];
	/** Everything that the agents have made, by kind and name. */
	readonly objects: ReadonlyMap<string, string>;
	/** Modules in IoT Hub, with their generation. */
	readonly identities: readonly string[];
	/** What no agent may do, whatever happens to it. */
	readonly faults: readonly string[];
}

async function outcomeOf(
	{ agent: cluster, admin, namespace, registry, clock, pass }: CrashSite,
	{ from, to }: Rollout,
	death?: Death,
): Promise<Outcome> {
	const world = new AgentWorld({ cluster, namespace, clock, registry });
	if (from !== undefined) world.deploy(from);
	world.deploy(to);
	const isDone = (agent: EdgeAgent) => {
		const { lastDesiredVersion, lastDesiredStatus } = world.twin.reported;
		const reported = isJsonObject(lastDesiredStatus) && lastDesiredStatus['code'] === 200;
		return (
			agent.status?.code === 200 &&
			reported &&
			registry.entries.size === Object.keys(to.modules).length + 2 &&
			lastDesiredVersion === world.twin.desired['$version']
		);
	};
	const end = async (agent: EdgeAgent, isEnd: () => boolean) => {
		const started = agent.start().catch(() => {});
		await until(
			async () => {
				await pass();
				return isEnd();
			},
			() => `the end of the rollout: ${agent.status?.code} ${agent.status?.description}`,
		);
		await agent.stop({ report: false });
		await started;
	};
	await using history = await WorkloadHistory.begin(admin, namespace);
	const life = new AgentLife(death);
	const first = await world.agent(life.intercept);
	await end(first, () => life.isOver || isDone(first));
	if (death !== undefined) {
		const second = await world.agent();
		await end(second, () => isDone(second));
	}
	const identities = [...registry.entries.values()].map(({ identity, generationId }) => {
		return `${identity.moduleId} ${generationId}`;
	});
	const objects = await objectsOf(admin, namespace);
	const unchanged = ['edgehub', 'steady', 'changed'].filter(() => from !== undefined);
	return {
		writes: life.writes,
		objects,
		identities: identities.sort(),
		faults: await history.faults(unchanged, { changed: 1 }),
	};
}

function differences(one: Outcome, other: Outcome): string[] {
	const names = new Set([...one.objects.keys(), ...other.objects.keys()]);
	const objects = [...names].filter((name) => one.objects.get(name) !== other.objects.get(name));
	const same = JSON.stringify(one.identities) === JSON.stringify(other.identities);
	return [
		...objects.map((name) => {
			return `${name} is ${one.objects.get(name) ?? 'missing'}, not ${other.objects.get(name) ?? 'missing'}`;
		}),
		...(same ? [] : [`the identities are ${one.identities.join(', ')}`]),
	];
}

async function objectsOf(
	admin: ClusterClient,
	namespace: string,
): Promise<ReadonlyMap<string, string>> {
	const labelSelector = `${managedByLabel}=${managedBy}`;
	const lists = await Promise.all(
		deployedKinds.map(([apiVersion, kind]) =>
			admin.list({ apiVersion, kind, namespace, labelSelector }),
		),
	);
	const objects = lists.flatMap(({ items }) => items);
	return new Map(
		objects.map(({ apiVersion: _, kind, metadata, status: __, ...rest }) => {
			const { labels, annotations } = metadata;
			const text = JSON.stringify(withoutIndividual({ labels, annotations, ...rest } as never));
			const module = labels?.[moduleLabel] ?? '';
			return [`${kind} ${metadata.name} ${module}`, text.replaceAll(namespace, 'edge')];
		}),
	);
}
