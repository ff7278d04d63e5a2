/** Types that many kinds share: metadata, selectors, references. Notation: `schema-table.ts`. */
export const metaSchemas = `
ObjectMeta
	name:string generateName:string namespace:string selfLink:string uid:string
	resourceVersion:string generation:int creationTimestamp:time deletionTimestamp:time
	deletionGracePeriodSeconds:int labels:<string> annotations:<string>
	ownerReferences:[OwnerReference]{uid} finalizers:[string]{} #17
	managedFields:[ManagedFieldsEntry]
@LabelSelector
	matchLabels:<string> matchExpressions:[LabelSelectorRequirement]
Condition
	type!:string status!:string observedGeneration:int lastTransitionTime!:time reason!:string
	message:string
@ObjectReference
	kind:string namespace:string name:string uid:string apiVersion:string resourceVersion:string
	fieldPath:string
@LocalObjectReference
	name:string
@TypedLocalObjectReference
	apiGroup:string kind!:string name!:string
TypedObjectReference
	apiGroup:string kind!:string name!:string namespace:string
@SecretReference
	name:string namespace:string
DeleteOptions
	gracePeriodSeconds:int preconditions:Preconditions orphanDependents:bool
	propagationPolicy:string dryRun:[string]
	ignoreStoreReadErrorWithClusterBreakingPotential:bool
ManagedFieldsEntry
	manager:string operation:string apiVersion:string time:time #6 fieldsType:string fieldsV1:any
	subresource:string
@OwnerReference
	kind!:string #3 name!:string uid!:string apiVersion!:string controller:bool
	blockOwnerDeletion:bool
LabelSelectorRequirement
	key!:string operator!:In|NotIn|Exists|DoesNotExist values:[string]
Preconditions
	uid:string resourceVersion:string
`;
