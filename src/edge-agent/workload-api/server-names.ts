import type { Translation } from '../translation/translation.ts';

/** What names depend on besides the module. */
export interface ServerNaming {
	readonly namespace: string;
	/** The name that leaf devices know the edge hub by. */
	readonly edgeDeviceHostName: string;
}

/**
 * Names by which a module's Service is found, and the hub by leaf devices: those of its server
 * certificate.
 */
export function serverNames(
	moduleId: string,
	translation: Pick<Translation, 'modules'> | undefined,
	{ namespace, edgeDeviceHostName }: ServerNaming,
): readonly string[] {
	const name = translation?.modules.find((module) => module.moduleId === moduleId)?.objectName;
	const suffixes = ['', `.${namespace}`, `.${namespace}.svc`, `.${namespace}.svc.cluster.local`];
	const service = name === undefined ? [] : suffixes.map((suffix) => `${name}${suffix}`);
	return moduleId === '$edgeHub' ? [...service, edgeDeviceHostName] : service;
}
