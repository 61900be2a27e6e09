package store.cache

# What a DAX cluster and its network are: encrypted, closed, with a way to DynamoDB and nowhere else. Which functions use it is in
# other templates and in the catalogue, so test/synth/cache.test.ts holds that.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAX.html

import rego.v1

clusters[name] := input.resources[name].properties if {
	some name in resources_of_type("AWS::DAX::Cluster")
}

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAXEncryptionInTransit.html
violation contains v if {
	some name, cluster in clusters
	not cluster.ClusterEndpointEncryptionType == "TLS"
	v := make_diag_at(
		"STORE-DAX-001", "ERROR", name, "Properties.ClusterEndpointEncryptionType",
		sprintf("The cluster %s speaks without TLS, which cannot be changed once it is there. Set ClusterEndpointEncryptionType to TLS (lib/stacks/cache.ts).", [name]),
	)
}

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/DAXEncryptionAtRest.html
violation contains v if {
	some name, cluster in clusters
	not cluster.SSESpecification.SSEEnabled in {true, "true"}
	v := make_diag_at(
		"STORE-DAX-002", "ERROR", name, "Properties.SSESpecification",
		sprintf("The cluster %s is not encrypted at rest, which cannot be changed once it is there. Set SSESpecification.SSEEnabled to true (lib/stacks/cache.ts).", [name]),
	)
}

# Without a group of its own a cluster has AWS's default: five minutes, for both caches.
violation contains v if {
	some name, cluster in clusters
	not cluster.ParameterGroupName
	v := make_diag_at(
		"STORE-DAX-003", "ERROR", name, "Properties.ParameterGroupName",
		sprintf("The cluster %s has no parameter group, so nothing here says how old its answers may be. Give it one with both TTLs (lib/stacks/cache.ts).", [name]),
	)
}

# Zero keeps an item until it is written or evicted.
# https://docs.aws.amazon.com/cli/latest/reference/dax/describe-parameters.html
violation contains v if {
	some name in resources_of_type("AWS::DAX::ParameterGroup")
	some parameter in ["record-ttl-millis", "query-ttl-millis"]
	value := object.get(input.resources[name].properties, ["ParameterNameValues", parameter], "nothing")
	not regex.match(`^[1-9][0-9]*$`, sprintf("%v", [value]))
	v := make_diag_at(
		"STORE-DAX-003", "ERROR", name, "Properties.ParameterNameValues",
		sprintf("The parameter group %s has %v as %s, so its answers may be of any age. Give it milliseconds, above 0 (daxRecordTtlSeconds and daxQueryTtlSeconds of the config).", [name, value, parameter]),
	)
}

ways_out := {
	"AWS::EC2::EgressOnlyInternetGateway": "an egress-only internet gateway",
	"AWS::EC2::InternetGateway": "an internet gateway",
	"AWS::EC2::NatGateway": "a NAT gateway",
	# The route of a gateway endpoint is none of the template's.
	"AWS::EC2::Route": "a route",
}

violation contains v if {
	count(clusters) > 0
	some type, what in ways_out
	some name in resources_of_type(type)
	v := make_diag_at(
		"STORE-DAX-004", "ERROR", name, "Properties",
		sprintf("%s is %s out of the cluster's network, which leads to DynamoDB by its gateway endpoint and nowhere else. Take it away, and keep the subnets PRIVATE_ISOLATED (lib/stacks/cache.ts).", [name, what]),
	)
}

violation contains v if {
	some name, cluster in clusters
	count(object.get(cluster, "SecurityGroupIds", [])) == 0
	v := make_diag_at(
		"STORE-DAX-005", "ERROR", name, "Properties.SecurityGroupIds",
		sprintf("The cluster %s has no security group of its own, so whoever is in the network's default group gets in. Give it one that lets in the functions that use it, on port 9111.", [name]),
	)
}

groups contains id.__ref if {
	some cluster in clusters
	some id in cluster.SecurityGroupIds
}

ingresses contains {"resource": name, "path": sprintf("Properties.SecurityGroupIngress.%d", [i]), "rule": rule} if {
	some name in groups
	some i, rule in input.resources[name].properties.SecurityGroupIngress
}

ingresses contains {"resource": name, "path": "Properties", "rule": rule} if {
	some name in resources_of_type("AWS::EC2::SecurityGroupIngress")
	rule := input.resources[name].properties
	rule.GroupId.__ref in groups
}

violation contains v if {
	some ingress in ingresses
	not of_clients(ingress.rule)
	v := make_diag_at(
		"STORE-DAX-005", "ERROR", ingress.resource, ingress.path,
		sprintf("%s lets more into the cluster than a security group on port 9111, where it speaks TLS. Name the SourceSecurityGroupId of the functions that use it, and 9111 as both ports (lib/stacks/cache.ts).", [ingress.resource]),
	)
}

of_clients(rule) if {
	rule.SourceSecurityGroupId
	rule.IpProtocol == "tcp"
	rule.FromPort == 9111
	rule.ToPort == 9111
}
