import { type KubernetesObject, referenceOf } from '../../cluster/kubernetes-object.ts';
import type { Deployment, ModuleDeployment } from '../../manifest/deployment.ts';
import { memberPath } from '../../manifest/json-path.ts';
import { moduleIdOf } from '../../manifest/module-name.ts';
import { type ClaimOptions, claimObject, claimOptions, isExclusive } from './claim.ts';
import { CreateOptions } from './create-options.ts';
import { hubContainer, hubOptions, hubPorts, hubVolumes } from './edge-hub-pod.ts';
import { Extension } from './extension.ts';
import { extensionVolumes } from './extension-volumes.ts';
import { metadataOf } from './module-metadata.ts';
import { type MountRequest, readMounts } from './module-mounts.ts';
import { authoredContainer, modulePod } from './module-pod.ts';
import { readPorts } from './module-ports.ts';
import { ModuleProblems } from './module-problems.ts';
import { hubClaimName, isEdgeHub, type ModuleScope, reservedNames } from './module-scope.ts';
import { moduleServices } from './module-service.ts';
import { podVolumes } from './module-volumes.ts';
import { allowPolicy, denyPolicy } from './network-policy.ts';
import { moduleNaming, uniqueNames, volumeNaming } from './object-name.ts';
import { hostNamespaces } from './pod-settings.ts';
import { credentialFor, pullSecret } from './pull-secret.ts';
import { scalingObjects } from './scaling.ts';
import type {
	ModuleTranslation,
	Translation,
	TranslationContext,
	TranslationPolicy,
} from './translation.ts';
import { workload } from './workload.ts';
import { trustBundle, usesSidecar } from './workload-sidecar.ts';

/** Kinds in the order in which they must exist. */
const kindOrder = [
	'PersistentVolumeClaim',
	'Secret',
	'ConfigMap',
	'NetworkPolicy',
	'ServiceAccount',
	'Service',
	'Deployment',
	'Job',
	'HorizontalPodAutoscaler',
	'PodDisruptionBudget',
];
/** The agent is installed, not deployed; its Service's name belongs to it. */
const agentName = 'edgeAgent';

interface ModulePlan {
	readonly scope: ModuleScope;
	readonly mounts: readonly MountRequest[];
	readonly claims: ReadonlyMap<string, ClaimOptions>;
}

/**
 * Turns a deployment into the Kubernetes objects that run it. Pure: equal input gives equal bytes.
 * A module that cannot or may not run is left out with its reasons; it never concerns the others.
 */
export function translate(
	deployment: Deployment,
	context: TranslationContext,
	policy: TranslationPolicy,
): Translation {
	const plans = planModules(deployment, context, policy);
	const claimNames = nameClaims(plans, context);
	const reserved = new Set([
		...plans.map(({ scope }) => scope.objectName),
		...reservedNames(context),
	]);
	const objects = new Map<string, KubernetesObject>();
	if (policy.networkPolicies) addObject(objects, denyPolicy(context));
	const modules = plans.map((plan) => {
		const { scope } = plan;
		const own = isAgent(scope) ? agentObjects(scope) : moduleObjects(plan, deployment, claimNames);
		const free = own.filter((object) => !isClash(scope, object, objects, reserved));
		const kept = scope.problems.refused ? [] : free;
		for (const object of kept) addObject(objects, object);
		return moduleTranslation(scope, kept);
	});
	return {
		objects: [...objects.values()].sort(byKindAndName),
		problems: plans.flatMap(({ scope }) => scope.problems.all),
		modules,
	};
}

function planModules(
	deployment: Deployment,
	context: TranslationContext,
	policy: TranslationPolicy,
): ModulePlan[] {
	const ids = deployment.modules.map(({ name }) => name);
	const names = uniqueNames(ids.filter(isAuthored), moduleNaming, reservedNames(context));
	return deployment.modules.map((module) => {
		const objectName = module.system ? module.name.toLowerCase() : names.get(module.name);
		return planModule(module, objectName ?? '', context, policy);
	});
}

function isAuthored(name: string): boolean {
	return name !== 'edgeAgent' && name !== 'edgeHub';
}

function planModule(
	module: ModuleDeployment,
	objectName: string,
	context: TranslationContext,
	policy: TranslationPolicy,
): ModulePlan {
	const problems = new ModuleProblems(module.name);
	const isHub = module.system && module.name === 'edgeHub';
	const path = memberPath(memberPath(module.path, 'settings'), 'createOptions');
	const scope: ModuleScope = {
		module,
		moduleId: moduleIdOf(module),
		objectName,
		options: new CreateOptions(
			module.createOptions,
			path,
			problems,
			isHub ? hubOptions : undefined,
		),
		extension: new Extension(module.createOptions, path, problems),
		context,
		policy: isHub ? { ...policy, runAsNonRoot: true } : policy,
		problems,
	};
	if (!isAgent(scope) && !context.generationIds.has(scope.moduleId)) {
		const message = `IoT Hub has no identity "${scope.moduleId}" of this device.`;
		problems.refuse('EDGE_IDENTITY_MISSING', module.path, message);
	}
	const mounts = isAuthored(module.name) ? readMounts(scope) : [];
	const volumes = mounts.flatMap((mount) => (mount.kind === 'claim' ? [mount.volume] : []));
	const claims = new Map(volumes.map((volume) => [volume, claimOptions(scope, volume)]));
	return { scope, mounts, claims };
}

/** Claims are the device's: modules that name the same volume share one. */
function nameClaims(
	plans: readonly ModulePlan[],
	context: TranslationContext,
): ReadonlyMap<string, string> {
	const volumes = plans.flatMap(({ claims }) => [...claims.keys()]);
	const users = Map.groupBy(volumes, (volume) => volume);
	for (const plan of plans) warnOfSharing(plan, (volume) => users.get(volume)?.length ?? 0);
	return uniqueNames(volumes, volumeNaming, [hubClaimName, ...reservedNames(context)]);
}

function warnOfSharing(
	{ scope, mounts, claims }: ModulePlan,
	usersOf: (volume: string) => number,
): void {
	const replicas = scope.extension.integer('replicas') ?? 1;
	for (const mount of mounts) {
		const options = mount.kind === 'claim' ? claims.get(mount.volume) : undefined;
		if (mount.kind !== 'claim' || options === undefined || !isExclusive(options)) continue;
		if (usersOf(mount.volume) <= 1 && replicas <= 1) continue;
		const message = `The volume "${mount.volume}" is shared, but only one node can mount it at a time.`;
		const remedy = 'Use a storage class and access mode that several nodes can mount.';
		scope.problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', mount.path, message, remedy);
	}
}

function moduleObjects(
	plan: ModulePlan,
	deployment: Deployment,
	claimNames: ReadonlyMap<string, string>,
): KubernetesObject[] {
	const { scope, mounts, claims } = plan;
	const { context, policy } = scope;
	const isHub = isEdgeHub(scope);
	const credential = credentialFor(
		scope.module.image,
		deployment.registryCredentials.values(),
		context.parentHostName,
	);
	const secrets =
		credential === undefined || isHub
			? []
			: [pullSecret(credential, context, policy.protectedSecrets)];
	const bound = readPorts(scope);
	const ports = isHub ? hubPorts(bound) : bound;
	const pod = modulePod(
		scope,
		{
			ports,
			host: hostNamespaces(scope),
			volumes: isHub
				? hubVolumes(scope, extensionVolumes(scope))
				: podVolumes(scope, mounts, claimNames),
			pullSecrets: secrets.map(({ metadata }) => metadata.name),
			exclusiveClaim: isHub || [...claims.values()].some(isExclusive),
		},
		isHub ? hubContainer(scope) : authoredContainer(scope),
	);
	const runner = workload(scope, pod);
	const services = moduleServices(scope, ports);
	reportUnread(scope);
	const allow = policy.networkPolicies ? allowPolicy(scope, ports) : undefined;
	const trust = usesSidecar(scope) ? trustBundle(context) : undefined;
	return [
		...claimObjects(plan, claimNames),
		...secrets,
		...(trust === undefined ? [] : [trust]),
		...(allow === undefined ? [] : [allow]),
		serviceAccount(scope),
		...services,
		runner,
		...(runner.kind === 'Deployment' ? scalingObjects(scope, pod.reservesCpu) : []),
	];
}

function claimObjects(
	{ scope, claims }: ModulePlan,
	claimNames: ReadonlyMap<string, string>,
): KubernetesObject[] {
	const { context, policy } = scope;
	if (isEdgeHub(scope)) {
		const { className, hubSize: size, keep } = policy.storage;
		const options = { size, className, keep, accessModes: ['ReadWriteOnce'], existing: false };
		return [claimObject(hubClaimName, { ...options, volumeName: undefined }, context)];
	}
	return [...claims]
		.filter(([, { existing }]) => !existing)
		.map(([volume, options]) => claimObject(claimNames.get(volume) ?? volume, options, context));
}

/** A module's own account has no rights and no token; the workload API knows the module by its pod. */
function serviceAccount(scope: ModuleScope): KubernetesObject {
	const annotations = scope.extension.strings('serviceAccountAnnotations');
	return {
		apiVersion: 'v1',
		kind: 'ServiceAccount',
		metadata: metadataOf(scope, scope.objectName, { annotations }),
		automountServiceAccountToken: false,
	};
}

/** Reports every option that asks for something and that nothing has read, by its fate. */
function reportUnread(scope: ModuleScope): void {
	const { options, problems } = scope;
	for (const { name, path, row } of options.unread()) {
		if (row.fate === 'meaningless') continue;
		if (isEdgeHub(scope)) {
			const message = `"${name}" has no effect on the edge hub, which is part of this runtime.`;
			problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message);
		} else if (row.fate === 'refused') {
			problems.refuse('EDGE_CREATE_OPTION_REFUSED', path, `"${name}": ${row.note}`);
		} else {
			problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, `"${name}" is left out: ${row.note}`);
		}
	}
}

/** Whether an object is a Service for an alias whose name another module or alias has already. */
function isClash(
	scope: ModuleScope,
	{ kind, metadata: { name } }: KubernetesObject,
	earlier: ReadonlyMap<string, KubernetesObject>,
	reserved: ReadonlySet<string>,
): boolean {
	if (kind !== 'Service' || name === scope.objectName) return false;
	if (!reserved.has(name) && !earlier.has(`Service ${name}`)) return false;
	const path = scope.options.pathOf('NetworkingConfig.EndpointsConfig');
	const message = `The alias "${name}" is the name of another module; it is left out.`;
	scope.problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message);
	return true;
}

function isAgent({ module }: ModuleScope): boolean {
	return module.system && module.name === agentName;
}

/** The agent runs already: nothing is made of it, and what it cannot take over is said. */
function agentObjects({ module, options, problems }: ModuleScope): KubernetesObject[] {
	const asked = options.unread().filter(({ row }) => row.fate !== 'meaningless');
	const [first] = asked;
	if (first !== undefined) {
		const names = asked.map(({ name }) => name).join(', ');
		const message = `The edge agent is installed, not deployed; ${names} have no effect on it.`;
		const remedy = 'Set them where the agent is installed.';
		problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', module.path, message, remedy);
	}
	return [];
}

function addObject(objects: Map<string, KubernetesObject>, object: KubernetesObject): void {
	const key = `${object.kind} ${object.metadata.name}`;
	if (!objects.has(key)) objects.set(key, object);
}

function moduleTranslation(
	{ module, moduleId, objectName, problems, extension }: ModuleScope,
	objects: readonly KubernetesObject[],
): ModuleTranslation {
	const runner = objects.find(({ kind }) => kind === 'Deployment' || kind === 'Job');
	return {
		name: module.name,
		moduleId,
		objectName,
		...(runner !== undefined && { workload: referenceOf(runner) }),
		objects: objects.map(referenceOf),
		startupOrder: module.startupOrder,
		held: extension.boolean('hold'),
		refused: problems.refused,
	};
}

function byKindAndName(a: KubernetesObject, b: KubernetesObject): number {
	const order = kindOrder.indexOf(a.kind) - kindOrder.indexOf(b.kind);
	return order || (a.metadata.name < b.metadata.name ? -1 : 1);
}
