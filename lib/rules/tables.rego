package store.tables

# What every table of the store is, and what AWS refuses in a global table with strong consistency. The validator's own
# rules and cdk-nag know most of this for AWS::DynamoDB::Table only, and TableV2 makes an AWS::DynamoDB::GlobalTable.

import rego.v1

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
region_sets := {
	{"us-east-1", "us-east-2", "us-west-2"},
	{"eu-west-1", "eu-west-2", "eu-west-3", "eu-central-1"},
	{"ap-northeast-1", "ap-northeast-2", "ap-northeast-3"},
}

tables[name] := input.resources[name].properties if {
	some name in resources_of_type("AWS::DynamoDB::GlobalTable")
}

# By the name that it has in AWS, where the template says it.
titles[name] := object.get(table, "TableName", name) if some name, table in tables

region(replica) := object.get(replica, "Region", "a replica without Region")

replica_regions(table) := {region(replica) | some replica in object.get(table, "Replicas", [])}

witness_regions(table) := {region(witness) | some witness in object.get(table, "GlobalTableWitnesses", [])}

strong contains name if {
	some name, table in tables
	table.MultiRegionConsistency == "STRONG"
}

violation contains v if {
	some name, table in tables
	some i, replica in table.Replicas
	not replica.PointInTimeRecoverySpecification.PointInTimeRecoveryEnabled == true
	v := make_diag_at(
		"STORE-DDB-001", "ERROR", name,
		sprintf("Properties.Replicas.%d.PointInTimeRecoverySpecification", [i]),
		sprintf("%v has no point-in-time recovery in %v: what a bad deployment or bug writes there could not be undone. Set PointInTimeRecoveryEnabled to true on every replica (pointInTimeRecoverySpecification in lib/constructs/model-table.ts).", [titles[name], region(replica)]),
	)
}

violation contains v if {
	some name, table in tables
	input.resources[name].deletionPolicy in {"Retain", "RetainExceptOnCreate"}
	some i, replica in table.Replicas
	not replica.DeletionProtectionEnabled == true
	v := make_diag_at(
		"STORE-DDB-002", "ERROR", name,
		sprintf("Properties.Replicas.%d.DeletionProtectionEnabled", [i]),
		sprintf("%v is retained, but not protected from deletion in %v: a DeleteTable call would still remove it. Set DeletionProtectionEnabled to true on every replica (deletionProtection in lib/constructs/model-table.ts), or take the whole trial with -c removal=destroy.", [titles[name], region(replica)]),
	)
}

# CloudFormation takes any view; global tables are built on both images, and the view of a table with replicas cannot be
# changed afterwards.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-streamspecification.html
violation contains v if {
	some name, table in tables
	count(table.Replicas) > 1
	not table.StreamSpecification.StreamViewType == "NEW_AND_OLD_IMAGES"
	v := make_diag_at(
		"STORE-DDB-003", "ERROR", name,
		"Properties.StreamSpecification",
		sprintf("%v has %d replicas and its stream is not NEW_AND_OLD_IMAGES, which cannot be changed once there are replicas. Set StreamViewType to NEW_AND_OLD_IMAGES (-c streamView=NEW_AND_OLD_IMAGES).", [titles[name], count(table.Replicas)]),
	)
}

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/V2globaltables_HowItWorks.html
violation contains v if {
	some name in strong
	expires(tables[name])
	v := make_diag_at(
		"STORE-DDB-004", "ERROR", name,
		"Properties.TimeToLiveSpecification",
		sprintf("%v has multi-Region strong consistency and TTL, which DynamoDB refuses together. Take TimeToLiveSpecification away and delete expired items otherwise, or use eventual consistency (MultiRegionConsistency EVENTUAL).", [titles[name]]),
	)
}

violation contains v if {
	some name in strong
	count(tables[name].LocalSecondaryIndexes) > 0
	v := make_diag_at(
		"STORE-DDB-005", "ERROR", name,
		"Properties.LocalSecondaryIndexes",
		sprintf("%v has multi-Region strong consistency and local secondary indexes, which DynamoDB refuses together. Make them global secondary indexes, or use eventual consistency (MultiRegionConsistency EVENTUAL).", [titles[name]]),
	)
}

violation contains v if {
	some name in strong
	regions := replica_regions(tables[name]) | witness_regions(tables[name])
	every region_set in region_sets {
		count(regions - region_set) > 0
	}
	v := make_diag_at(
		"STORE-DDB-006", "ERROR", name,
		"Properties.Replicas",
		sprintf("%v has multi-Region strong consistency in %s, which are not of one region set. Take all of one set: us-east-1, us-east-2, us-west-2; or eu-west-1, eu-west-2, eu-west-3, eu-central-1; or ap-northeast-1, ap-northeast-2, ap-northeast-3.", [titles[name], concat(", ", sort([sprintf("%v", [each]) | some each in regions]))]),
	)
}

violation contains v if {
	some name in strong
	not three_places(tables[name])
	v := make_diag_at(
		"STORE-DDB-007", "ERROR", name,
		"Properties.Replicas",
		sprintf("%v has multi-Region strong consistency with %d replicas and %d witnesses in %d regions. Make it three replicas, or two replicas and a witness in a third region.", [
			titles[name],
			count(object.get(tables[name], "Replicas", [])),
			count(object.get(tables[name], "GlobalTableWitnesses", [])),
			count(replica_regions(tables[name]) | witness_regions(tables[name])),
		]),
	)
}

three_places(table) if {
	count(replica_regions(table) | witness_regions(table)) == 3
	count(table.Replicas) + count(object.get(table, "GlobalTableWitnesses", [])) == 3
	count(table.Replicas) >= 2
}

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
violation contains v if {
	some name, table in tables
	expires(table)
	attribute := table.TimeToLiveSpecification.AttributeName
	some definition in table.AttributeDefinitions
	definition.AttributeName == attribute
	v := make_diag_at(
		"STORE-DDB-008", "ERROR", name,
		"Properties.TimeToLiveSpecification.AttributeName",
		sprintf("%v expires items by %v, which is also a key attribute: to change when an item expires, it would have to be written anew. Name an attribute that is in no key.", [titles[name], attribute]),
	)
}

# CloudFormation takes the text as well.
expires(table) if table.TimeToLiveSpecification.Enabled in {true, "true"}

# Everything here is about global tables, which a table of one region is too; a Table cannot become one later.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/globaltables-bestpractices.html
violation contains v if {
	some name in resources_of_type("AWS::DynamoDB::Table")
	v := make_diag_at(
		"STORE-DDB-009", "ERROR", name, "Properties",
		sprintf("%s is an AWS::DynamoDB::Table, which can get no replica later, and which the rules here do not look at. Make it a TableV2, as lib/constructs/model-table.ts does.", [name]),
	)
}

# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-dynamodb-globaltable.html
violation contains v if {
	some name, table in tables
	every replica in table.Replicas {
		is_string(replica.Region)
		replica.Region != input_region()
	}
	v := make_diag_at(
		"STORE-DDB-010", "ERROR", name, "Properties.Replicas",
		sprintf("%v has no replica in %s, the region of its stack, and CloudFormation refuses that. Add it to Replicas: the home region is the first of the config's regions.", [titles[name], input_region()]),
	)
}

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
violation contains v if {
	some name, table in tables
	some replica in table.Replicas
	replica.SSESpecification.KMSMasterKeyId
	some i, other in table.Replicas
	not other.SSESpecification.KMSMasterKeyId
	v := make_diag_at(
		"STORE-DDB-051", "ERROR", name,
		sprintf("Properties.Replicas.%d.SSESpecification", [i]),
		sprintf("%v is encrypted with a customer's key in %v and has none in %v: all replicas have one or none. Give it the key of that region (replicaKeyArns of TableEncryptionV2.customerManagedKey).", [titles[name], region(replica), region(other)]),
	)
}
