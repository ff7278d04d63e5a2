/** Services, storage, configuration, events, namespaces. Notation: `schema-table.ts`. */
export const coreSchemas = `
Namespace
	metadata:ObjectMeta spec:NamespaceSpec status:NamespaceStatus
Service
	metadata:ObjectMeta spec:ServiceSpec status:ServiceStatus
Endpoints
	metadata:ObjectMeta subsets:[EndpointSubset]
EndpointSlice
	metadata:ObjectMeta endpoints:[Endpoint] ports:[EndpointSlicePort]
	addressType!:IPv4|IPv6|FQDN
NetworkPolicy
	metadata:ObjectMeta spec:NetworkPolicySpec
PersistentVolume
	metadata:ObjectMeta spec:PersistentVolumeSpec status:PersistentVolumeStatus
PersistentVolumeClaim
	metadata:ObjectMeta spec:PersistentVolumeClaimSpec status:PersistentVolumeClaimStatus
StorageClass
	metadata:ObjectMeta provisioner!:string parameters:<string>
	reclaimPolicy:Retain|Delete=Delete mountOptions:[string] allowVolumeExpansion:bool
	volumeBindingMode:Immediate|WaitForFirstConsumer=Immediate
	allowedTopologies:[TopologySelectorTerm]
Secret
	metadata:ObjectMeta data:<bytes> type:string=Opaque stringData:<string> immutable:bool
ConfigMap
	metadata:ObjectMeta data:<string> binaryData:<bytes> immutable:bool
ServiceAccount
	metadata:ObjectMeta secrets:[ObjectReference]{name} imagePullSecrets:[LocalObjectReference]
	automountServiceAccountToken:bool
Event
	metadata:ObjectMeta involvedObject:ObjectReference reason:string message:string
	source:EventSource firstTimestamp:time lastTimestamp:time count:int type:string
	eventTime:time series:EventSeries action:string related:ObjectReference
	reportingComponent:string reportingInstance:string
EventsEvent
	metadata:ObjectMeta eventTime:time series:EventsEventSeries reportingController:string
	reportingInstance:string action:string reason:string regarding:ObjectReference
	related:ObjectReference note:string type:string deprecatedSource:EventSource
	deprecatedFirstTimestamp:time deprecatedLastTimestamp:time deprecatedCount:int
Lease
	metadata:ObjectMeta spec:LeaseSpec
ResourceQuota
	metadata:ObjectMeta spec:ResourceQuotaSpec status:ResourceQuotaStatus
LimitRange
	metadata:ObjectMeta spec:LimitRangeSpec
NamespaceSpec
	finalizers:[string]
NamespaceStatus
	phase:string conditions:[NamespaceCondition]{type}
ServiceSpec
	ports:[ServicePort]{port,protocol} selector:@<string> clusterIP:string
	type:ClusterIP|NodePort|LoadBalancer|ExternalName=ClusterIP externalIPs:[string] #7
	sessionAffinity:ClientIP|None=None loadBalancerIP:string loadBalancerSourceRanges:[string]
	externalName:string externalTrafficPolicy:Cluster|Local healthCheckNodePort:int
	publishNotReadyAddresses:bool sessionAffinityConfig:SessionAffinityConfig #17
	ipFamilyPolicy:string clusterIPs:[string] ipFamilies:[string]
	allocateLoadBalancerNodePorts:bool loadBalancerClass:string
	internalTrafficPolicy:Cluster|Local trafficDistribution:string
ServiceStatus
	loadBalancer:LoadBalancerStatus conditions:[Condition]{type}
EndpointSubset
	addresses:[EndpointAddress] notReadyAddresses:[EndpointAddress] ports:[EndpointPort]
Endpoint
	addresses:[string]{} conditions:EndpointConditions hostname:string targetRef:ObjectReference
	deprecatedTopology:<string> nodeName:string zone:string hints:EndpointHints
@EndpointSlicePort
	name:string protocol:TCP|UDP|SCTP=TCP port:int appProtocol:string
NetworkPolicySpec
	podSelector:LabelSelector ingress:[NetworkPolicyIngressRule] egress:[NetworkPolicyEgressRule]
	policyTypes:[Ingress|Egress]
PersistentVolumeSource
	gcePersistentDisk:any awsElasticBlockStore:any hostPath:HostPathVolumeSource glusterfs:any
	nfs:NFSVolumeSource rbd:any iscsi:any cinder:any cephfs:any fc:any flocker:any flexVolume:any
	azureFile:any vsphereVolume:any quobyte:any azureDisk:any photonPersistentDisk:any
	portworxVolume:any scaleIO:any local:LocalVolumeSource storageos:any
	csi:CSIPersistentVolumeSource
PersistentVolumeSpec
	capacity:<quantity> ...:PersistentVolumeSource
	accessModes:[ReadWriteOnce|ReadOnlyMany|ReadWriteMany|ReadWriteOncePod]
	claimRef:ObjectReference persistentVolumeReclaimPolicy:Retain|Delete|Recycle=Retain
	storageClassName:string mountOptions:[string] volumeMode:Block|Filesystem=Filesystem
	nodeAffinity:VolumeNodeAffinity volumeAttributesClassName:string
PersistentVolumeStatus
	phase:string message:string reason:string lastPhaseTransitionTime:time
PersistentVolumeClaimStatus
	phase:string accessModes:[string] capacity:<quantity>
	conditions:[PersistentVolumeClaimCondition]{type} allocatedResources:<quantity> #7
	allocatedResourceStatuses:<string> currentVolumeAttributesClassName:string
	modifyVolumeStatus:ModifyVolumeStatus
@TopologySelectorTerm
	matchLabelExpressions:[TopologySelectorLabelRequirement]
EventSeries
	count:int lastObservedTime:time
EventSource
	component:string host:string
EventsEventSeries
	count!:int lastObservedTime!:time
LeaseSpec
	holderIdentity:string leaseDurationSeconds:int acquireTime:time renewTime:time
	leaseTransitions:int strategy:string preferredHolder:string
ResourceQuotaSpec
	hard:<quantity> scopes:[string] scopeSelector:ScopeSelector
ResourceQuotaStatus
	hard:<quantity> used:<quantity>
LimitRangeSpec
	limits:[LimitRangeItem]
NamespaceCondition
	type!:string status!:string #4 lastTransitionTime:time reason:string message:string
ServicePort
	name:string protocol:TCP|UDP|SCTP=TCP port!:int targetPort:intOrString nodePort:int
	appProtocol:string
SessionAffinityConfig
	clientIP:ClientIPConfig
LoadBalancerStatus
	ingress:[LoadBalancerIngress]
@EndpointAddress
	ip!:string targetRef:ObjectReference hostname:string nodeName:string
@EndpointPort
	name:string port!:int protocol:TCP|UDP|SCTP=TCP appProtocol:string
EndpointConditions
	ready:bool serving:bool terminating:bool
EndpointHints
	forZones:[ForZone] forNodes:[ForNode]
NetworkPolicyEgressRule
	ports:[NetworkPolicyPort] to:[NetworkPolicyPeer]
NetworkPolicyIngressRule
	ports:[NetworkPolicyPort] from:[NetworkPolicyPeer]
CSIPersistentVolumeSource
	driver!:string volumeHandle!:string readOnly:bool fsType:string volumeAttributes:<string>
	controllerPublishSecretRef:SecretReference nodeStageSecretRef:SecretReference
	nodePublishSecretRef:SecretReference controllerExpandSecretRef:SecretReference
	nodeExpandSecretRef:SecretReference
LocalVolumeSource
	path!:string fsType:string
VolumeNodeAffinity
	required:NodeSelector
ModifyVolumeStatus
	targetVolumeAttributesClassName:string status:string
PersistentVolumeClaimCondition
	type!:string status!:string lastProbeTime:time lastTransitionTime:time reason:string
	message:string
TopologySelectorLabelRequirement
	key!:string values!:[string]
@ScopeSelector
	matchExpressions:[ScopedResourceSelectorRequirement]
LimitRangeItem
	type!:string max:<quantity> min:<quantity> default:<quantity> defaultRequest:<quantity>
	maxLimitRequestRatio:<quantity>
ClientIPConfig
	timeoutSeconds:int
LoadBalancerIngress
	ip:string hostname:string ipMode:string ports:[PortStatus]
ForNode
	name!:string
ForZone
	name!:string
NetworkPolicyPeer
	podSelector:LabelSelector namespaceSelector:LabelSelector ipBlock:IPBlock
NetworkPolicyPort
	protocol:TCP|UDP|SCTP=TCP port:intOrString endPort:int
ScopedResourceSelectorRequirement
	scopeName!:string operator!:string values:[string]
PortStatus
	port:int protocol:string error:string
IPBlock
	cidr!:string except:[string]
`;
