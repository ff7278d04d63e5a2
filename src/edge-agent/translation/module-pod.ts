import { isParentImage, isPullable, resolveParent } from '../../manifest/image-name.ts';
import { memberPath } from '../../manifest/json-path.ts';
import { isJsonObject, type JsonObject, type JsonValue, jsonText } from '../../runtime/json.ts';
import { definedMembers } from './defined-members.ts';
import type { PodVolumes } from './extension-volumes.ts';
import { containerEnvironment, escapeReferences } from './module-environment.ts';
import type { ContainerPort, ModulePorts } from './module-ports.ts';
import { moduleProbes } from './module-probes.ts';
import { moduleResources } from './module-resources.ts';
import { type ModuleScope, podSelector } from './module-scope.ts';
import { type HostNamespaces, podSettings } from './pod-settings.ts';
import { protectedReference } from './protected-secret.ts';
import { securityContexts } from './security-context.ts';
import type { WorkloadParts } from './workload.ts';
import { usesSidecar, withSidecarVolumes, workloadSidecar } from './workload-sidecar.ts';

/** What differs between an author's module and the edge hub. */
export interface ContainerParts {
	readonly image: string;
	readonly imagePullPolicy: string;
	readonly command?: readonly string[];
	readonly args?: readonly string[];
	readonly probes: JsonObject;
	readonly environment: readonly JsonObject[];
}

/** Where a pod's parts come from. */
export interface PodSources {
	readonly ports: ModulePorts;
	readonly volumes: PodVolumes;
	readonly host: HostNamespaces;
	readonly pullSecrets: readonly string[];
	/** Whether a claim of it can be mounted by one pod or node at a time. */
	readonly exclusiveClaim: boolean;
}

/** The container of an author's module, as createOptions describe it. */
export function authoredContainer(scope: ModuleScope): ContainerParts {
	const { options, module, policy } = scope;
	const words = (name: 'Entrypoint' | 'Cmd') => {
		return options.strings(name).map(({ value }) => escapeReferences(value));
	};
	return {
		image: imageOf(scope),
		imagePullPolicy: module.imagePullPolicy === 'never' ? 'Never' : policy.imagePullPolicy,
		command: words('Entrypoint'),
		args: words('Cmd'),
		probes: moduleProbes(scope),
		environment: containerEnvironment(scope),
	};
}

function imageOf({ module, context, problems }: ModuleScope): string {
	const { parentHostName } = context;
	const path = memberPath(memberPath(module.path, 'settings'), 'image');
	if (isParentImage(module.image) && parentHostName === undefined) {
		const message = 'The image comes through a parent device, but this device has none.';
		problems.refuse('EDGE_IMAGE_INVALID', path, message, 'Name the registry itself.');
		return module.image;
	}
	const image =
		parentHostName === undefined ? module.image : resolveParent(module.image, parentHostName);
	if (!isPullable(image)) {
		const message = `"${module.image.slice(0, 120)}" is no image that can be pulled.`;
		problems.refuse('EDGE_IMAGE_INVALID', path, message, imageRemedy(module.image));
	}
	return image;
}

/** What to do about an image that no runtime can pull, as far as its look tells. */
function imageRemedy(image: string): string | undefined {
	if (/^\$upstream\b/i.test(image) && !isParentImage(image)) {
		return 'Write `$upstream:443/…`, with the port that the parent offers.';
	}
	if (/[$<>{}]/.test(image.replace(/^\$upstream/i, ''))) return 'Fill in its placeholders.';
	return image === image.toLowerCase() ? undefined : 'Names of images are in lower case.';
}

/** The pod of a module, and whether a second one can run beside it. */
export function modulePod(
	scope: ModuleScope,
	{ ports, volumes: own, host, pullSecrets, exclusiveClaim }: PodSources,
	container: ContainerParts,
): WorkloadParts {
	const { options } = scope;
	const security = securityContexts(scope, ports.container, host);
	const { resources, runtimeClassName, exclusive, reservesCpu } = moduleResources(scope);
	const settings = podSettings(scope, host);
	const workingDir = options.string('WorkingDir');
	const sidecar = usesSidecar(scope) ? workloadSidecar(scope) : undefined;
	const volumes = sidecar === undefined ? own : withSidecarVolumes(scope, own, sidecar.volumes);
	const podSpec = definedMembers({
		serviceAccountName: scope.objectName,
		...settings,
		runtimeClassName,
		topologySpreadConstraints: spreadOf(scope),
		imagePullSecrets: secretReferences(scope, pullSecrets),
		securityContext: security.pod,
		initContainers: sidecar === undefined ? undefined : [...sidecar.initContainers],
		containers: [
			definedMembers({
				name: scope.objectName,
				image: container.image,
				imagePullPolicy: container.imagePullPolicy,
				command: container.command === undefined ? undefined : [...container.command],
				args: container.args === undefined ? undefined : [...container.args],
				workingDir,
				env: [...container.environment],
				envFrom: environmentSources(scope),
				ports: containerPorts(ports.container),
				resources,
				volumeMounts: [...volumes.mounts],
				...container.probes,
				securityContext: security.container,
				stdin: options.boolean('OpenStdin') || undefined,
				stdinOnce: options.boolean('StdinOnce') || undefined,
				tty: options.boolean('Tty') || undefined,
			}),
		],
		volumes: [...volumes.volumes],
	});
	const hasHostPort = host.hostNetwork && ports.container.length > 0;
	return {
		podSpec: { automountServiceAccountToken: false, enableServiceLinks: false, ...podSpec },
		exclusive: exclusive || exclusiveClaim || hasHostPort,
		reservesCpu,
	};
}

function containerPorts(ports: readonly ContainerPort[]): JsonObject[] {
	return ports.map(({ port, protocol }) => ({ containerPort: port, protocol }));
}

/** Spread constraints, about the module's own pods where they name none. */
function spreadOf(scope: ModuleScope): JsonValue[] {
	const constraints = scope.extension.objects('topologySpreadConstraints', scope.problems);
	return constraints.map(({ value }) => {
		return { labelSelector: { matchLabels: podSelector(scope) }, ...value };
	});
}

function secretReferences(
	{ extension, policy }: ModuleScope,
	own: readonly string[],
): JsonObject[] {
	const listed = extension.list('imagePullSecrets').map(({ value }) => {
		return isJsonObject(value) ? jsonText(value['name']) : jsonText(value);
	});
	const names = new Set([...own, ...listed, ...policy.imagePullSecrets]);
	return [...names].map((name) => ({ name }));
}

function environmentSources(scope: ModuleScope): JsonValue[] {
	return scope.extension.objects('envFrom', scope.problems).map(({ value, path }) => {
		const secret = protectedReference(value, scope.policy);
		if (secret !== undefined) {
			const message = `The Secret "${secret}" belongs to the runtime.`;
			scope.problems.refuse('EDGE_POLICY_DENIED', path, message);
		}
		return value;
	});
}
