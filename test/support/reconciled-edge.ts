import type { ExecutionContext } from 'ava';
import type { KubernetesObject } from '../../src/cluster/kubernetes-object.ts';
import type { DesiredState } from '../../src/edge-agent/agent-status.ts';
import { desiredObjects } from '../../src/edge-agent/plan/desired-object.ts';
import { makePlan } from '../../src/edge-agent/plan/plan.ts';
import { Reconciler } from '../../src/edge-agent/reconcile.ts';
import { labelValue } from '../../src/edge-agent/translation/object-name.ts';
import {
	deviceLabel,
	managedBy,
	managedByLabel,
	type TranslationPolicy,
} from '../../src/edge-agent/translation/translation.ts';
import { Uninstallation } from '../../src/edge-agent/uninstallation.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { silentLogger } from '../../src/runtime/logger.ts';
import type { ClusterUnderTest } from './cluster-under-test.ts';
import { type AuthoredDeployment, desiredStateOf, deviceId } from './edge-deployment.ts';
import { edgeNamespace } from './edge-namespace.ts';
import { recordingClient } from './recording-client.ts';
import { until } from './until.ts';

/** Value of the device label. */
export const device = labelValue(deviceId);

/** Kinds that deployments become. */
export const deployedKinds = [
	['v1', 'ServiceAccount'],
	['v1', 'Secret'],
	['v1', 'ConfigMap'],
	['v1', 'PersistentVolumeClaim'],
	['v1', 'Service'],
	['apps/v1', 'Deployment'],
	['batch/v1', 'Job'],
	['autoscaling/v2', 'HorizontalPodAutoscaler'],
	['policy/v1', 'PodDisruptionBudget'],
	['networking.k8s.io/v1', 'NetworkPolicy'],
] as const;

/** A namespace with a reconciler that has nothing but the agent's rights. */
export async function reconciledEdge(t: ExecutionContext, cluster: ClusterUnderTest) {
	const edge = await edgeNamespace(t, cluster);
	const { namespace, owner, agent, admin } = edge;
	const client = recordingClient(agent);
	const scope = { namespace, device, ownerUid: owner.uid };
	const reconcilers: Reconciler[] = [];
	let version = 0;
	t.teardown(async () => {
		for (const reconciler of reconcilers) await reconciler.stop();
	});

	/** Everything that carries the agent's labels. */
	const live = async (): Promise<KubernetesObject[]> => {
		const labelSelector = `${managedByLabel}=${managedBy},${deviceLabel}=${device}`;
		const lists = await Promise.all(
			deployedKinds.map(([apiVersion, kind]) =>
				admin.list({ apiVersion, kind, namespace, labelSelector }),
			),
		);
		return lists.flatMap(({ items }) => items);
	};
	const leftToDo = async ({ translation }: DesiredState): Promise<string[]> => {
		const desired = desiredObjects(translation, scope);
		const { stages } = makePlan({ scope, desired, actual: await live() });
		return stages.flat().map((step) => {
			if (step.kind === 'delete') return `delete ${step.live.kind} ${step.live.metadata.name}`;
			const drift = step.kind === 'repair' ? ` ${step.drift.join(' ')}` : '';
			return `${step.kind} ${step.desired.key}${drift}`;
		});
	};
	return {
		...edge,
		live,
		/** A reconciler with nothing but the agent's rights. */
		run: async (): Promise<Reconciler> => {
			const common = { client, clock: systemClock, logger: silentLogger };
			const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', namespace, name: owner.name };
			const own = { reference: deployment, object: await admin.get(deployment) };
			const uninstallation = new Uninstallation({ ...common, own });
			t.teardown(() => uninstallation.stop());
			await uninstallation.start();
			const settings = { namespace, deviceId, owner, uninstallation };
			const reconciler = new Reconciler({ ...common, ...settings });
			reconcilers.push(reconciler);
			await reconciler.start();
			return reconciler;
		},
		desire: (
			authored: AuthoredDeployment,
			policy: Partial<TranslationPolicy> = {},
		): DesiredState => {
			version += 1;
			const state = desiredStateOf(authored, { namespace, owner }, { version, policy });
			reconcilers.at(-1)?.setDesired(state);
			return state;
		},
		writes: (): string[] => client.writes.splice(0),
		/** Waits until a plan made of fresh lists is empty, but for creating what is in `refused`. */
		converged: async (state: DesiredState, refused: readonly string[] = []): Promise<void> => {
			let left: string[] = [];
			const expected = refused.map((key) => `create ${key}`);
			const isDone = async () => {
				await reconcilers.at(-1)?.idle();
				left = (await leftToDo(state)).filter((step) => !expected.includes(step));
				return left.length === 0;
			};
			const explain = () => `${left.join('; ')}. ${reconcilers.at(-1)?.status().description}`;
			await until(isDone, explain);
		},
	};
}
