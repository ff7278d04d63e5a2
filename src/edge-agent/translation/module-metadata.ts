import type { ObjectMeta } from '../../cluster/kubernetes-object.ts';
import type { JsonValue } from '../../runtime/json.ts';
import type { Placed } from './create-options.ts';
import { type ModuleScope, moduleLabels } from './module-scope.ts';
import { sanitizeAnnotationKey } from './object-name.ts';
import { originalModuleIdAnnotation } from './translation.ts';

/** Keys that tell the runtime which module a pod is; a manifest that could set them could lie. */
const ownKeys = /^(net\.azure-devices\.edge\.|app\.kubernetes\.io\/managed-by$)/i;

/** What an object's metadata takes beside the module's own labels. */
export interface MetadataOptions {
	/** Whether Docker labels become annotations of it. */
	readonly dockerLabels?: boolean;
	readonly annotations?: Record<string, string> | undefined;
	readonly labels?: Record<string, string> | undefined;
	/** Whether the runtime's uninstallation may collect it. Default true. */
	readonly owned?: boolean;
}

/** Metadata of an object that belongs to one module. */
export function metadataOf(
	scope: ModuleScope,
	name: string,
	{ dockerLabels, annotations, labels, owned = true }: MetadataOptions = {},
): ObjectMeta {
	const { owner, namespace } = scope.context;
	return {
		name,
		namespace,
		labels: { ...authored(scope, labels), ...moduleLabels(scope) },
		annotations: {
			...(dockerLabels === true && dockerAnnotations(scope)),
			...authored(scope, annotations),
			[originalModuleIdAnnotation]: scope.module.name,
		},
		...(owned && owner !== undefined && { ownerReferences: [{ ...owner }] }),
	};
}

/** Labels and annotations of a pod. */
export function podMetadata(scope: ModuleScope): {
	labels: Record<string, string>;
	annotations: Record<string, string>;
} {
	const { extension } = scope;
	const { labels = {}, annotations = {} } = metadataOf(scope, '', {
		dockerLabels: true,
		labels: extension.strings('podLabels'),
		annotations: extension.strings('podAnnotations'),
	});
	return { labels, annotations };
}

function authored(
	{ problems, extension }: ModuleScope,
	values: Record<string, string> = {},
): Record<string, string> {
	return Object.fromEntries(
		Object.entries(values).filter(([key]) => {
			if (!ownKeys.test(key)) return true;
			const message = `"${key}" is set by the runtime alone; it is left out.`;
			problems.warn('EDGE_EXTENSION_INVALID', extension.pathOf('podLabels'), message);
			return false;
		}),
	);
}

function dockerAnnotations(scope: ModuleScope): Record<string, string> {
	const { options } = scope;
	const labels = [...options.members('Labels'), ...options.members('HostConfig.Annotations')];
	const annotations = new Map<string, string>();
	for (const [key, value] of labels) addAnnotation(scope, annotations, key, value);
	return Object.fromEntries(annotations);
}

function addAnnotation(
	{ problems }: ModuleScope,
	annotations: Map<string, string>,
	key: string,
	{ value, path }: Placed<JsonValue>,
): void {
	const name = sanitizeAnnotationKey(key);
	if (name === undefined || ownKeys.test(name)) {
		const message = 'This label cannot be an annotation of Kubernetes; it is left out.';
		problems.warn('EDGE_CREATE_OPTION_APPROXIMATED', path, message, 'Use another name.');
	} else {
		annotations.set(name, typeof value === 'string' ? value : JSON.stringify(value));
	}
}
