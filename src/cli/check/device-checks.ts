import { X509Certificate } from 'node:crypto';
import { basename } from 'node:path';
import type { ClusterClient } from '../../cluster/cluster-client.ts';
import { provisioningSettings } from '../../edge-agent/provisioning/provisioning-settings.ts';
import {
	type ProvisioningSource,
	readProvisioningSource,
} from '../../edge-agent/provisioning/provisioning-source.ts';
import { agentSettings } from '../../edge-agent/settings.ts';
import { isJsonObject } from '../../runtime/json.ts';
import { readSettings } from '../../runtime/settings.ts';
import { doubtful, type Finding, faulty, fine, unknown } from './finding.ts';
import { agentVariables, entryOf, installation } from './installation-checks.ts';

type CheckClient = Pick<ClusterClient, 'get'>;

/** What was found out about the device, and which hosts it needs. */
export interface DeviceChecks {
	readonly findings: readonly Finding[];
	/** Of its IoT Hub; undefined while DPS has not said which. */
	readonly hubHostName?: string;
	/** Of its provisioning service; undefined for a device with a connection string. */
	readonly dpsHostName?: string;
}

const day = 86_400_000;
/** Days before the end of a certificate from which on somebody should ask why it is not renewed. */
const renewalDays = 14;

/** Whether what the device proves itself with is there and fits together. @param now wall time in ms */
export async function checkDevice(
	client: CheckClient,
	namespace: string,
	now: number,
): Promise<DeviceChecks> {
	const check = 'device';
	const variables = await agentVariables(client, namespace);
	const names = [agentSettings.deviceSecret, agentSettings.deviceCertificateSecret].map(
		({ env, default: usual }) => variables[env] || usual,
	);
	try {
		const entries = await secretEntries(client, namespace, names);
		const { settings, problems = [] } = readSettings(provisioningSettings, variables);
		const { source, problems: more = [] } =
			settings === undefined
				? {}
				: await readProvisioningSource(settings, async (path) => entries.get(basename(path)));
		if (source === undefined) return { findings: [whatIsWrong([...problems, ...more], names)] };
		const findings = [...certificateFindings(source, now)];
		if (source.kind === 'manual') {
			const { hostName, deviceId } = source;
			findings.unshift(fine(check, `Device ${deviceId} of ${hostName}`));
			return { findings, hubHostName: hostName };
		}
		const kept = await assignment(client, namespace);
		const registration = `Registration ${source.registrationId} of ${source.idScope}`;
		if (kept === undefined) {
			const remedy = `DPS has not assigned it yet: see why with kubectl -n ${namespace} logs deployment/${installation.agent}`;
			findings.unshift(doubtful(check, registration, remedy));
			return { findings, dpsHostName: source.endpoint };
		}
		const { hostName, deviceId } = kept;
		findings.unshift(fine(check, `${registration}: device ${deviceId} of ${hostName}`));
		return { findings, hubHostName: hostName, dpsHostName: source.endpoint };
	} catch (error) {
		const remedy = `You need the right to get the Secrets ${names.filter(Boolean).join(' and ')}.`;
		return { findings: [unknown(check, error, remedy)] };
	}
}

function whatIsWrong(
	problems: readonly { env: string; message: string }[],
	names: readonly string[],
): Finding {
	const [secret = ''] = names;
	const detail = problems.map(({ env, message }) => `${env}: ${message}`).join(' ');
	const remedy = `See docs/install.md#the-device for the keys of the Secret ${secret} and the settings that go with them.`;
	return faulty('device', detail, remedy);
}

function certificateFindings({ credential }: ProvisioningSource, now: number): Finding[] {
	if (credential.kind !== 'certificate') return [];
	const check = 'device certificate';
	const { validToDate, validFromDate } = new X509Certificate(credential.certificate);
	const date = validToDate.toISOString().slice(0, 10);
	const days = Math.floor((validToDate.getTime() - now) / day);
	const remedy = 'Put a new certificate and its key into the Secret; the agent takes them up.';
	if (days < 0) return [faulty(check, `It ended on ${date}.`, remedy)];
	if (validFromDate.getTime() > now) {
		return [faulty(check, `It begins on ${validFromDate.toISOString()}.`, 'Set the clock right.')];
	}
	if (days < renewalDays) return [doubtful(check, `It ends on ${date}, in ${days} days.`, remedy)];
	return [fine(check, `until ${date}`)];
}

async function secretEntries(
	client: CheckClient,
	namespace: string,
	names: readonly string[],
): Promise<Map<string, string>> {
	const entries = new Map<string, string>();
	for (const name of names.filter((each) => each !== '')) {
		const secret = await client.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
		const data = secret?.['data'];
		for (const key of isJsonObject(data) ? Object.keys(data) : []) {
			const value = entryOf(secret, key);
			if (value !== undefined) entries.set(key, value.toString());
		}
	}
	return entries;
}

/** What DPS has answered last, as the agent keeps it. */
async function assignment(client: CheckClient, namespace: string) {
	const { stateSecret: name } = installation;
	const secret = await client.get({ apiVersion: 'v1', kind: 'Secret', namespace, name });
	let kept: unknown;
	try {
		kept = JSON.parse(entryOf(secret, 'device')?.toString() ?? 'null');
	} catch {
		return undefined;
	}
	if (!isJsonObject(kept)) return undefined;
	const { hostName, deviceId } = kept;
	return typeof hostName === 'string' && typeof deviceId === 'string'
		? { hostName, deviceId }
		: undefined;
}
