import type { KubernetesObject } from '../../../cluster/kubernetes-object.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { FieldFault } from '../status-error.ts';
import type { ServiceAddresses } from './service-addresses.ts';

/** What a rule may look at besides its object. */
export interface RuleContext {
	readonly clock: Clock;
	readonly addresses: ServiceAddresses;
	/** @param resource as `deployments.apps`. */
	find(resource: string, namespace: string | undefined, name: string): KubernetesObject | undefined;
	list(resource: string): readonly KubernetesObject[];
}

/** How a name must look. */
export type NameForm = 'label' | 'subdomain' | 'path';

/** What the server does with objects of one kind beyond what their schema says. */
export interface KindRules {
	/** Default `subdomain`. */
	readonly nameForm?: NameForm;
	/** Fills in what depends on other fields, in place, at every write. */
	readonly setDefaults?: (object: KubernetesObject) => void;
	/** Completes a new object, in place. @throws StatusError to refuse it. */
	readonly beforeCreate?: (object: KubernetesObject, context: RuleContext) => void;
	/** Completes a changed object, in place. @throws StatusError to refuse it. */
	readonly beforeUpdate?: (
		object: KubernetesObject,
		live: KubernetesObject,
		context: RuleContext,
	) => void;
	/** What is wrong with an object, alone or as a change of another one. */
	readonly validate?: (
		object: KubernetesObject,
		live: KubernetesObject | undefined,
	) => readonly FieldFault[];
}
