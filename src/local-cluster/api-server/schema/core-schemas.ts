/** Services, storage, configuration, events, namespaces. Notation: `schema-table.ts`. */
export const coreSchemas = `
Namespace
	metadata:ObjectMeta spec:NamespaceSpec status:NamespaceStatus
Service
	metadata:ObjectMeta spec:ServiceSpec status:ServiceStatus
Endpoints
	metadata:ObjectMeta subsets:[EndpointSubset]
EndpointSlice
	addressType!:IPv4|IPv6|FQDN endpoints:[Endpoint] metadata:ObjectMeta
	ports:[EndpointSlicePort]
NetworkPolicy
	metadata:ObjectMeta spec:NetworkPolicySpec
PersistentVolume
	metadata:ObjectMeta spec:PersistentVolumeSpec status:PersistentVolumeStatus
PersistentVolumeClaim
	metadata:ObjectMeta spec:PersistentVolumeClaimSpec status:PersistentVolumeClaimStatus
StorageClass
	allowVolumeExpansion:bool allowedTopologies:[TopologySelectorTerm] metadata:ObjectMeta
	mountOptions:[string] parameters:<string> provisioner!:string
	reclaimPolicy:Retain|Delete=Delete volumeBindingMode:Immediate|WaitForFirstConsumer=Immediate
Secret
	data:<bytes> immutable:bool metadata:ObjectMeta stringData:<string> type:string=Opaque
ConfigMap
	binaryData:<bytes> data:<string> immutable:bool metadata:ObjectMeta
ServiceAccount
	automountServiceAccountToken:bool imagePullSecrets:[LocalObjectReference] metadata:ObjectMeta
	secrets:[ObjectReference]{name}
Event
	action:string count:int eventTime:time firstTimestamp:time involvedObject:ObjectReference
	lastTimestamp:time message:string metadata:ObjectMeta reason:string related:ObjectReference
	reportingComponent:string reportingInstance:string series:EventSeries source:EventSource
	type:string
EventsEvent
	action:string deprecatedCount:int deprecatedFirstTimestamp:time deprecatedLastTimestamp:time
	deprecatedSource:EventSource eventTime:time metadata:ObjectMeta note:string reason:string
	regarding:ObjectReference related:ObjectReference reportingController:string
	reportingInstance:string series:EventsEventSeries type:string
Lease
	metadata:ObjectMeta spec:LeaseSpec
ResourceQuota
	metadata:ObjectMeta spec:ResourceQuotaSpec status:ResourceQuotaStatus
LimitRange
	metadata:ObjectMeta spec:LimitRangeSpec
NamespaceSpec
	finalizers:[string]
NamespaceStatus
	conditions:[NamespaceCondition]{type} phase:string
ServiceSpec
	allocateLoadBalancerNodePorts:bool clusterIP:string clusterIPs:[string] externalIPs:[string]
	externalName:string externalTrafficPolicy:Cluster|Local healthCheckNodePort:int
	internalTrafficPolicy:Cluster|Local ipFamilies:[string] ipFamilyPolicy:string
	loadBalancerClass:string loadBalancerIP:string loadBalancerSourceRanges:[string]
	ports:[ServicePort]{port,protocol} publishNotReadyAddresses:bool selector:@<string>
	sessionAffinity:ClientIP|None=None sessionAffinityConfig:SessionAffinityConfig
	trafficDistribution:string type:ClusterIP|NodePort|LoadBalancer|ExternalName=ClusterIP
ServiceStatus
	conditions:[Condition]{type} loadBalancer:LoadBalancerStatus
EndpointSubset
	addresses:[EndpointAddress] notReadyAddresses:[EndpointAddress] ports:[EndpointPort]
Endpoint
	addresses:[string]{} conditions:EndpointConditions deprecatedTopology:<string>
	hints:EndpointHints hostname:string nodeName:string targetRef:ObjectReference zone:string
@EndpointSlicePort
	appProtocol:string name:string port:int protocol:TCP|UDP|SCTP=TCP
NetworkPolicySpec
	egress:[NetworkPolicyEgressRule] ingress:[NetworkPolicyIngressRule] podSelector:LabelSelector
	policyTypes:[Ingress|Egress]
PersistentVolumeSpec
	accessModes:[ReadWriteOnce|ReadOnlyMany|ReadWriteMany|ReadWriteOncePod]
	awsElasticBlockStore:any azureDisk:any azureFile:any capacity:<quantity> cephfs:any
	cinder:any claimRef:ObjectReference csi:CSIPersistentVolumeSource fc:any flexVolume:any
	flocker:any gcePersistentDisk:any glusterfs:any hostPath:HostPathVolumeSource iscsi:any
	local:LocalVolumeSource mountOptions:[string] nfs:NFSVolumeSource
	nodeAffinity:VolumeNodeAffinity persistentVolumeReclaimPolicy:Retain|Delete|Recycle=Retain
	photonPersistentDisk:any portworxVolume:any quobyte:any rbd:any scaleIO:any
	storageClassName:string storageos:any volumeAttributesClassName:string
	volumeMode:Block|Filesystem=Filesystem vsphereVolume:any
PersistentVolumeStatus
	lastPhaseTransitionTime:time message:string phase:string reason:string
PersistentVolumeClaimStatus
	accessModes:[string] allocatedResourceStatuses:<string> allocatedResources:<quantity>
	capacity:<quantity> conditions:[PersistentVolumeClaimCondition]{type}
	currentVolumeAttributesClassName:string modifyVolumeStatus:ModifyVolumeStatus phase:string
@TopologySelectorTerm
	matchLabelExpressions:[TopologySelectorLabelRequirement]
EventSeries
	count:int lastObservedTime:time
EventSource
	component:string host:string
EventsEventSeries
	count!:int lastObservedTime!:time
LeaseSpec
	acquireTime:time holderIdentity:string leaseDurationSeconds:int leaseTransitions:int
	preferredHolder:string renewTime:time strategy:string
ResourceQuotaSpec
	hard:<quantity> scopeSelector:ScopeSelector scopes:[string]
ResourceQuotaStatus
	hard:<quantity> used:<quantity>
LimitRangeSpec
	limits:[LimitRangeItem]
NamespaceCondition
	lastTransitionTime:time message:string reason:string status!:string type!:string
ServicePort
	appProtocol:string name:string nodePort:int port!:int protocol:TCP|UDP|SCTP=TCP
	targetPort:intOrString
SessionAffinityConfig
	clientIP:ClientIPConfig
LoadBalancerStatus
	ingress:[LoadBalancerIngress]
@EndpointAddress
	hostname:string ip!:string nodeName:string targetRef:ObjectReference
@EndpointPort
	appProtocol:string name:string port!:int protocol:TCP|UDP|SCTP=TCP
EndpointConditions
	ready:bool serving:bool terminating:bool
EndpointHints
	forNodes:[ForNode] forZones:[ForZone]
NetworkPolicyEgressRule
	ports:[NetworkPolicyPort] to:[NetworkPolicyPeer]
NetworkPolicyIngressRule
	from:[NetworkPolicyPeer] ports:[NetworkPolicyPort]
CSIPersistentVolumeSource
	controllerExpandSecretRef:SecretReference controllerPublishSecretRef:SecretReference
	driver!:string fsType:string nodeExpandSecretRef:SecretReference
	nodePublishSecretRef:SecretReference nodeStageSecretRef:SecretReference readOnly:bool
	volumeAttributes:<string> volumeHandle!:string
LocalVolumeSource
	fsType:string path!:string
VolumeNodeAffinity
	required:NodeSelector
ModifyVolumeStatus
	status:string targetVolumeAttributesClassName:string
PersistentVolumeClaimCondition
	lastProbeTime:time lastTransitionTime:time message:string reason:string status!:string
	type!:string
TopologySelectorLabelRequirement
	key!:string values!:[string]
@ScopeSelector
	matchExpressions:[ScopedResourceSelectorRequirement]
LimitRangeItem
	default:<quantity> defaultRequest:<quantity> max:<quantity> maxLimitRequestRatio:<quantity>
	min:<quantity> type!:string
ClientIPConfig
	timeoutSeconds:int
LoadBalancerIngress
	hostname:string ip:string ipMode:string ports:[PortStatus]
ForNode
	name!:string
ForZone
	name!:string
NetworkPolicyPeer
	ipBlock:IPBlock namespaceSelector:LabelSelector podSelector:LabelSelector
NetworkPolicyPort
	endPort:int port:intOrString protocol:TCP|UDP|SCTP=TCP
ScopedResourceSelectorRequirement
	operator!:string scopeName!:string values:[string]
PortStatus
	error:string port:int protocol:string
IPBlock
	cidr!:string except:[string]
`;
