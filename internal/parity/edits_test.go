package parity

import "strings"

// edit is something that people do to a project.
type edit struct {
	name  string
	apply change
	since int  // the minor version of dbt-core 1 that understands it
	alone bool // dbt refuses to compare after it, which would hide every other edit
}

// edits are all of them. As far as they can they touch resources of their own, so that several make one change.
func edits() []edit {
	var list []edit
	for _, part := range [][]edit{bodies(), configs(), projectWide(), properties(), contracts(), macros(), dataTests(), seedsAndSnapshots(), sources(), others()} {
		list = append(list, part...)
	}
	return list
}

func bodies() []edit {
	return []edit{
		{name: "SQL", apply: replace("models/orders.sql", "10 as amount", "11 as amount")},
		{name: "blank lines at the end", apply: add("models/from_raw.sql", "\n\n")},
		{name: "SQL comment", apply: add("models/uses_recent.sql", "-- note\n")},
		{name: "Jinja comment", apply: add("models/from_rates.sql", "{# note #}\n")},
		{name: "one more space", apply: replace("models/uses_rated.sql", "select *", "select  *")},
		{name: "line ends", apply: crlf("models/by_variable.sql")},
		{name: "quotes in config()", apply: replace("models/marts/daily.sql", "'incremental'", `"incremental"`)},
		{name: "spaces in config()", apply: replace("models/by_environment.sql", "'MATERIALIZED', 'view'", "'MATERIALIZED','view'")},
		{name: "order in config()", apply: replace("models/promised.sql", "materialized='table', contract={'enforced': true}", "contract={'enforced': true}, materialized='table'")},
		{name: "model added", apply: create("models/fresh.sql", "select * from {{ ref('orders') }}\n")},
		{name: "model removed", apply: remove("models/uses_recent.sql")},
		{name: "model renamed", apply: move("models/from_raw.sql", "models/from_raws.sql")},
		{name: "model moved", apply: move("models/by_target.sql", "models/marts/by_target.sql")},
		{name: "Python model", apply: replace("models/pythonic.py", `"customers"`, `"orders"`)},
		{name: "Python becomes SQL", apply: all(remove("models/pythonic.py"), create("models/pythonic.sql", "select 1 as id\n"))},
		{name: "ephemeral model", apply: replace("models/recent.sql", "select 1", "select 2")},
		{name: "model becomes a seed", apply: all(remove("models/recent.sql"), create("seeds/recent.csv", "id\n1\n"))},
		{name: "switched off", apply: add("models/by_target.sql", "{{ config(enabled=false) }}\n")},
		{name: "variable in place of text", apply: add("models/days.sql", "where '{{ var('region') }}' = 'x'\n")},
		{name: "block of Jinja", apply: add("models/days.sql", "{% set n = 3 %}{% for i in range(n) %}-- {{ i }}\n{% endfor %}\n")},
	}
}

func configs() []edit {
	listed := func(old, text string) change { return replace("models/listed.sql", old, text) }
	return []edit{
		{name: "materialized in config()", apply: replace("models/customers.sql", "'table'", "'view'")},
		{name: "unique key becomes a list", apply: replace("models/marts/daily.sql", "unique_key='id'", "unique_key=['id']")},
		{name: "default written out", apply: replace("models/marts/daily.sql", "unique_key='id'", "unique_key='id', on_schema_change='ignore'")},
		{name: "true becomes 1", apply: listed("true]", "1]")},
		{name: "1 becomes 1.0", apply: listed("1, true", "1.0, true")},
		{name: "item of a list", apply: listed("['x', 1", "['y', 1")},
		{name: "none becomes a text", apply: listed("none", "'none'")},
		{name: "key removed", apply: listed(", nested={'k': 'v', 'n': none}", "")},
		{name: "order of keys", apply: listed("'k': 'v', 'n': none", "'n': none, 'k': 'v'")},
		{name: "order of a list", apply: listed("['x', 1, true]", "[true, 1, 'x']")},
		{name: "tags in config()", apply: listed("tags=['a', 'b']", "tags='a'")},
		{name: "null in config()", apply: listed("custom=", "unset=none, custom=")},
		{name: "tuple in config()", apply: listed("custom=", "pair=('p', 'q'), custom=")},
		{name: "numbers in config()", apply: listed("custom=", "small=-1, large=12345678901234567890, exact=0.10, custom=")},
		{name: "texts in config()", apply: listed("custom=", `apostrophe="it's", quoted='say "x"', slash='a\\b', accent='é', empty='', custom=`)},
		{name: "expression in config()", apply: listed("custom=", "sum=1 + 2, joined='a' ~ 'b', chosen=('p' if 1 < 2 else 'q'), custom=")},
		{name: "calls in config()", apply: listed("custom=", "region=var('region'), upper='x' | upper, name=this.identifier, custom=")},
		{name: "switch in config()", apply: replace("models/simple.sql", "True", "False")},
		{name: "switch spelled otherwise", apply: replace("models/simple.sql", "True", "true")},
		{name: "number beside simple values", apply: replace("models/simple.sql", "word='x'", "word='x', number=1")},
		{name: "macro beside simple values", apply: add("models/simple.sql", "-- {{ unused() }}\n")},
		{name: "simple values in other quotes", apply: replace("models/simple.sql", "['p', 'q']", `["p", "q"]`)},
		{name: "dictionary in config()", apply: replace("models/documented.sql", "config(persist_docs={'relation': true, 'columns': true})", "config({'persist_docs': {'relation': true, 'columns': true}})")},
		{name: "second config()", apply: add("models/by_target.sql", "{{ config(custom='second') }}\n")},
		{name: "config() by a macro", apply: all(create("macros/configured.sql", "{% macro configured() %}{{ config(custom='macro') }}{% endmacro %}\n"), add("models/by_target.sql", "{{ configured() }}\n"))},
		{name: "hook with a macro", apply: replace("models/days.sql", "materialized='table'", "materialized='table', post_hook=\"select {{ unused() }}\"")},
		{name: "alias, schema and database", apply: replace("models/days.sql", "materialized='table'", "materialized='table', alias='dates', schema='lists', database='memory'")},
		{name: "variable elsewhere", apply: replace("dbt_project.yml", "region: north", "region: south")},
		{name: "variable on the command line", apply: call("--vars", "{region: west}")},
		{name: "another target", apply: call("--target", "prod")},
		{name: "environment variable", apply: setenv("MATERIALIZED", "table")},
	}
}

func projectWide() []edit {
	models := func(text string) change { return after("dbt_project.yml", "+materialized: view\n", "  "+text+"\n") }
	folder := func(text string) change { return after("dbt_project.yml", "+tags: [mart]\n", "      "+text+"\n") }
	section := func(text string) change { return add("dbt_project.yml", text+"\n") }
	return []edit{
		{name: "all materialized", apply: replace("dbt_project.yml", "+materialized: view", "+materialized: table")},
		{name: "all tagged", apply: models("+tags: everything")},
		{name: "all with meta", apply: models("+meta: {owner: all}")},
		{name: "all with documents", apply: models("+persist_docs: {relation: true}")},
		{name: "all with a colour", apply: models("+docs: {node_color: red}")},
		{name: "all with a hook", apply: models("+post-hook: \"select {{ unused() }}\"")},
		{name: "the hook spelled otherwise", apply: models("+post_hook: [\"select 1\"]")},
		{name: "all in a schema", apply: models("+schema: others")},
		{name: "all by target", apply: models("+enabled: \"{{ target.name != 'none' }}\"")},
		{name: "all rebuilt", apply: models("+full_refresh: true")},
		{name: "all granted", apply: models("+grants: {select: [reader]}")},
		{name: "folder materialized", apply: folder("+materialized: table")},
		{name: "folder tagged", apply: replace("dbt_project.yml", "[mart]", "[mart, more]")},
		{name: "folder repeats", apply: folder("+materialized: view")},
		{name: "tests configured", apply: section("data_tests:\n  +severity: warn")},
		{name: "snapshots configured", apply: section("snapshots:\n  +meta: {owner: past}")},
		{name: "sources configured", apply: section("sources:\n  +meta: {owner: loader}")},
		{name: "sources switched on", apply: section("sources:\n  shop:\n    +enabled: true")},
		{name: "exposures configured", apply: section("exposures:\n  +enabled: true")},
		{name: "metrics configured", apply: section("metrics:\n  +meta: {owner: counter}")},
		{name: "hook of a run", apply: section("on-run-start: [\"select 1\"]")},
		{name: "quoting", apply: section("quoting: {identifier: false}")},
		{name: "dispatch", apply: section("dispatch:\n  - {macro_namespace: dbt, search_order: [shop, dbt]}")},
	}
}

func properties() []edit {
	model := func(name, text string) change {
		return replace("models/models.yml", "  - name: "+name+"\n", "  - name: "+name+"\n    "+text+"\n")
	}
	return []edit{
		{name: "description", apply: replace("models/models.yml", "what they buy", "what people buy")},
		{name: "description written to the warehouse", apply: replace("models/models.yml", "written to the warehouse", "written down")},
		{name: "column's description", apply: replace("models/models.yml", "description: written to the warehouse\n    columns:\n      - name: id\n        description: number", "description: written to the warehouse\n    columns:\n      - name: id\n        description: a number")},
		{name: "column added", apply: after("models/models.yml", "written to the warehouse\n    columns:\n", "      - name: other\n        description: more\n")},
		{name: "description by a block", apply: all(create("models/docs.md", "{% docs buyers %}who *buys*{% enddocs %}\n"), replace("models/models.yml", "description: who buys", "description: \"{{ doc('buyers') }}\""))},
		{name: "meta", apply: replace("models/models.yml", "{owner: sales}", "{owner: buyers}")},
		{name: "tags", apply: model("days", "config: {tags: [calendar]}")},
		{name: "grants", apply: model("customers", "config: {grants: {select: [reader, writer]}}")},
		{name: "key of one's own", apply: model("documented", "config: {mine: {deep: [1, {er: 2}]}}")},
		{name: "access", apply: model("customers", "access: public")},
		{name: "access in the config", apply: model("documented", "config: {access: public}")},
		{name: "group", apply: all(add("models/models.yml", "groups:\n  - name: finance\n    owner: {name: Ann}\n"), model("days", "config: {group: finance}"))},
		{name: "deprecated", apply: model("documented", "deprecation_date: \"2035-01-01\"")},
		{name: "rendered config", apply: model("documented", "config: {mine: \"{{ var('region') }}\"}")},
		{name: "event time", apply: model("customers", "config: {event_time: made_at}")},
		{name: "latest version", apply: replace("models/models.yml", "latest_version: 1", "latest_version: 2")},
		{name: "version added", apply: all(create("models/rated_v3.sql", "select 1 as id\n"), replace("models/models.yml", "      - v: 1\n", "      - v: 1\n      - v: 3\n"))},
		{name: "config of a version", apply: replace("models/models.yml", "      - v: 1\n", "      - v: 1\n        config: {meta: {old: true}}\n")},
		{name: "constraint without contract", apply: replace("models/models.yml", "- name: day\n", "- name: day\n        constraints: [{type: not_null}]\n")},
		{name: "granularity", apply: replace("models/models.yml", "granularity: day\n", "granularity: hour\n")},
		{name: "properties moved", apply: move("models/exposures.yml", "models/marts/exposures.yml")},
	}
}

func contracts() []edit {
	promised := "  - name: promised\n    columns:\n      - name: id\n        data_type: integer\n"
	return []edit{
		{name: "contracted type", apply: replace("models/models.yml", promised, strings.Replace(promised, "integer", "bigint", 1))},
		{name: "contracted size", apply: replace("models/models.yml", "varchar\n", "varchar(10)\n")},
		{name: "contracted column added", apply: after("models/models.yml", promised, "      - name: more\n        data_type: integer\n")},
		{name: "contracted column removed", apply: replace("models/models.yml", promised, "  - name: promised\n    columns:\n")},
		{name: "contracted constraint removed", apply: replace("models/models.yml", "        constraints:\n          - type: not_null\n", "")},
		{name: "contract not enforced", apply: replace("models/promised.sql", "true", "false")},
		{name: "contract enforced", apply: replace("models/models.yml", "  - name: documented\n", "  - name: documented\n    config: {contract: {enforced: true}}\n")},
		{name: "contracted table becomes a view", apply: replace("models/promised.sql", "'table'", "'view'")},
		{name: "contracted model removed", apply: all(remove("models/promised.sql"), replace("models/uses_rated.sql", " join {{ ref('promised') }} using (id)", ""))},
		{name: "contracted model switched off", apply: all(add("models/promised.sql", "{{ config(enabled=false) }}\n"), replace("models/uses_rated.sql", " join {{ ref('promised') }} using (id)", ""))},
		{name: "version's column added", apply: after("models/models.yml", "          - include: all\n", "          - name: more\n            data_type: integer\n")},
		{name: "version's type", alone: true, apply: replace("models/models.yml", "          - name: other\n            data_type: integer\n", "          - name: other\n            data_type: bigint\n")},
		{name: "version removed", alone: true, apply: all(remove("models/rated_v2.sql"), replace("models/models.yml", "      - v: 2\n        columns:\n          - include: all\n          - name: other\n            data_type: integer\n", ""))},
		{name: "versions without contract", alone: true, apply: replace("models/models.yml", "contract: {enforced: true}\n", "contract: {enforced: false}\n")},
	}
}

func macros() []edit {
	here := func(old, text string) change { return replace("macros/macros.sql", old, text) }
	return []edit{
		{name: "macro", apply: here("above(column, 0)", "above(column, 1)")},
		{name: "macro of a macro", apply: here("{{ column }} > {{ bound }}", "{{ column }} >= {{ bound }}")},
		{name: "space in a macro", apply: here("unused() %}1", "unused() %} 1")},
		{name: "text between macros", apply: add("macros/macros.sql", "text\n")},
		{name: "macros moved", apply: move("macros/macros.sql", "macros/deep/macros.sql")},
		{name: "macro added", apply: create("macros/added.sql", "{% macro added() %}1{% endmacro %}\n")},
		{name: "macro documented", apply: create("macros/macros.yml", "macros:\n  - name: positive\n    description: more than nothing\n    arguments: [{name: column, type: string}]\n")},
		{name: "generic test of one's own", apply: here("<= 0", "< 0")},
		{name: "override of not_null", apply: create("macros/null.sql", "{% macro default__test_not_null(model, column_name) %}select 1 where false{% endmacro %}\n")},
		{name: "override of the adapter's not_null", apply: create("macros/null_duckdb.sql", "{% macro duckdb__test_not_null(model, column_name) %}select 1 where false{% endmacro %}\n")},
		{name: "override of is_incremental", apply: create("macros/incremental.sql", "{% macro is_incremental() %}{{ return(false) }}{% endmacro %}\n")},
		{name: "override of the view", apply: create("macros/view.sql", "{% materialization view, default %}{{ return({'relations': []}) }}{% endmaterialization %}\n")},
		{name: "override of the schema's name", apply: create("macros/schema.sql", "{% macro generate_schema_name(custom_schema_name, node) %}x_{{ custom_schema_name or target.schema }}{% endmacro %}\n")},
		{name: "override of the alias", apply: create("macros/alias.sql", "{% macro generate_alias_name(custom_alias_name=none, node=none) %}x_{{ node.name }}{{ node.version }}{% endmacro %}\n")},
		{name: "override of ref", apply: create("macros/ref.sql", "{% macro ref() %}{{ return(builtins.ref(*varargs, **kwargs)) }}{% endmacro %}\n")},
		{name: "override of source", apply: create("macros/source.sql", "{% macro source() %}{{ return(builtins.source(*varargs, **kwargs)) }}{% endmacro %}\n")},
		{name: "macro called on execution", apply: add("models/from_rates.sql", "{% if execute %}{{ unused() }}{% endif %}\n")},
	}
}

func dataTests() []edit {
	column := func(text string) change {
		return replace("models/models.yml", "          - is_positive\n", text)
	}
	return []edit{
		{name: "test added", apply: after("models/models.yml", "          - is_positive\n", "          - not_null\n")},
		{name: "test removed", apply: column("")},
		{name: "test's severity", apply: column("          - is_positive: {config: {severity: warn}}\n")},
		{name: "test's tags and meta", apply: column("          - is_positive: {config: {tags: [t], meta: {m: 1}}}\n")},
		{name: "test's where", apply: column("          - is_positive: {config: {where: \"id > 0\", limit: 10}}\n")},
		{name: "test's name", apply: column("          - is_positive: {name: orders_are_positive}\n")},
		{name: "test's description", apply: column("          - is_positive: {description: more than none}\n")},
		{name: "test's failures kept", apply: column("          - is_positive: {config: {store_failures: true, schema: kept}}\n")},
		{name: "test's arguments", apply: replace("models/models.yml", "relationships: {to: ref('customers'), field: id}", "relationships: {to: ref('customers'), field: name}")},
		{name: "singular test", apply: add("tests/no_nulls.sql", "-- none\n")},
		{name: "singular test configured", apply: create("tests/tests.yml", "data_tests:\n  - name: no_nulls\n    config: {severity: warn, tags: [t]}\n")},
		{name: "singular test moved", apply: move("tests/no_nulls.sql", "tests/deep/no_nulls.sql")},
		{name: "singular test added", apply: create("tests/none.sql", "select * from {{ source('raw', 'unused') }}\n")},
	}
}

func seedsAndSnapshots() []edit {
	return []edit{
		{name: "row of a seed", apply: add("seeds/rates.csv", "3,30\n")},
		{name: "blank lines of a seed", apply: add("seeds/rates.csv", "\n\n")},
		{name: "line ends of a seed", apply: crlf("seeds/rates.csv")},
		{name: "types of a seed", apply: replace("dbt_project.yml", "{id: integer}", "{id: bigint}")},
		{name: "seed described", apply: create("seeds/seeds.yml", "seeds:\n  - name: rates\n    description: how much\n    config: {delimiter: \",\"}\n")},
		{name: "large seed", apply: add("seeds/rates.csv", strings.Repeat("4,40\n", 250_000))},
		{name: "seed added", apply: create("seeds/more.csv", "id\n1\n")},
		{name: "seed moved", apply: move("seeds/rates.csv", "seeds/deep/rates.csv")},
		{name: "snapshot", apply: replace("snapshots/history.sql", "select *", "select id")},
		{name: "snapshot's columns", apply: replace("snapshots/history.sql", "check_cols='all'", "check_cols=['id']")},
		{name: "snapshot's schema", apply: replace("snapshots/history.sql", "target_schema='snapshots'", "target_schema='past'")},
		{name: "snapshot renamed", apply: replace("snapshots/history.sql", "snapshot history", "snapshot past")},
		{name: "YAML snapshot's relation", apply: replace("snapshots/yearly.yml", "'orders'", "'customers'")},
		{name: "YAML snapshot's config", apply: replace("snapshots/yearly.yml", "check_cols: all", "check_cols: [id]")},
		{name: "YAML snapshot's schema", apply: replace("snapshots/yearly.yml", "unique_key: id", "unique_key: id, schema: past")},
		{name: "analysis", apply: add("analyses/look.sql", "-- again\n")},
	}
}

func sources() []edit {
	source := func(text string) change {
		return after("models/sources.yml", "    schema: landing\n", "    "+text+"\n")
	}
	table := func(text string) change {
		return after("models/sources.yml", "      - name: events\n", "        "+text+"\n")
	}
	return []edit{
		{name: "table added", apply: add("models/sources.yml", "      - name: added\n")},
		{name: "table removed", apply: replace("models/sources.yml", "      - name: unused\n", "")},
		{name: "source's schema", apply: replace("models/sources.yml", "landing", "arrivals")},
		{name: "source's schema by target", apply: replace("models/sources.yml", "schema: landing", "schema: \"{{ 'arrivals' if target.name == 'prod' else 'landing' }}\"")},
		{name: "source's database", apply: source("database: memory")},
		{name: "source's identifier", apply: table("identifier: happenings")},
		{name: "source's identifier by target", apply: table("identifier: \"events_{{ target.name }}\"")},
		{name: "source's quoting", apply: table("quoting: {identifier: true}")},
		{name: "source's freshness", apply: table("loaded_at_field: at\n        freshness: {warn_after: {count: 1, period: day}}")},
		{name: "source's freshness in its config", since: 10, apply: table("config: {loaded_at_field: at, freshness: {error_after: {count: 2, period: hour}}}")},
		{name: "source's tags", apply: table("tags: [late]")},
		{name: "source's meta", apply: table("meta: {owner: loader}")},
		{name: "source's tags and meta in its config", since: 10, apply: source("config: {tags: [late], meta: {owner: loader}}")},
		{name: "source's loader", apply: source("loader: hand")},
		{name: "source's external", apply: table("external: {location: \"s3://bucket/{name}\"}")},
		{name: "source described", apply: replace("models/sources.yml", "everything that happens", "what happens")},
		{name: "source's event time", apply: table("config: {event_time: at}")},
		{name: "source switched off", apply: replace("models/sources.yml", "      - name: unused\n", "      - name: unused\n        config: {enabled: false}\n")},
		{name: "sources moved", apply: move("models/sources.yml", "models/marts/sources.yml")},
	}
}

func others() []edit {
	semantics := func(old, text string) change { return replace("models/semantics.yml", old, text) }
	exposures := func(old, text string) change { return replace("models/exposures.yml", old, text) }
	function := func(old, text string) change { return replace("functions/double.yml", old, text) }
	return []edit{
		{name: "exposure described", apply: exposures("type: dashboard\n", "type: dashboard\n    description: what Ann looks at\n    url: https://example.com/board\n    maturity: high\n")},
		{name: "exposure's owner", apply: exposures("{name: Ann, ", "{name: Bob, ")},
		{name: "exposure's label", apply: exposures("type: dashboard\n", "type: dashboard\n    label: The board\n")},
		{name: "exposure depends on more", apply: exposures("[ref('revenue')]", "[ref('revenue'), ref('customers')]")},
		{name: "exposure's config", apply: exposures("type: dashboard\n", "type: dashboard\n    config: {tags: [seen], meta: {often: true}}\n")},
		{name: "exposure added", apply: add("models/exposures.yml", "  - name: sheet\n    type: analysis\n    owner: {name: Ann}\n    depends_on: [ref('customers')]\n")},
		{name: "metric's label", apply: semantics("label: Turnover", "label: What came in")},
		{name: "metric described and filtered", apply: semantics("type: simple\n", "type: simple\n    description: money\n    filter: \"{{ TimeDimension('sale__ordered_at', 'day') }} > '2020-01-01'\"\n")},
		{name: "metric filtered", apply: semantics("type: simple\n", "type: simple\n    filter: \"{{ TimeDimension('sale__ordered_at', 'day') }} > '2020-01-01'\"\n")},
		{name: "metric's config", apply: semantics("type: simple\n", "type: simple\n    config: {meta: {unit: euro}}\n")},
		{name: "metric added", apply: semantics("saved_queries:\n", "  - name: turnover_again\n    label: Again\n    type: simple\n    type_params: {measure: total}\nsaved_queries:\n")},
		{name: "measure", apply: semantics("agg: sum", "agg: max")},
		{name: "semantic model described", apply: semantics("model: ref('orders')\n", "model: ref('orders')\n    description: what is sold\n")},
		{name: "semantic model labelled", apply: semantics("model: ref('orders')\n", "model: ref('orders')\n    label: Sales\n")},
		{name: "semantic model's config", apply: semantics("model: ref('orders')\n", "model: ref('orders')\n    config: {meta: {unit: euro}}\n")},
		{name: "dimension added", apply: semantics("    measures:\n", "      - {name: customer, type: categorical, expr: customer_id}\n    measures:\n")},
		{name: "saved query grouped", apply: semantics("'day')\"]", "'week')\"]")},
		{name: "saved query limited", apply: semantics("      metrics: [turnover]\n", "      metrics: [turnover]\n      limit: 10\n")},
		{name: "saved query filtered", apply: semantics("      metrics: [turnover]\n", "      metrics: [turnover]\n      where: [\"{{ TimeDimension('sale__ordered_at', 'day') }} > '2020-01-01'\"]\n")},
		{name: "saved query's export", apply: semantics("{export_as: table}", "{export_as: view, schema: kept}")},
		{name: "saved query's tags", since: 10, apply: semantics("  - name: by_day\n", "  - name: by_day\n    config: {tags: [seen]}\n")},
		{name: "unit test's rows", apply: replace("models/unit_tests.yml", "rows: [{id: 1, customer_id: 1}]", "rows: [{id: 1, customer_id: 2}]")},
		{name: "unit test's file", apply: add("tests/fixtures/one_customer.csv", "2\n")},
		{name: "unit test described", apply: replace("models/unit_tests.yml", "  - name: keeps_orders\n", "  - name: keeps_orders\n    description: none is lost\n    config: {tags: [unit]}\n")},
		{name: "unit test's overrides", apply: replace("models/unit_tests.yml", "  - name: keeps_orders\n", "  - name: keeps_orders\n    overrides: {vars: {region: east}}\n")},
		{name: "unit test added", apply: add("models/unit_tests.yml", "  - name: one_more\n    model: customers\n    given: []\n    expect:\n      rows: [{id: 1}]\n")},
		{name: "unit tests moved", apply: move("models/unit_tests.yml", "models/marts/unit_tests.yml")},
		{name: "function", since: 11, apply: replace("functions/double.sql", "x * 2", "2 * x")},
		{name: "function's argument", since: 11, apply: function("{name: x, data_type: integer}", "{name: x, data_type: bigint}")},
		{name: "function's argument described", since: 11, apply: function("{name: x, data_type: integer}", "{name: x, data_type: integer, description: once}")},
		{name: "function's result", since: 11, apply: function("returns: {data_type: integer}", "returns: {data_type: bigint}")},
		{name: "function described", since: 11, apply: function("twice as much", "double")},
		{name: "function's config", since: 11, apply: function("deterministic", "stable")},
	}
}
