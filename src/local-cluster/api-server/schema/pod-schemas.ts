/** Pods and everything inside of them. Notation: `schema-table.ts`. */
export const podSchemas = `
PodSpec
	volumes:[Volume]{name}% containers!:[Container]{name}
	restartPolicy:Always|OnFailure|Never=Always terminationGracePeriodSeconds:int=30
	activeDeadlineSeconds:int
	dnsPolicy:ClusterFirst|ClusterFirstWithHostNet|Default|None=ClusterFirst
	nodeSelector:@<string> serviceAccountName:string serviceAccount:string nodeName:string
	hostNetwork:bool hostPID:bool hostIPC:bool securityContext:PodSecurityContext={}
	imagePullSecrets:[LocalObjectReference]{name} hostname:string subdomain:string
	affinity:Affinity schedulerName:string=default-scheduler initContainers:[Container]{name}
	automountServiceAccountToken:bool tolerations:[Toleration] hostAliases:[HostAlias]{ip}
	priorityClassName:string priority:int dnsConfig:PodDNSConfig shareProcessNamespace:bool
	readinessGates:[PodReadinessGate] runtimeClassName:string enableServiceLinks:bool
	preemptionPolicy:string overhead:<quantity>
	topologySpreadConstraints:[TopologySpreadConstraint]{topologyKey,whenUnsatisfiable}
	ephemeralContainers:[EphemeralContainer]{name} setHostnameAsFQDN:bool os:PodOS hostUsers:bool
	schedulingGates:[PodSchedulingGate]{name} resourceClaims:[PodResourceClaim]{name}%
	resources:ResourceRequirements hostnameOverride:string #43 schedulingGroup:PodSchedulingGroup
Container
	name!:string image:string command:[string] args:[string] workingDir:string
	ports:[ContainerPort]{containerPort,protocol} env:[EnvVar]{name}
	resources:ResourceRequirements={} volumeMounts:[VolumeMount]{mountPath} livenessProbe:Probe
	readinessProbe:Probe lifecycle:Lifecycle terminationMessagePath:string=/dev/termination-log
	imagePullPolicy:Always|IfNotPresent|Never securityContext:SecurityContext stdin:bool
	stdinOnce:bool tty:bool envFrom:[EnvFromSource]
	terminationMessagePolicy:File|FallbackToLogsOnError=File
	volumeDevices:[VolumeDevice]{devicePath} startupProbe:Probe
	resizePolicy:[ContainerResizePolicy] restartPolicy:string
	restartPolicyRules:[ContainerRestartRule]
VolumeSource
	hostPath:HostPathVolumeSource emptyDir:EmptyDirVolumeSource gcePersistentDisk:any
	awsElasticBlockStore:any gitRepo:any secret:SecretVolumeSource nfs:NFSVolumeSource iscsi:any
	glusterfs:any persistentVolumeClaim:PersistentVolumeClaimVolumeSource rbd:any flexVolume:any
	cinder:any cephfs:any flocker:any downwardAPI:DownwardAPIVolumeSource fc:any azureFile:any
	configMap:ConfigMapVolumeSource vsphereVolume:any quobyte:any azureDisk:any
	photonPersistentDisk:any portworxVolume:any scaleIO:any projected:ProjectedVolumeSource
	storageos:any csi:CSIVolumeSource ephemeral:EphemeralVolumeSource image:ImageVolumeSource
Volume
	name!:string ...:VolumeSource
ProbeHandler
	exec:ExecAction httpGet:HTTPGetAction tcpSocket:TCPSocketAction grpc:GRPCAction
Probe
	...:ProbeHandler initialDelaySeconds:int timeoutSeconds:int=1 periodSeconds:int=10
	successThreshold:int=1 failureThreshold:int=3 terminationGracePeriodSeconds:int
Pod
	metadata:ObjectMeta spec:PodSpec status:PodStatus
PodTemplateSpec
	metadata:ObjectMeta spec:PodSpec
Node
	metadata:ObjectMeta spec:NodeSpec status:NodeStatus
Binding
	metadata:ObjectMeta target!:ObjectReference
Affinity
	nodeAffinity:NodeAffinity podAffinity:PodAffinity podAntiAffinity:PodAntiAffinity
EphemeralContainerCommon
	name!:string image:string command:[string] args:[string] workingDir:string
	ports:[ContainerPort]{containerPort,protocol} env:[EnvVar]{name}
	resources:ResourceRequirements={} volumeMounts:[VolumeMount]{mountPath} livenessProbe:Probe
	readinessProbe:Probe lifecycle:Lifecycle terminationMessagePath:string=/dev/termination-log
	imagePullPolicy:Always|IfNotPresent|Never securityContext:SecurityContext stdin:bool
	stdinOnce:bool tty:bool envFrom:[EnvFromSource]
	terminationMessagePolicy:File|FallbackToLogsOnError=File
	volumeDevices:[VolumeDevice]{devicePath} startupProbe:Probe
	resizePolicy:[ContainerResizePolicy] restartPolicy:string
	restartPolicyRules:[ContainerRestartRule]
EphemeralContainer
	...:EphemeralContainerCommon targetContainerName:string
HostAlias
	ip!:string hostnames:[string]
PodDNSConfig
	nameservers:[string] searches:[string] options:[PodDNSConfigOption]
PodOS
	name!:string
PodReadinessGate
	conditionType!:string
PodResourceClaim
	name!:string #3 resourceClaimName:string resourceClaimTemplateName:string
PodSchedulingGate
	name!:string
PodSchedulingGroup
	podGroupName:string
PodSecurityContext
	seLinuxOptions:SELinuxOptions runAsUser:int runAsNonRoot:bool supplementalGroups:[int]
	fsGroup:int runAsGroup:int sysctls:[Sysctl] windowsOptions:WindowsSecurityContextOptions
	fsGroupChangePolicy:string seccompProfile:SeccompProfile appArmorProfile:AppArmorProfile
	supplementalGroupsPolicy:string seLinuxChangePolicy:string
ResourceRequirements
	limits:<quantity> requests:<quantity> claims:[ResourceClaim]{name}
Toleration
	key:string operator:Equal|Exists value:string effect:NoSchedule|PreferNoSchedule|NoExecute
	tolerationSeconds:int
TopologySpreadConstraint
	maxSkew!:int topologyKey!:string whenUnsatisfiable!:DoNotSchedule|ScheduleAnyway
	labelSelector:LabelSelector minDomains:int nodeAffinityPolicy:string nodeTaintsPolicy:string
	matchLabelKeys:[string]
ContainerPort
	name:string hostPort:int containerPort!:int protocol:TCP|UDP|SCTP=TCP hostIP:string
ContainerResizePolicy
	resourceName!:string restartPolicy!:string
ContainerRestartRule
	action!:string exitCodes:ContainerRestartRuleOnExitCodes
EnvFromSource
	prefix:string configMapRef:ConfigMapEnvSource secretRef:SecretEnvSource
EnvVar
	name!:string value:string valueFrom:EnvVarSource
Lifecycle
	postStart:LifecycleHandler preStop:LifecycleHandler stopSignal:string
SecurityContext
	capabilities:Capabilities privileged:bool seLinuxOptions:SELinuxOptions runAsUser:int
	runAsNonRoot:bool readOnlyRootFilesystem:bool allowPrivilegeEscalation:bool runAsGroup:int
	procMount:string windowsOptions:WindowsSecurityContextOptions seccompProfile:SeccompProfile
	appArmorProfile:AppArmorProfile
VolumeDevice
	name!:string devicePath!:string
VolumeMount
	name!:string readOnly:bool mountPath!:string subPath:string
	mountPropagation:None|HostToContainer|Bidirectional subPathExpr:string
	recursiveReadOnly:string
CSIVolumeSource
	driver!:string readOnly:bool fsType:string volumeAttributes:<string>
	nodePublishSecretRef:LocalObjectReference
ConfigMapVolumeSource
	...:LocalObjectReference items:[KeyToPath] defaultMode:int=420 optional:bool
DownwardAPIVolumeSource
	items:[DownwardAPIVolumeFile] defaultMode:int=420
EmptyDirVolumeSource
	medium:string sizeLimit:quantity
EphemeralVolumeSource
	volumeClaimTemplate:PersistentVolumeClaimTemplate
HostPathVolumeSource
	path!:string type:string
ImageVolumeSource
	reference:string pullPolicy:string
NFSVolumeSource
	server!:string path!:string readOnly:bool
PersistentVolumeClaimVolumeSource
	claimName!:string readOnly:bool
ProjectedVolumeSource
	sources:[VolumeProjection] defaultMode:int=420
SecretVolumeSource
	secretName:string items:[KeyToPath] defaultMode:int=420 optional:bool
ExecAction
	command:[string]
GRPCAction
	port!:int service:string
HTTPGetAction
	path:string=/ port!:intOrString host:string scheme:HTTP|HTTPS=HTTP httpHeaders:[HTTPHeader]
TCPSocketAction
	port!:intOrString host:string
PodStatus
	phase:string conditions:[PodCondition]{type} message:string reason:string hostIP:string
	podIP:string startTime:time containerStatuses:[ContainerStatus] qosClass:string
	initContainerStatuses:[ContainerStatus] nominatedNodeName:string podIPs:[PodIP]{ip}
	ephemeralContainerStatuses:[ContainerStatus] resize:string
	resourceClaimStatuses:[PodResourceClaimStatus]{name}% hostIPs:[HostIP]~ip
	observedGeneration:int extendedResourceClaimStatus:PodExtendedResourceClaimStatus
	allocatedResources:<quantity> resources:ResourceRequirements
	nodeAllocatableResourceClaimStatuses:[NodeAllocatableResourceClaimStatus]
NodeSpec
	podCIDR:string externalID:string providerID:string unschedulable:bool taints:[Taint]
	configSource:any podCIDRs:[string]{}
NodeStatus
	capacity:<quantity> allocatable:<quantity> phase:string conditions:[NodeCondition]{type}
	addresses:[NodeAddress]{type} daemonEndpoints:NodeDaemonEndpoints nodeInfo:NodeSystemInfo
	images:[ContainerImage] volumesInUse:[string] volumesAttached:[AttachedVolume] config:any
	runtimeHandlers:[NodeRuntimeHandler] features:NodeFeatures declaredFeatures:[string]
NodeAffinity
	requiredDuringSchedulingIgnoredDuringExecution:NodeSelector
	preferredDuringSchedulingIgnoredDuringExecution:[PreferredSchedulingTerm]
PodAffinity
	requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]
	preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]
PodAntiAffinity
	requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]
	preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]
PodDNSConfigOption
	name:string value:string
AppArmorProfile
	type!:string localhostProfile:string
SELinuxOptions
	user:string role:string type:string level:string
SeccompProfile
	type!:string localhostProfile:string
Sysctl
	name!:string value:string
WindowsSecurityContextOptions
	gmsaCredentialSpecName:string gmsaCredentialSpec:string runAsUserName:string hostProcess:bool
ResourceClaim
	name!:string request:string
ContainerRestartRuleOnExitCodes
	operator!:string values:[int]{}
ConfigMapEnvSource
	...:LocalObjectReference optional:bool
SecretEnvSource
	...:LocalObjectReference optional:bool
EnvVarSource
	fieldRef:ObjectFieldSelector resourceFieldRef:ResourceFieldSelector
	configMapKeyRef:ConfigMapKeySelector secretKeyRef:SecretKeySelector
	fileKeyRef:FileKeySelector
LifecycleHandler
	exec:ExecAction httpGet:HTTPGetAction tcpSocket:TCPSocketAction sleep:SleepAction
Capabilities
	add:[string] drop:[string]
KeyToPath
	key!:string path!:string mode:int
DownwardAPIVolumeFile
	path!:string fieldRef:ObjectFieldSelector resourceFieldRef:ResourceFieldSelector mode:int
PersistentVolumeClaimTemplate
	metadata:ObjectMeta spec!:PersistentVolumeClaimSpec
VolumeProjection
	secret:SecretProjection downwardAPI:DownwardAPIProjection configMap:ConfigMapProjection
	serviceAccountToken:ServiceAccountTokenProjection
	clusterTrustBundle:ClusterTrustBundleProjection podCertificate:PodCertificateProjection
HTTPHeader
	name!:string value:string
ContainerStatus
	name:string state:ContainerState lastState:ContainerState ready:bool restartCount:int
	image:string imageID:string containerID:string started:bool allocatedResources:<quantity>
	resources:ResourceRequirements volumeMounts:[VolumeMountStatus]{mountPath} user:ContainerUser
	allocatedResourcesStatus:[ResourceStatus]{name} stopSignal:string
HostIP
	ip!:string
NodeAllocatableResourceClaimStatus
	resourceClaimName:string containers:[string]{} resources:<quantity>
PodCondition
	type!:string status!:string lastProbeTime:time lastTransitionTime:time reason:string
	message:string observedGeneration:int
PodExtendedResourceClaimStatus
	requestMappings:[ContainerExtendedResourceRequest] resourceClaimName:string
PodIP
	ip!:string
PodResourceClaimStatus
	name:string resourceClaimName:string
Taint
	key!:string value:string effect!:NoSchedule|PreferNoSchedule|NoExecute timeAdded:time
AttachedVolume
	name!:string devicePath!:string
ContainerImage
	names:[string] sizeBytes:int
NodeAddress
	type!:string address!:string
NodeCondition
	type!:string status!:string lastHeartbeatTime:time lastTransitionTime:time reason:string
	message:string
NodeDaemonEndpoints
	kubeletEndpoint:DaemonEndpoint
NodeFeatures
	supplementalGroupsPolicy:bool
NodeRuntimeHandler
	name:string features:NodeRuntimeHandlerFeatures
NodeSystemInfo
	machineID!:string systemUUID!:string bootID!:string kernelVersion!:string osImage!:string
	containerRuntimeVersion!:string kubeletVersion!:string kubeProxyVersion!:string
	operatingSystem!:string architecture!:string swap:NodeSwapStatus
@NodeSelector
	nodeSelectorTerms!:[NodeSelectorTerm]
PreferredSchedulingTerm
	weight!:int preference!:NodeSelectorTerm
PodAffinityTerm
	labelSelector:LabelSelector namespaces:[string] topologyKey!:string
	namespaceSelector:LabelSelector matchLabelKeys:[string] mismatchLabelKeys:[string]
WeightedPodAffinityTerm
	weight!:int podAffinityTerm!:PodAffinityTerm
@ConfigMapKeySelector
	...:LocalObjectReference key!:string optional:bool
@FileKeySelector
	volumeName!:string path!:string key!:string optional:bool
@ObjectFieldSelector
	apiVersion:string=v1 fieldPath!:string
@ResourceFieldSelector
	containerName:string resource!:string divisor:quantity=0
@SecretKeySelector
	...:LocalObjectReference key!:string optional:bool
SleepAction
	seconds!:int
PersistentVolumeClaimSpec
	accessModes:[ReadWriteOnce|ReadOnlyMany|ReadWriteMany|ReadWriteOncePod]
	resources:VolumeResourceRequirements volumeName:string selector:LabelSelector
	storageClassName:string volumeMode:Block|Filesystem=Filesystem
	dataSource:TypedLocalObjectReference dataSourceRef:TypedObjectReference
	volumeAttributesClassName:string
ClusterTrustBundleProjection
	name:string signerName:string labelSelector:LabelSelector path!:string optional:bool
ConfigMapProjection
	...:LocalObjectReference items:[KeyToPath] #4 optional:bool
DownwardAPIProjection
	items:[DownwardAPIVolumeFile]
PodCertificateProjection
	signerName!:string keyType!:string maxExpirationSeconds:int credentialBundlePath:string
	keyPath:string certificateChainPath:string userAnnotations:<string>
SecretProjection
	...:LocalObjectReference items:[KeyToPath] #4 optional:bool
ServiceAccountTokenProjection
	audience:string expirationSeconds:int=3600 path!:string
ContainerState
	waiting:ContainerStateWaiting running:ContainerStateRunning
	terminated:ContainerStateTerminated
ContainerUser
	linux:LinuxContainerUser
ResourceStatus
	name:string resources:[ResourceHealth]{resourceID}
VolumeMountStatus
	name:string mountPath:string readOnly:bool recursiveReadOnly:string volumeStatus:VolumeStatus
ContainerExtendedResourceRequest
	containerName!:string resourceName!:string requestName!:string
DaemonEndpoint
	Port!:int
NodeRuntimeHandlerFeatures
	recursiveReadOnlyMounts:bool userNamespaces:bool
NodeSwapStatus
	capacity:int
@NodeSelectorTerm
	matchExpressions:[NodeSelectorRequirement] matchFields:[NodeSelectorRequirement]
VolumeResourceRequirements
	limits:<quantity> requests:<quantity>
ContainerStateRunning
	startedAt:time
ContainerStateTerminated
	exitCode!:int signal:int reason:string message:string startedAt:time finishedAt:time
	containerID:string
ContainerStateWaiting
	reason:string message:string
LinuxContainerUser
	uid!:int gid!:int supplementalGroups:[int]
ResourceHealth
	resourceID!:string health:string #6 message:string
VolumeStatus
	image:ImageVolumeStatus
NodeSelectorRequirement
	key!:string operator!:In|NotIn|Exists|DoesNotExist|Gt|Lt values:[string]
ImageVolumeStatus
	imageRef:string
`;
