import { type Identity, identityKey } from '../../protocol/identity.ts';
import { diff, sameJson } from '../../protocol/twin.ts';
import type { JsonObject } from '../../runtime/json.ts';
import type { HubSurroundings } from '../hub-surroundings.ts';
import { evaluate } from '../query/evaluate.ts';
import type { Expression } from '../query/query-syntax.ts';
import { StoredJson } from '../stored-json.ts';
import { hubTwinDocument, type TwinSources } from '../twin/hub-twin-document.ts';
import { newTwin, setDesired } from '../twin/twin.ts';
import { type Configuration, contentOf, kindOf } from './configuration.ts';
import { deploymentLayers, deviceLayers, type Layers } from './configuration-layers.ts';
import { withSections } from './desired-section.ts';
import type { ConfigurationKind } from './target-condition.ts';
import { parseTargetCondition } from './target-condition.ts';

type ConfiguredHub = TwinSources & Pick<HubSurroundings, 'store'>;

/** `Targeted` is what matches; `Applied` what has an effect, too. */
export type ConfigurationStatus = 'Targeted' | 'Applied';

type Statuses = Record<string, { readonly status: ConfigurationStatus }>;

/** Brings devices and modules to what the configurations that match them say. */
export class AutomaticConfiguration {
	readonly #hub: ConfiguredHub;
	/**
	 * What configurations have made of an identity last. Others may change its twin afterwards; only
	 * another outcome of the configurations changes it back.
	 */
	readonly #outcomes: StoredJson<JsonObject>;
	readonly #statuses = new Map<string, Statuses>();

	constructor(hub: ConfiguredHub) {
		this.#hub = hub;
		this.#outcomes = new StoredJson(hub.store, 'configuration-outcomes');
	}

	statusOf(identity: Identity): Statuses {
		return this.#statuses.get(identityKey(identity)) ?? {};
	}

	forget(identity: Identity): void {
		this.#statuses.delete(identityKey(identity));
		this.#outcomes.delete(identityKey(identity));
		this.#outcomes.delete(deploymentKey(identity.deviceId));
	}

	/** Tries the content on an empty twin. @throws IotHubError ArgumentInvalid */
	requireAcceptable({ content }: Configuration): void {
		for (const sections of contentOf(content).values()) {
			setDesired(newTwin(''), withSections({}, sections), '');
		}
	}

	/**
	 * @param configurations all of the hub
	 * @throws IotHubError when a twin does not take what it should become
	 */
	apply(deviceId: string, configurations: readonly Configuration[]): void {
		const device = hubTwinDocument(this.#hub, { deviceId });
		const { capabilities } = this.#hub.registry.device(deviceId);
		const edge = capabilities.iotEdge ? targeting(configurations, 'modulesContent', device) : [];
		const own = targeting(configurations, 'deviceContent', device);
		const deployment = deploymentLayers(edge);
		const layers = deviceLayers(own);
		const agent = { deviceId, moduleId: '$edgeAgent' };
		const deployed = statusesOf(edge, deployment);
		this.#setStatuses({ deviceId }, { ...deployed, ...statusesOf(own, layers) });
		if (edge.length > 0) this.#deploy(deviceId, deployment);
		else this.#outcomes.delete(deploymentKey(deviceId));
		this.#configure({ deviceId }, layers);
		for (const { moduleId } of this.#hub.registry.modules(deviceId)) {
			const module = { deviceId, moduleId };
			const matching = this.#moduleTargeting(module, configurations);
			const moduleLayers = deviceLayers(matching);
			const others = moduleId === agent.moduleId ? deployed : {};
			this.#setStatuses(module, { ...others, ...statusesOf(matching, moduleLayers) });
			this.#configure(module, moduleLayers);
		}
	}

	/** The twin of a module is read only where a configuration asks for modules. */
	#moduleTargeting(
		module: Identity,
		configurations: readonly Configuration[],
	): readonly Configuration[] {
		if (!configurations.some(({ content }) => kindOf(content) === 'moduleContent')) return [];
		return targeting(configurations, 'moduleContent', hubTwinDocument(this.#hub, module));
	}

	#setStatuses(identity: Identity, statuses: Statuses): void {
		if (Object.keys(statuses).length === 0) this.#statuses.delete(identityKey(identity));
		else this.#statuses.set(identityKey(identity), statuses);
	}

	/** Modules that are missing are made; those that no layer names any more are left to the agent. */
	#deploy(deviceId: string, { sections }: Layers): void {
		const wanted = new Map(
			[...sections].map(([moduleId, layers]) => [moduleId, withSections({}, layers)]),
		);
		if (!this.#isNew(deploymentKey(deviceId), Object.fromEntries(wanted))) return;
		const changes = new Map<string, { identity: Identity; values: JsonObject }>();
		for (const [moduleId, values] of wanted) {
			const identity = { deviceId, moduleId };
			if (this.#hub.registry.findModule(identity) === undefined) {
				this.#hub.registry.putModule(identity, { managedBy: 'IotEdge' });
			}
			const { desired } = this.#hub.twins.get(identity);
			if (!sameJson(desired.values, values)) changes.set(moduleId, { identity, values });
		}
		this.#hub.twins.setDesired(changes);
		this.#outcomes.set(deploymentKey(deviceId), Object.fromEntries(wanted));
	}

	#configure(identity: Identity, { sections }: Layers): void {
		const own = sections.get('') ?? [];
		const key = identityKey(identity);
		if (own.length === 0) {
			this.#outcomes.delete(key);
			return;
		}
		const outcome = { sections: own.map(({ path, value }) => ({ path: [...path], value })) };
		if (!this.#isNew(key, outcome)) return;
		const { desired } = this.#hub.twins.get(identity);
		const patch = diff(desired.values, withSections(desired.values, own));
		if (Object.keys(patch).length > 0) {
			this.#hub.twins.patch(identity, { properties: { desired: patch } });
		}
		this.#outcomes.set(key, outcome);
	}

	#isNew(key: string, outcome: JsonObject): boolean {
		const last = this.#outcomes.get(key);
		return last === undefined || !sameJson(last, outcome);
	}
}

/** Identity keys have one slash at most. */
function deploymentKey(deviceId: string): string {
	return `${deviceId}//deployment`;
}

function targeting(
	configurations: readonly Configuration[],
	kind: ConfigurationKind,
	twin: JsonObject,
): Configuration[] {
	return configurations.filter((configuration) => {
		const target = targetOf(configuration);
		return target.kind === kind && evaluate(target.condition, twin) === true;
	});
}

interface Target {
	readonly kind: ConfigurationKind;
	readonly condition: Expression;
}

const targets = new WeakMap<Configuration, Target>();

/** Read once for each configuration, not for each device. */
function targetOf(configuration: Configuration): Target {
	const known = targets.get(configuration);
	if (known !== undefined) return known;
	const { content, targetCondition } = configuration;
	const kind = kindOf(content);
	const condition: Expression =
		targetCondition === ''
			? { kind: 'literal', value: false }
			: parseTargetCondition(targetCondition, kind);
	const target = { kind, condition };
	targets.set(configuration, target);
	return target;
}

function statusesOf(configurations: readonly Configuration[], { applied }: Layers): Statuses {
	return Object.fromEntries(
		configurations.map(({ id }) => [
			id,
			{ status: applied.has(id) ? ('Applied' as const) : ('Targeted' as const) },
		]),
	);
}
