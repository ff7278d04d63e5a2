/** Who may do what. Notation: `schema-table.ts`. */
export const accessSchemas = `
Role
	metadata:ObjectMeta rules:[PolicyRule]
ClusterRole
	metadata:ObjectMeta rules:[PolicyRule] aggregationRule:AggregationRule
RoleBinding
	metadata:ObjectMeta subjects:[Subject] roleRef!:RoleRef
ClusterRoleBinding
	metadata:ObjectMeta subjects:[Subject] roleRef!:RoleRef
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
PolicyRule
	verbs!:[string] apiGroups:[string] resources:[string] resourceNames:[string]
	nonResourceURLs:[string]
AggregationRule
	clusterRoleSelectors:[LabelSelector]
@RoleRef
	apiGroup:string=rbac.authorization.k8s.io kind!:string name!:string
@Subject
	kind!:string apiGroup:string name!:string namespace:string
SelfSubjectAccessReviewSpec
	resourceAttributes:ResourceAttributes nonResourceAttributes:NonResourceAttributes
SubjectAccessReviewStatus
	allowed:bool reason:string evaluationError:string denied:bool
SelfSubjectRulesReviewSpec
	namespace:string
SubjectRulesReviewStatus
	resourceRules:[ResourceRule] nonResourceRules:[NonResourceRule] incomplete:bool
	evaluationError:string
SubjectAccessReviewSpec
	resourceAttributes:ResourceAttributes nonResourceAttributes:NonResourceAttributes user:string
	groups:[string] extra:<[string]> uid:string
TokenReviewSpec
	token!:string audiences:[string]
TokenReviewStatus
	authenticated:bool user:UserInfo error:string audiences:[string]
TokenRequestSpec
	audiences:[string] #3 boundObjectRef:BoundObjectReference expirationSeconds:int=3600
TokenRequestStatus
	token:string expirationTimestamp:time
SelfSubjectReviewStatus
	userInfo:UserInfo
NonResourceAttributes
	path:string verb:string
ResourceAttributes
	namespace:string verb:string group:string version:string resource:string subresource:string
	name:string fieldSelector:FieldSelectorAttributes labelSelector:LabelSelectorAttributes
NonResourceRule
	verbs!:[string] nonResourceURLs:[string]
ResourceRule
	verbs!:[string] apiGroups:[string] resources:[string] resourceNames:[string]
UserInfo
	username:string uid:string groups:[string] extra:<[string]>
BoundObjectReference
	kind:string apiVersion:string name:string uid:string
FieldSelectorAttributes
	rawSelector:string requirements:[FieldSelectorRequirement]
LabelSelectorAttributes
	rawSelector:string requirements:[LabelSelectorRequirement]
FieldSelectorRequirement
	key!:string operator!:string values:[string]
`;
