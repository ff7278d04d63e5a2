import {
	type AssignedDevice,
	DeviceProvisioningRest,
} from '../iot-hub-client/device-provisioning-rest.ts';
import type { HubNetwork } from '../iot-hub-client/hub-network.ts';
import { type AgentDependencies, EdgeAgent } from './agent.ts';
import { ProvisionedAgent } from './provisioned-agent.ts';
import { DeviceProvisioning } from './provisioning/device-provisioning.ts';
import { deleteFormerDevice } from './provisioning/former-device.ts';
import type { ProvisioningSource } from './provisioning/provisioning-source.ts';
import { type AgentSettings, settingsOfDevice } from './settings.ts';
import { StateSecret } from './state-secret.ts';

/** What an agent stands on, whatever its device is. */
export interface AgentOfSettingsDependencies
	extends Omit<AgentDependencies, 'credential' | 'onAnswer' | 'reprovision' | 'network'> {
	readonly network: HubNetwork;
}

/** The agent that the settings describe: of the device that it is told, or that DPS assigns. */
export function agentOfSettings(
	settings: AgentSettings,
	dependencies: AgentOfSettingsDependencies,
): ProvisionedAgent {
	const { cluster, network, clock, logger, metrics } = dependencies;
	const { namespace, provisioning: source, readProvisioning: readSource } = settings;
	const { stateSecret: name, registerAtStart } = settings;
	const state = new StateSecret({ client: cluster, namespace, name });
	const provisioning = new DeviceProvisioning({
		source,
		readSource,
		register: async (registrant, signal) => registered(registrant, dependencies, signal),
		state,
		registerAtStart,
		clock,
		logger,
	});
	return new ProvisionedAgent({
		provisioning,
		state,
		createAgent: (device) => {
			metrics?.identify(device);
			return new EdgeAgent(settingsOfDevice(settings, device), {
				...dependencies,
				network,
				credential: () => provisioning.credential,
				onAnswer: (refused) => provisioning.answered(refused),
				reprovision: () => provisioning.reprovision(),
			});
		},
		deleteFormer: (deviceId, signal) => deleteFormerDevice(cluster, namespace, deviceId, signal),
		clock,
		logger,
	});
}

async function registered(
	source: ProvisioningSource & { readonly kind: 'dps' },
	{ network, clock }: AgentOfSettingsDependencies,
	signal: AbortSignal,
): Promise<AssignedDevice> {
	const { endpoint: hostName, idScope } = source;
	const dps = new DeviceProvisioningRest({ hostName, idScope, network, clock });
	try {
		return await dps.register(source, signal);
	} finally {
		dps.close();
	}
}
