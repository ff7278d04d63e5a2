import { type KubernetesObject, ownerReferenceTo } from '../cluster/kubernetes-object.ts';
import { isJsonObject } from '../runtime/json.ts';
import { installationNames } from './installation-names.ts';
import type { DeviceAgentSettings } from './settings.ts';
import type { TranslationContext } from './translation/translation.ts';
import type { EdgeCertificates } from './workload-api/edge-certificates.ts';

/** `IOTEDGE_APIVERSION` of modules: the latest of the workload API. */
const workloadApiVersion = '2022-08-03';
const gatewayName = 'edgehub';

/**
 * What translations need to know of the installation.
 *
 * @param own the agent's own Deployment; undefined outside a cluster.
 * @param certificates of this edge, whose trust bundle may change later.
 */
export function installationContext(
	settings: DeviceAgentSettings,
	own: KubernetesObject | undefined,
	certificates: Pick<EdgeCertificates, 'trustBundle' | 'trustMark'>,
): Omit<TranslationContext, 'generationIds'> {
	const { hubAuthorityConfigMap, hubAuthorityKey, parentHostName } = settings;
	const hubTrust = { configMapName: hubAuthorityConfigMap, key: hubAuthorityKey };
	const owner = ownerReferenceTo(own);
	return {
		namespace: settings.namespace,
		deviceId: settings.device.deviceId,
		iotHubHostName: settings.device.hostName,
		runtimeImage: settings.runtimeImage ?? imageOf(own) ?? 'iotedge-k8s',
		gatewayHostName: gatewayName,
		edgeDeviceHostName: settings.edgeDeviceHostName,
		...(parentHostName === undefined ? {} : { parentHostName }),
		workloadUri: settings.workloadUri,
		workloadTlsUri: settings.workloadTlsUri,
		get trustBundle() {
			return certificates.trustBundle;
		},
		get trustMark() {
			return certificates.trustMark;
		},
		apiVersion: workloadApiVersion,
		runtimeLogLevel: settings.logLevel,
		networkEnvironment: settings.networkEnvironment,
		reservedNames: installationNames(settings, own),
		...(settings.hubAuthority === undefined ? {} : { hubTrust }),
		...(owner === undefined ? {} : { owner }),
	};
}

/** Image of the first container of a Deployment. */
function imageOf(deployment: KubernetesObject | undefined): string | undefined {
	const template = deployment?.spec?.['template'];
	const spec = isJsonObject(template) ? template['spec'] : undefined;
	const containers = isJsonObject(spec) ? spec['containers'] : undefined;
	const first = Array.isArray(containers) ? containers[0] : undefined;
	const image = isJsonObject(first) ? first['image'] : undefined;
	return typeof image === 'string' ? image : undefined;
}
