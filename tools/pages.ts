import { objectYaml } from '../src/cli/object-yaml.ts';
import type { KubernetesObject } from '../src/cluster/kubernetes-object.ts';
import { clusterSettings } from '../src/cluster/settings.ts';
import { policySettings } from '../src/edge-agent/policy-settings.ts';
import { provisioningSettings } from '../src/edge-agent/provisioning/provisioning-settings.ts';
import { agentSettings } from '../src/edge-agent/settings.ts';
import {
	edgeDeploymentInstallation,
	edgeDeploymentRoleObjects,
} from '../src/edge-agent/sources/edge-deployment-definition.ts';
import { statusDeviations } from '../src/edge-agent/status/deviations.ts';
import { createOptionsTable } from '../src/edge-agent/translation/create-options-table.ts';
import { deviations as translationDeviations } from '../src/edge-agent/translation/deviations.ts';
import { extensionTable } from '../src/edge-agent/translation/extension-table.ts';
import { deviations as routeDeviations } from '../src/edge-hub/routing/deviations.ts';
import { hubSettingsTable } from '../src/edge-hub/settings.ts';
import { unservedSettings } from '../src/edge-hub/unserved-settings.ts';
import { errorCatalogue } from '../src/runtime/error-catalogue.ts';
import type { SettingsTable } from '../src/runtime/settings.ts';
import { workloadProxySettings } from '../src/workload-proxy/settings.ts';

/** A page of the documentation that is written from the code. */
export interface Page {
	/** Below the project's folder. */
	readonly path: string;
	render(): string;
}

/** Every generated page. `npm run generate` writes them, a test keeps them equal to the code. */
export const pages: readonly Page[] = [
	{ path: 'docs/errors.md', render: errorsPage },
	{ path: 'docs/configuration.md', render: configurationPage },
	{ path: 'docs/create-options.md', render: createOptionsPage },
	{ path: 'docs/translation-deviations.md', render: translationDeviationsPage },
	{ path: 'docs/route-deviations.md', render: routeDeviationsPage },
	{ path: 'deployments/kubernetes/edge-deployment-definition.yaml', render: definitionManifest },
	{ path: 'deployments/kubernetes/edge-deployment-role.yaml', render: roleManifest },
];

function definitionManifest(): string {
	return yamlPage(edgeDeploymentInstallation(), [
		'The kind EdgeDeployment, once for a cluster, by its administrator:',
		'',
		'  kubectl apply --server-side -f edge-deployment-definition.yaml',
		'',
		'Those who may edit a namespace may then set the deployment of its device.',
	]);
}

function roleManifest(): string {
	return yamlPage(edgeDeploymentRoleObjects(), [
		'What the edge agent may do with EdgeDeployments, in its namespace, beside agent.yaml:',
		'',
		'  kubectl -n edge apply -f edge-deployment-role.yaml',
		'  kubectl -n edge set env deployment/edgeagent ConfigSource=edge-deployment',
	]);
}

/** A file for kubectl; `#` begins each line of the introduction. */
function yamlPage(objects: readonly KubernetesObject[], introduction: readonly string[]): string {
	const note = 'Written by `npm run generate`. Change the code, not this file.';
	const head = [...introduction, '', note].map((line) => `# ${line}`.trimEnd()).join('\n');
	return `${head}\n${objects.map((object) => objectYaml(object)).join('---\n')}`;
}

function errorsPage(): string {
	const rows = Object.entries(errorCatalogue).map(([code, { summary, remedy }]) => [
		`\`${code}\``,
		summary,
		remedy,
	]);
	return page(
		'Errors',
		'Every error carries one of these codes, says where the fault lies and what to do. Codes never change.',
		table(['code', 'what has happened', 'what to do'], rows),
	);
}

function configurationPage(): string {
	return page(
		'Configuration',
		'Agent and hub are configured by environment variables. A setting that cannot be used ends the program with all problems listed.',
		[
			'## Edge agent',
			'',
			...settingsTable(agentSettings),
			'',
			'## The device: how it comes to its identity',
			'',
			'Settings of the edge agent too; [install.md](install.md#the-device) says which go together. Files are read again while it runs.',
			'',
			...settingsTable(provisioningSettings),
			'',
			'## Policy: what manifests may ask for',
			'',
			'Settings of the edge agent too. A module that asks for more is refused by name; the others run.',
			'',
			...settingsTable(policySettings),
			'',
			'## Connection to the cluster',
			'',
			...settingsTable(clusterSettings),
			'',
			'## Edge hub',
			'',
			'Set in the `env` of the system module `edgeHub` of the deployment.',
			'',
			...settingsTable(hubSettingsTable),
			'',
			'Settings of Azure IoT Edge that mean nothing here; the hub says so in its log, and goes on:',
			'',
			...table(
				['variable', 'why'],
				Object.entries(unservedSettings).map(([name, reason]) => [`\`${name}\``, reason]),
			),
			'',
			'## Sidecar for the workload API',
			'',
			'The agent sets them; see [operations.md](operations.md#how-modules-prove-who-they-are).',
			'',
			...settingsTable(workloadProxySettings),
		],
	);
}

function settingsTable(settings: SettingsTable): string[] {
	const rows = Object.values(settings).map((setting) => [
		`\`${setting.env}\``,
		setting.default === undefined ? 'required' : code(setting.default),
		setting.unit ?? '',
		setting.description,
	]);
	return table(['variable', 'default', 'unit', 'meaning'], rows);
}

function createOptionsPage(): string {
	const options = Object.entries(createOptionsTable).map(([name, { fate, target, note }]) => [
		`\`${name}\``,
		fate,
		code(target),
		note,
	]);
	const extension = Object.entries(extensionTable).map(([name, { preview, target, note }]) => [
		`\`${name}\``,
		preview ? 'yes' : '',
		code(target),
		note,
	]);
	return page(
		'createOptions on Kubernetes',
		'What becomes of every option of a module’s `createOptions`. Names are taken in any case; an option that this table does not know is reported, never dropped in silence.',
		[
			...table(['option', 'fate', 'Kubernetes', 'note'], options),
			'',
			'## Kubernetes extension',
			'',
			'`createOptions` may carry `k8s-extensions`, and `k8s-experimental` as Microsoft’s preview had it. A Docker device ignores both.',
			'',
			...table(['member', 'in the preview', 'Kubernetes', 'note'], extension),
		],
	);
}

function translationDeviationsPage(): string {
	return page(
		'Differences from Microsoft’s Kubernetes preview',
		'For those who move a deployment from the discontinued preview: what is different on purpose, and why.',
		[
			'## Translation',
			'',
			...table(
				['subject', 'preview', 'here', 'why'],
				translationDeviations.map((row) => [row.subject, row.preview, row.here, row.reason]),
			),
			'',
			'## Status of modules',
			'',
			...table(
				['state', 'preview', 'here', 'why'],
				statusDeviations.map((row) => [row.state, row.preview, row.here, row.reason]),
			),
		],
	);
}

function routeDeviationsPage(): string {
	return page(
		'Differences from Azure IoT Edge’s route language',
		'Where this hub does the sane thing instead of the old one. Those marked can be had back with the compatibility mode `azure`.',
		table(
			['subject', 'Azure IoT Edge', 'here', 'why', 'restorable'],
			routeDeviations.map((row) => [
				row.id,
				row.azure,
				row.standard,
				row.reason,
				row.restorable ? 'yes' : '',
			]),
		),
	);
}

function page(title: string, introduction: string, lines: readonly string[]): string {
	const note = '<!-- Written by `npm run generate`. Change the code, not this page. -->';
	return `${[`# ${title}`, '', note, '', introduction, '', ...lines].join('\n')}\n`;
}

function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
	const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
	return [line(headings), `|${headings.map(() => '---|').join('')}`, ...rows.map(line)];
}

function code(text: string): string {
	return text === '' ? '' : `\`${text}\``;
}

function cell(text: string): string {
	return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
