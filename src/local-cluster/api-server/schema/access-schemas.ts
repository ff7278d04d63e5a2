/** Who may do what, and custom kinds. Notation: `schema-table.ts`. */
export const accessSchemas = `
Role
	metadata:ObjectMeta rules:[PolicyRule]
ClusterRole
	aggregationRule:AggregationRule metadata:ObjectMeta rules:[PolicyRule]
RoleBinding
	metadata:ObjectMeta roleRef!:RoleRef subjects:[Subject]
ClusterRoleBinding
	metadata:ObjectMeta roleRef!:RoleRef subjects:[Subject]
SelfSubjectAccessReview
	metadata:ObjectMeta spec!:SelfSubjectAccessReviewSpec status:SubjectAccessReviewStatus
SelfSubjectRulesReview
	metadata:ObjectMeta spec!:SelfSubjectRulesReviewSpec status:SubjectRulesReviewStatus
SubjectAccessReview
	metadata:ObjectMeta spec!:SubjectAccessReviewSpec status:SubjectAccessReviewStatus
LocalSubjectAccessReview
	metadata:ObjectMeta spec!:SubjectAccessReviewSpec status:SubjectAccessReviewStatus
TokenReview
	metadata:ObjectMeta spec!:TokenReviewSpec status:TokenReviewStatus
TokenRequest
	metadata:ObjectMeta spec:TokenRequestSpec status:TokenRequestStatus
SelfSubjectReview
	metadata:ObjectMeta status:SelfSubjectReviewStatus
CustomResourceDefinition
	metadata:ObjectMeta spec!:CustomResourceDefinitionSpec status:CustomResourceDefinitionStatus
PolicyRule
	apiGroups:[string] nonResourceURLs:[string] resourceNames:[string] resources:[string]
	verbs!:[string]
AggregationRule
	clusterRoleSelectors:[LabelSelector]
@RoleRef
	apiGroup:string=rbac.authorization.k8s.io kind!:string name!:string
@Subject
	apiGroup:string kind!:string name!:string namespace:string
SelfSubjectAccessReviewSpec
	nonResourceAttributes:NonResourceAttributes resourceAttributes:ResourceAttributes
SubjectAccessReviewStatus
	allowed:bool denied:bool evaluationError:string reason:string
SelfSubjectRulesReviewSpec
	namespace:string
SubjectRulesReviewStatus
	evaluationError:string incomplete:bool nonResourceRules:[NonResourceRule]
	resourceRules:[ResourceRule]
SubjectAccessReviewSpec
	extra:<[string]> groups:[string] nonResourceAttributes:NonResourceAttributes
	resourceAttributes:ResourceAttributes uid:string user:string
TokenReviewSpec
	audiences:[string] token!:string
TokenReviewStatus
	audiences:[string] authenticated:bool error:string user:UserInfo
TokenRequestSpec
	audiences:[string] boundObjectRef:BoundObjectReference expirationSeconds:int=3600
TokenRequestStatus
	expirationTimestamp:time token:string
SelfSubjectReviewStatus
	userInfo:UserInfo
CustomResourceDefinitionSpec
	conversion:CustomResourceConversion group!:string names!:CustomResourceDefinitionNames
	preserveUnknownFields:bool scope!:Namespaced|Cluster
	versions!:[CustomResourceDefinitionVersion]
CustomResourceDefinitionStatus
	acceptedNames:CustomResourceDefinitionNames
	conditions:[CustomResourceDefinitionCondition]{type} observedGeneration:int
	storedVersions:[string]
NonResourceAttributes
	path:string verb:string
ResourceAttributes
	fieldSelector:FieldSelectorAttributes group:string labelSelector:LabelSelectorAttributes
	name:string namespace:string resource:string subresource:string verb:string version:string
NonResourceRule
	nonResourceURLs:[string] verbs!:[string]
ResourceRule
	apiGroups:[string] resourceNames:[string] resources:[string] verbs!:[string]
UserInfo
	extra:<[string]> groups:[string] uid:string username:string
BoundObjectReference
	apiVersion:string kind:string name:string uid:string
CustomResourceConversion
	strategy!:None|Webhook webhook:WebhookConversion
CustomResourceDefinitionNames
	categories:[string] kind!:string listKind:string plural!:string shortNames:[string]
	singular:string
CustomResourceDefinitionVersion
	additionalPrinterColumns:[CustomResourceColumnDefinition] deprecated:bool
	deprecationWarning:string name!:string schema:CustomResourceValidation
	selectableFields:[SelectableField] served:bool storage:bool
	subresources:CustomResourceSubresources
CustomResourceDefinitionCondition
	lastTransitionTime:time message:string observedGeneration:int reason:string status!:string
	type!:string
FieldSelectorAttributes
	rawSelector:string requirements:[FieldSelectorRequirement]
LabelSelectorAttributes
	rawSelector:string requirements:[LabelSelectorRequirement]
WebhookConversion
	clientConfig:WebhookClientConfig conversionReviewVersions!:[string]
CustomResourceColumnDefinition
	description:string format:string jsonPath!:string name!:string priority:int type!:string
CustomResourceSubresources
	scale:CustomResourceSubresourceScale status:CustomResourceSubresourceStatus
CustomResourceValidation
	openAPIV3Schema:any
SelectableField
	jsonPath!:string
FieldSelectorRequirement
	key!:string operator!:string values:[string]
WebhookClientConfig
	caBundle:bytes service:ServiceReference url:string
CustomResourceSubresourceScale
	labelSelectorPath:string specReplicasPath!:string statusReplicasPath!:string
CustomResourceSubresourceStatus
ServiceReference
	name!:string namespace!:string path:string port:int
`;
