import type { ModuleDeployment } from '../../manifest/deployment.ts';
import type { CreateOptions } from './create-options.ts';
import type { Extension } from './extension.ts';
import type { ModuleProblems } from './module-problems.ts';
import { labelValue } from './object-name.ts';
import {
	deviceLabel,
	managedBy,
	managedByLabel,
	moduleLabel,
	type TranslationContext,
	type TranslationPolicy,
} from './translation.ts';

/** Everything that the parts of one module's translation read, and where they report. */
export interface ModuleScope {
	readonly module: ModuleDeployment;
	/** As in IoT Hub: `$edgeHub`, `filter`. */
	readonly moduleId: string;
	readonly objectName: string;
	readonly options: CreateOptions;
	readonly extension: Extension;
	readonly context: TranslationContext;
	readonly policy: TranslationPolicy;
	readonly problems: ModuleProblems;
}

/** Where the edge hub keeps its messages. */
export const hubClaimName = 'edgehub';

/** Names that belong to the runtime, or to the namespace itself. */
export function reservedNames({ owner, reservedNames = [] }: TranslationContext): string[] {
	const owners = owner === undefined ? [] : [owner.name];
	return ['edgehub', 'edgeagent', 'default', ...owners, ...reservedNames];
}

/** Labels of everything that belongs to a device. */
export function deviceLabels(context: TranslationContext): Record<string, string> {
	return { [deviceLabel]: labelValue(context.deviceId), [managedByLabel]: managedBy };
}

/** Labels of everything that belongs to one module. */
export function moduleLabels({ objectName, context }: ModuleScope): Record<string, string> {
	return { [moduleLabel]: objectName, ...deviceLabels(context) };
}

/** What selects a module's pods; never changes, as selectors of workloads cannot. */
export function podSelector({ objectName, context }: ModuleScope): Record<string, string> {
	return { [moduleLabel]: objectName, [deviceLabel]: labelValue(context.deviceId) };
}

/** Whether the module is the edge hub, which our own program serves. */
export function isEdgeHub({ module }: ModuleScope): boolean {
	return module.system && module.name === 'edgeHub';
}
