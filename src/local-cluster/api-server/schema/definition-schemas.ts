/** Definitions of custom kinds. Notation: `schema-table.ts`. */
export const definitionSchemas = `
CustomResourceDefinition
	metadata:ObjectMeta spec!:CustomResourceDefinitionSpec status:CustomResourceDefinitionStatus
CustomResourceDefinitionSpec
	conversion:CustomResourceConversion group!:string names!:CustomResourceDefinitionNames
	preserveUnknownFields:bool scope!:Namespaced|Cluster
	versions!:[CustomResourceDefinitionVersion]
CustomResourceDefinitionStatus
	acceptedNames:CustomResourceDefinitionNames
	conditions:[CustomResourceDefinitionCondition]{type} observedGeneration:int
	storedVersions:[string]
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
WebhookClientConfig
	caBundle:bytes service:ServiceReference url:string
CustomResourceSubresourceScale
	labelSelectorPath:string specReplicasPath!:string statusReplicasPath!:string
CustomResourceSubresourceStatus
ServiceReference
	name!:string namespace!:string path:string port:int
`;
