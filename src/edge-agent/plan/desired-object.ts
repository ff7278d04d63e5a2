import { createHash } from 'node:crypto';
import {
	type KubernetesObject,
	type ObjectReference,
	referenceOf,
} from '../../cluster/kubernetes-object.ts';
import {
	deviceLabel,
	managedBy,
	managedByLabel,
	moduleLabel,
	type Translation,
} from '../translation/translation.ts';

/** On every object that the agent applied: what was declared, to notice when that changes. */
export const declaredHashAnnotation = 'net.azure-devices.edge.declared-hash';

/** Whose objects the agent manages. */
export interface DeviceScope {
	readonly namespace: string;
	/** Value of the device label. */
	readonly device: string;
	/** Uid of the owner of every object but claims, where there is one. */
	readonly ownerUid?: string;
}

/** An object as it should be, with what planning needs to know about it. */
export interface DesiredObject {
	/** Complete with labels and the hash annotation, as it is applied. */
	readonly object: KubernetesObject;
	readonly reference: ObjectReference;
	/** `apps/v1/Deployment/filter`. */
	readonly key: string;
	readonly hash: string;
	/** The module it belongs to alone, as in the manifest. */
	readonly module?: string;
	/** Of a workload: when it starts, relative to the others. */
	readonly startupOrder?: number;
}

/** The key of an object within the namespace of the device. */
export function objectKey({ apiVersion, kind, name }: ObjectReference): string {
	return `${apiVersion}/${kind}/${name}`;
}

/** Whether an object runs a module. */
export function isWorkload({ kind }: KubernetesObject): boolean {
	return kind === 'Deployment' || kind === 'Job';
}

/** The selector of everything the agent manages for a device. */
export function managedSelector({ device }: DeviceScope): string {
	return `${managedByLabel}=${managedBy},${deviceLabel}=${device}`;
}

/** The objects of a translation, labelled, hashed and in the order to be applied. */
export function desiredObjects(translation: Translation, scope: DeviceScope): DesiredObject[] {
	const moduleByName = new Map<string, string>();
	const orderByWorkload = new Map<string, number>();
	for (const { name, objectName, workload, startupOrder } of translation.modules) {
		moduleByName.set(objectName, name);
		if (workload !== undefined) orderByWorkload.set(objectKey(workload), startupOrder);
	}
	return translation.objects.map((object) => {
		const reference = referenceOf(object);
		const key = objectKey(reference);
		const label = object.metadata.labels?.[moduleLabel];
		const module = label === undefined ? undefined : moduleByName.get(label);
		const startupOrder = orderByWorkload.get(key);
		return {
			...labelled(object, scope),
			reference,
			key,
			...(module === undefined ? {} : { module }),
			...(startupOrder === undefined ? {} : { startupOrder }),
		};
	});
}

function labelled(
	object: KubernetesObject,
	scope: DeviceScope,
): { readonly object: KubernetesObject; readonly hash: string } {
	const metadata = {
		...object.metadata,
		namespace: scope.namespace,
		labels: {
			...object.metadata.labels,
			[managedByLabel]: managedBy,
			[deviceLabel]: scope.device,
		},
	};
	const hash = createHash('sha256')
		.update(JSON.stringify({ ...object, metadata }))
		.digest('hex')
		.slice(0, 32);
	const annotations = { ...metadata.annotations, [declaredHashAnnotation]: hash };
	return { object: { ...object, metadata: { ...metadata, annotations } }, hash };
}
