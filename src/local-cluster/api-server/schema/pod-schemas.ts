/** Pods and everything inside of them. Notation: `schema-table.ts`. */
export const podSchemas = `
PodSpec
	activeDeadlineSeconds:int affinity:Affinity automountServiceAccountToken:bool
	containers!:[Container]{name} dnsConfig:PodDNSConfig
	dnsPolicy:ClusterFirst|ClusterFirstWithHostNet|Default|None=ClusterFirst
	enableServiceLinks:bool ephemeralContainers:[EphemeralContainer]{name}
	hostAliases:[HostAlias]{ip} hostIPC:bool hostNetwork:bool hostPID:bool hostUsers:bool
	hostname:string hostnameOverride:string imagePullSecrets:[LocalObjectReference]{name}
	initContainers:[Container]{name} nodeName:string nodeSelector:@<string> os:PodOS
	overhead:<quantity> preemptionPolicy:string priority:int priorityClassName:string
	readinessGates:[PodReadinessGate] resourceClaims:[PodResourceClaim]{name}%
	resources:ResourceRequirements restartPolicy:Always|OnFailure|Never=Always
	runtimeClassName:string schedulerName:string=default-scheduler
	schedulingGates:[PodSchedulingGate]{name} schedulingGroup:PodSchedulingGroup
	securityContext:PodSecurityContext={} serviceAccount:string serviceAccountName:string
	setHostnameAsFQDN:bool shareProcessNamespace:bool subdomain:string
	terminationGracePeriodSeconds:int=30 tolerations:[Toleration]
	topologySpreadConstraints:[TopologySpreadConstraint]{topologyKey,whenUnsatisfiable}
	volumes:[Volume]{name}%
Container
	args:[string] command:[string] env:[EnvVar]{name} envFrom:[EnvFromSource] image:string
	imagePullPolicy:Always|IfNotPresent|Never lifecycle:Lifecycle livenessProbe:Probe
	name!:string ports:[ContainerPort]{containerPort,protocol} readinessProbe:Probe
	resizePolicy:[ContainerResizePolicy] resources:ResourceRequirements={} restartPolicy:string
	restartPolicyRules:[ContainerRestartRule] securityContext:SecurityContext startupProbe:Probe
	stdin:bool stdinOnce:bool terminationMessagePath:string=/dev/termination-log
	terminationMessagePolicy:File|FallbackToLogsOnError=File tty:bool
	volumeDevices:[VolumeDevice]{devicePath} volumeMounts:[VolumeMount]{mountPath}
	workingDir:string
Volume
	awsElasticBlockStore:any azureDisk:any azureFile:any cephfs:any cinder:any
	configMap:ConfigMapVolumeSource csi:CSIVolumeSource downwardAPI:DownwardAPIVolumeSource
	emptyDir:EmptyDirVolumeSource ephemeral:EphemeralVolumeSource fc:any flexVolume:any
	flocker:any gcePersistentDisk:any gitRepo:any glusterfs:any hostPath:HostPathVolumeSource
	image:ImageVolumeSource iscsi:any name!:string nfs:NFSVolumeSource
	persistentVolumeClaim:PersistentVolumeClaimVolumeSource photonPersistentDisk:any
	portworxVolume:any projected:ProjectedVolumeSource quobyte:any rbd:any scaleIO:any
	secret:SecretVolumeSource storageos:any vsphereVolume:any
Probe
	exec:ExecAction failureThreshold:int=3 grpc:GRPCAction httpGet:HTTPGetAction
	initialDelaySeconds:int periodSeconds:int=10 successThreshold:int=1 tcpSocket:TCPSocketAction
	terminationGracePeriodSeconds:int timeoutSeconds:int=1
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
EphemeralContainer
	args:[string] command:[string] env:[EnvVar]{name} envFrom:[EnvFromSource] image:string
	imagePullPolicy:Always|IfNotPresent|Never lifecycle:Lifecycle livenessProbe:Probe
	name!:string ports:[ContainerPort]{containerPort,protocol} readinessProbe:Probe
	resizePolicy:[ContainerResizePolicy] resources:ResourceRequirements={} restartPolicy:string
	restartPolicyRules:[ContainerRestartRule] securityContext:SecurityContext startupProbe:Probe
	stdin:bool stdinOnce:bool targetContainerName:string
	terminationMessagePath:string=/dev/termination-log
	terminationMessagePolicy:File|FallbackToLogsOnError=File tty:bool
	volumeDevices:[VolumeDevice]{devicePath} volumeMounts:[VolumeMount]{mountPath}
	workingDir:string
HostAlias
	hostnames:[string] ip!:string
PodDNSConfig
	nameservers:[string] options:[PodDNSConfigOption] searches:[string]
PodOS
	name!:string
PodReadinessGate
	conditionType!:string
PodResourceClaim
	name!:string resourceClaimName:string resourceClaimTemplateName:string
PodSchedulingGate
	name!:string
PodSchedulingGroup
	podGroupName:string
PodSecurityContext
	appArmorProfile:AppArmorProfile fsGroup:int fsGroupChangePolicy:string runAsGroup:int
	runAsNonRoot:bool runAsUser:int seLinuxChangePolicy:string seLinuxOptions:SELinuxOptions
	seccompProfile:SeccompProfile supplementalGroups:[int] supplementalGroupsPolicy:string
	sysctls:[Sysctl] windowsOptions:WindowsSecurityContextOptions
ResourceRequirements
	claims:[ResourceClaim]{name} limits:<quantity> requests:<quantity>
Toleration
	effect:NoSchedule|PreferNoSchedule|NoExecute key:string operator:Equal|Exists
	tolerationSeconds:int value:string
TopologySpreadConstraint
	labelSelector:LabelSelector matchLabelKeys:[string] maxSkew!:int minDomains:int
	nodeAffinityPolicy:string nodeTaintsPolicy:string topologyKey!:string
	whenUnsatisfiable!:DoNotSchedule|ScheduleAnyway
ContainerPort
	containerPort!:int hostIP:string hostPort:int name:string protocol:TCP|UDP|SCTP=TCP
ContainerResizePolicy
	resourceName!:string restartPolicy!:string
ContainerRestartRule
	action!:string exitCodes:ContainerRestartRuleOnExitCodes
EnvFromSource
	configMapRef:ConfigMapEnvSource prefix:string secretRef:SecretEnvSource
EnvVar
	name!:string value:string valueFrom:EnvVarSource
Lifecycle
	postStart:LifecycleHandler preStop:LifecycleHandler stopSignal:string
SecurityContext
	allowPrivilegeEscalation:bool appArmorProfile:AppArmorProfile capabilities:Capabilities
	privileged:bool procMount:string readOnlyRootFilesystem:bool runAsGroup:int runAsNonRoot:bool
	runAsUser:int seLinuxOptions:SELinuxOptions seccompProfile:SeccompProfile
	windowsOptions:WindowsSecurityContextOptions
VolumeDevice
	devicePath!:string name!:string
VolumeMount
	mountPath!:string mountPropagation:None|HostToContainer|Bidirectional name!:string
	readOnly:bool recursiveReadOnly:string subPath:string subPathExpr:string
CSIVolumeSource
	driver!:string fsType:string nodePublishSecretRef:LocalObjectReference readOnly:bool
	volumeAttributes:<string>
ConfigMapVolumeSource
	defaultMode:int=420 items:[KeyToPath] name:string optional:bool
DownwardAPIVolumeSource
	defaultMode:int=420 items:[DownwardAPIVolumeFile]
EmptyDirVolumeSource
	medium:string sizeLimit:quantity
EphemeralVolumeSource
	volumeClaimTemplate:PersistentVolumeClaimTemplate
HostPathVolumeSource
	path!:string type:string
ImageVolumeSource
	pullPolicy:string reference:string
NFSVolumeSource
	path!:string readOnly:bool server!:string
PersistentVolumeClaimVolumeSource
	claimName!:string readOnly:bool
ProjectedVolumeSource
	defaultMode:int=420 sources:[VolumeProjection]
SecretVolumeSource
	defaultMode:int=420 items:[KeyToPath] optional:bool secretName:string
ExecAction
	command:[string]
GRPCAction
	port!:int service:string
HTTPGetAction
	host:string httpHeaders:[HTTPHeader] path:string=/ port!:intOrString scheme:HTTP|HTTPS=HTTP
TCPSocketAction
	host:string port!:intOrString
PodStatus
	allocatedResources:<quantity> conditions:[PodCondition]{type}
	containerStatuses:[ContainerStatus] ephemeralContainerStatuses:[ContainerStatus]
	extendedResourceClaimStatus:PodExtendedResourceClaimStatus hostIP:string hostIPs:[HostIP]~ip
	initContainerStatuses:[ContainerStatus] message:string
	nodeAllocatableResourceClaimStatuses:[NodeAllocatableResourceClaimStatus]
	nominatedNodeName:string observedGeneration:int phase:string podIP:string podIPs:[PodIP]{ip}
	qosClass:string reason:string resize:string
	resourceClaimStatuses:[PodResourceClaimStatus]{name}% resources:ResourceRequirements
	startTime:time
NodeSpec
	configSource:any externalID:string podCIDR:string podCIDRs:[string]{} providerID:string
	taints:[Taint] unschedulable:bool
NodeStatus
	addresses:[NodeAddress]{type} allocatable:<quantity> capacity:<quantity>
	conditions:[NodeCondition]{type} config:any daemonEndpoints:NodeDaemonEndpoints
	declaredFeatures:[string] features:NodeFeatures images:[ContainerImage]
	nodeInfo:NodeSystemInfo phase:string runtimeHandlers:[NodeRuntimeHandler]
	volumesAttached:[AttachedVolume] volumesInUse:[string]
NodeAffinity
	preferredDuringSchedulingIgnoredDuringExecution:[PreferredSchedulingTerm]
	requiredDuringSchedulingIgnoredDuringExecution:NodeSelector
PodAffinity
	preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]
	requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]
PodAntiAffinity
	preferredDuringSchedulingIgnoredDuringExecution:[WeightedPodAffinityTerm]
	requiredDuringSchedulingIgnoredDuringExecution:[PodAffinityTerm]
PodDNSConfigOption
	name:string value:string
AppArmorProfile
	localhostProfile:string type!:string
SELinuxOptions
	level:string role:string type:string user:string
SeccompProfile
	localhostProfile:string type!:string
Sysctl
	name!:string value:string
WindowsSecurityContextOptions
	gmsaCredentialSpec:string gmsaCredentialSpecName:string hostProcess:bool runAsUserName:string
ResourceClaim
	name!:string request:string
ContainerRestartRuleOnExitCodes
	operator!:string values:[int]{}
ConfigMapEnvSource
	name:string optional:bool
SecretEnvSource
	name:string optional:bool
EnvVarSource
	configMapKeyRef:ConfigMapKeySelector fieldRef:ObjectFieldSelector fileKeyRef:FileKeySelector
	resourceFieldRef:ResourceFieldSelector secretKeyRef:SecretKeySelector
LifecycleHandler
	exec:ExecAction httpGet:HTTPGetAction sleep:SleepAction tcpSocket:TCPSocketAction
Capabilities
	add:[string] drop:[string]
KeyToPath
	key!:string mode:int path!:string
DownwardAPIVolumeFile
	fieldRef:ObjectFieldSelector mode:int path!:string resourceFieldRef:ResourceFieldSelector
PersistentVolumeClaimTemplate
	metadata:ObjectMeta spec!:PersistentVolumeClaimSpec
VolumeProjection
	clusterTrustBundle:ClusterTrustBundleProjection configMap:ConfigMapProjection
	downwardAPI:DownwardAPIProjection podCertificate:PodCertificateProjection
	secret:SecretProjection serviceAccountToken:ServiceAccountTokenProjection
HTTPHeader
	name!:string value:string
ContainerStatus
	allocatedResources:<quantity> allocatedResourcesStatus:[ResourceStatus]{name}
	containerID:string image:string imageID:string lastState:ContainerState name:string
	ready:bool resources:ResourceRequirements restartCount:int started:bool state:ContainerState
	stopSignal:string user:ContainerUser volumeMounts:[VolumeMountStatus]{mountPath}
HostIP
	ip!:string
NodeAllocatableResourceClaimStatus
	containers:[string]{} resourceClaimName:string resources:<quantity>
PodCondition
	lastProbeTime:time lastTransitionTime:time message:string observedGeneration:int
	reason:string status!:string type!:string
PodExtendedResourceClaimStatus
	requestMappings:[ContainerExtendedResourceRequest] resourceClaimName:string
PodIP
	ip!:string
PodResourceClaimStatus
	name:string resourceClaimName:string
Taint
	effect!:NoSchedule|PreferNoSchedule|NoExecute key!:string timeAdded:time value:string
AttachedVolume
	devicePath!:string name!:string
ContainerImage
	names:[string] sizeBytes:int
NodeAddress
	address!:string type!:string
NodeCondition
	lastHeartbeatTime:time lastTransitionTime:time message:string reason:string status!:string
	type!:string
NodeDaemonEndpoints
	kubeletEndpoint:DaemonEndpoint
NodeFeatures
	supplementalGroupsPolicy:bool
NodeRuntimeHandler
	features:NodeRuntimeHandlerFeatures name:string
NodeSystemInfo
	architecture!:string bootID!:string containerRuntimeVersion!:string kernelVersion!:string
	kubeProxyVersion!:string kubeletVersion!:string machineID!:string operatingSystem!:string
	osImage!:string swap:NodeSwapStatus systemUUID!:string
@NodeSelector
	nodeSelectorTerms!:[NodeSelectorTerm]
PreferredSchedulingTerm
	preference!:NodeSelectorTerm weight!:int
PodAffinityTerm
	labelSelector:LabelSelector matchLabelKeys:[string] mismatchLabelKeys:[string]
	namespaceSelector:LabelSelector namespaces:[string] topologyKey!:string
WeightedPodAffinityTerm
	podAffinityTerm!:PodAffinityTerm weight!:int
@ConfigMapKeySelector
	key!:string name:string optional:bool
@FileKeySelector
	key!:string optional:bool path!:string volumeName!:string
@ObjectFieldSelector
	apiVersion:string=v1 fieldPath!:string
@ResourceFieldSelector
	containerName:string divisor:quantity resource!:string
@SecretKeySelector
	key!:string name:string optional:bool
SleepAction
	seconds!:int
PersistentVolumeClaimSpec
	accessModes:[ReadWriteOnce|ReadOnlyMany|ReadWriteMany|ReadWriteOncePod]
	dataSource:TypedLocalObjectReference dataSourceRef:TypedObjectReference
	resources:VolumeResourceRequirements selector:LabelSelector storageClassName:string
	volumeAttributesClassName:string volumeMode:Block|Filesystem=Filesystem volumeName:string
ClusterTrustBundleProjection
	labelSelector:LabelSelector name:string optional:bool path!:string signerName:string
ConfigMapProjection
	items:[KeyToPath] name:string optional:bool
DownwardAPIProjection
	items:[DownwardAPIVolumeFile]
PodCertificateProjection
	certificateChainPath:string credentialBundlePath:string keyPath:string keyType!:string
	maxExpirationSeconds:int signerName!:string userAnnotations:<string>
SecretProjection
	items:[KeyToPath] name:string optional:bool
ServiceAccountTokenProjection
	audience:string expirationSeconds:int=3600 path!:string
ContainerState
	running:ContainerStateRunning terminated:ContainerStateTerminated
	waiting:ContainerStateWaiting
ContainerUser
	linux:LinuxContainerUser
ResourceStatus
	name:string resources:[ResourceHealth]{resourceID}
VolumeMountStatus
	mountPath:string name:string readOnly:bool recursiveReadOnly:string volumeStatus:VolumeStatus
ContainerExtendedResourceRequest
	containerName!:string requestName!:string resourceName!:string
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
	containerID:string exitCode!:int finishedAt:time message:string reason:string signal:int
	startedAt:time
ContainerStateWaiting
	message:string reason:string
LinuxContainerUser
	gid!:int supplementalGroups:[int] uid!:int
ResourceHealth
	health:string message:string resourceID!:string
VolumeStatus
	image:ImageVolumeStatus
NodeSelectorRequirement
	key!:string operator!:In|NotIn|Exists|DoesNotExist|Gt|Lt values:[string]
ImageVolumeStatus
	imageRef:string
`;
