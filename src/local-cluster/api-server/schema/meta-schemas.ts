/** Types that many kinds share: metadata, selectors, references. Notation: `schema-table.ts`. */
export const metaSchemas = `
ObjectMeta
	annotations:<string> creationTimestamp:time deletionGracePeriodSeconds:int
	deletionTimestamp:time finalizers:[string]{} generateName:string generation:int
	labels:<string> managedFields:[ManagedFieldsEntry] name:string namespace:string
	ownerReferences:[OwnerReference]{uid} resourceVersion:string selfLink:string uid:string
@LabelSelector
	matchExpressions:[LabelSelectorRequirement] matchLabels:<string>
Condition
	lastTransitionTime!:time message:string observedGeneration:int reason!:string status!:string
	type!:string
@ObjectReference
	apiVersion:string fieldPath:string kind:string name:string namespace:string
	resourceVersion:string uid:string
@LocalObjectReference
	name:string
@TypedLocalObjectReference
	apiGroup:string kind!:string name!:string
TypedObjectReference
	apiGroup:string kind!:string name!:string namespace:string
@SecretReference
	name:string namespace:string
DeleteOptions
	dryRun:[string] gracePeriodSeconds:int ignoreStoreReadErrorWithClusterBreakingPotential:bool
	orphanDependents:bool preconditions:Preconditions propagationPolicy:string
ManagedFieldsEntry
	apiVersion:string fieldsType:string fieldsV1:any manager:string operation:string
	subresource:string time:time
@OwnerReference
	apiVersion!:string blockOwnerDeletion:bool controller:bool kind!:string name!:string
	uid!:string
LabelSelectorRequirement
	key!:string operator!:In|NotIn|Exists|DoesNotExist values:[string]
Preconditions
	resourceVersion:string uid:string
`;
