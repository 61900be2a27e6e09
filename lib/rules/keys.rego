package store.keys

# The key definitions of a table and its indexes, which CreateTable checks only when they are deployed.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html

import data.store.tables.tables
import data.store.tables.titles
import rego.v1

# Every key of every table: of what, where it stands, and how many attributes it may have.
# A global secondary index may have up to four attributes in each of both parts.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.DesignPattern.MultiAttributeKeys.html
keys contains {"table": name, "of": titles[name], "path": "Properties.KeySchema", "schema": schema, "hash": {1}, "range": {0, 1}} if {
	some name, table in tables
	schema := table.KeySchema
}

keys contains {"table": name, "of": label(name, index), "path": path, "schema": schema, "hash": {1}, "range": {1}} if {
	some name, table in tables
	some i, index in table.LocalSecondaryIndexes
	schema := object.get(index, "KeySchema", [])
	path := sprintf("Properties.LocalSecondaryIndexes.%d.KeySchema", [i])
}

keys contains {"table": name, "of": label(name, index), "path": path, "schema": schema, "hash": {1, 2, 3, 4}, "range": {0, 1, 2, 3, 4}} if {
	some name, table in tables
	some i, index in table.GlobalSecondaryIndexes
	schema := object.get(index, "KeySchema", [])
	path := sprintf("Properties.GlobalSecondaryIndexes.%d.KeySchema", [i])
}

label(name, index) := sprintf("index %v of %v", [object.get(index, "IndexName", "without name"), titles[name]])

part(schema, type) := [element.AttributeName | some element in schema; element.KeyType == type]

allowed(counts) := concat(", ", sort([sprintf("%d", [number]) | some number in counts]))

violation contains v if {
	some key in keys
	some element in key.schema
	definitions := [definition | some definition in object.get(tables[key.table], "AttributeDefinitions", []); definition.AttributeName == element.AttributeName]
	count(definitions) != 1
	v := make_diag_at(
		"STORE-DDB-011", "ERROR", key.table, key.path,
		sprintf("The key of %v has %v, which AttributeDefinitions defines %d times. Define it once, with its type.", [key.of, element.AttributeName, count(definitions)]),
	)
}

violation contains v if {
	some name, table in tables
	used := {element.AttributeName | some key in keys; key.table == name; some element in key.schema}
	some i, definition in table.AttributeDefinitions
	not definition.AttributeName in used
	v := make_diag_at(
		"STORE-DDB-012", "ERROR", name,
		sprintf("Properties.AttributeDefinitions.%d", [i]),
		sprintf("%v defines %v, which no key of the table or of an index has, so CreateTable would refuse it. Take the definition away; attributes outside keys are never defined.", [titles[name], definition.AttributeName]),
	)
}

violation contains v if {
	some key in keys
	not well_formed(key)
	v := make_diag_at(
		"STORE-DDB-013", "ERROR", key.table, key.path,
		sprintf("The key of %v is [%s]. Give it first its HASH attributes (%s of them), then its RANGE attributes (%s).", [
			key.of,
			concat(", ", [sprintf("%v %v", [element.AttributeName, element.KeyType]) | some element in key.schema]),
			allowed(key.hash), allowed(key.range),
		]),
	)
}

well_formed(key) if {
	types := [element.KeyType | some element in key.schema]
	hash := count(part(key.schema, "HASH"))
	range := count(part(key.schema, "RANGE"))
	hash in key.hash
	range in key.range
	hash + range == count(types)
	every type in array.slice(types, 0, hash) {
		type == "HASH"
	}
}

violation contains v if {
	some key in keys
	names := [element.AttributeName | some element in key.schema]
	count(names) > count({name | some name in names})
	v := make_diag_at(
		"STORE-DDB-014", "ERROR", key.table, key.path,
		sprintf("The key of %v has an attribute twice: %s. Name each attribute once.", [key.of, concat(", ", names)]),
	)
}

violation contains v if {
	some name, table in tables
	some i, index in table.LocalSecondaryIndexes
	part(index.KeySchema, "HASH") != part(table.KeySchema, "HASH")
	v := make_diag_at(
		"STORE-DDB-015", "ERROR", name,
		sprintf("Properties.LocalSecondaryIndexes.%d.KeySchema", [i]),
		sprintf("The local %s has the partition key %s, and the table %s. Give it the table's, or make it a global secondary index.", [label(name, index), concat(", ", part(index.KeySchema, "HASH")), concat(", ", part(table.KeySchema, "HASH"))]),
	)
}

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
limits := {"GlobalSecondaryIndexes": 20, "LocalSecondaryIndexes": 5}

violation contains v if {
	some name, table in tables
	some kind, limit in limits
	count(table[kind]) > limit
	v := make_diag_at(
		"STORE-DDB-016", "ERROR", name,
		sprintf("Properties.%s", [kind]),
		sprintf("%v has %d %s, and DynamoDB allows %d. Serve several access patterns from one index: entities may share it.", [titles[name], count(table[kind]), kind, limit]),
	)
}

index_names(table) := [index.IndexName | some kind in object.keys(limits); some index in object.get(table, kind, [])]

violation contains v if {
	some name, table in tables
	names := index_names(table)
	some twice in {index_name | some i, index_name in names; some j, other in names; i < j; index_name == other}
	v := make_diag_at(
		"STORE-DDB-017", "ERROR", name, "Properties",
		sprintf("%v has two indexes that are named %v. Give each index of a table, local or global, a name of its own.", [titles[name], twice]),
	)
}

violation contains v if {
	some name, table in tables
	some i, definition in table.AttributeDefinitions
	not definition.AttributeType in {"S", "N", "B"}
	v := make_diag_at(
		"STORE-DDB-018", "ERROR", name,
		sprintf("Properties.AttributeDefinitions.%d.AttributeType", [i]),
		sprintf("%v defines its key attribute %v as %v. Make it S (text), N (number) or B (binary): nothing else can be a key.", [titles[name], definition.AttributeName, object.get(definition, "AttributeType", "nothing")]),
	)
}

violation contains v if {
	some name, table in tables
	some i, replica in table.Replicas
	some j, index in replica.GlobalSecondaryIndexes
	not index.IndexName in {global.IndexName | some global in object.get(table, "GlobalSecondaryIndexes", [])}
	v := make_diag_at(
		"STORE-DDB-019", "ERROR", name,
		sprintf("Properties.Replicas.%d.GlobalSecondaryIndexes.%d", [i, j]),
		sprintf("%v has settings for an index %v in %v, and the table has no such global secondary index. Name one of the table's.", [titles[name], index.IndexName, replica.Region]),
	)
}

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Projection.html
violation contains v if {
	some name, table in tables
	some kind in object.keys(limits)
	some i, index in table[kind]
	projection := object.get(index, "Projection", {})
	type := object.get(projection, "ProjectionType", "nothing")
	names := count(object.get(projection, "NonKeyAttributes", []))
	not projects(type, names)
	v := make_diag_at(
		"STORE-DDB-020", "ERROR", name,
		sprintf("Properties.%s.%d.Projection", [kind, i]),
		sprintf("The %s projects %v with %d NonKeyAttributes, and DynamoDB refuses that: INCLUDE names some, ALL and KEYS_ONLY none.", [label(name, index), type, names]),
	)
}

projects("INCLUDE", names) if names > 0

projects(type, 0) if type in {"ALL", "KEYS_ONLY"}
